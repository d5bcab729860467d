import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CulvertError } from '../../shared/bytes/error.ts'

const SCRIPT = fileURLToPath(new URL('libtorrent-peer.fixture.py', import.meta.url))

type PeerEvent =
  | { event: 'listening'; port: number }
  | { event: 'finished' }
  | { event: 'error'; message: string }

/** A libtorrent process that speaks uTP only. */
export class LibtorrentPeer {
  private readonly child: ChildProcess
  private readonly events: AsyncIterator<string>
  private complaint = ''

  /** @param peer where to fetch from, as address:port; none to seed */
  constructor(torrentFile: string, directory: string, host: string, peer?: string) {
    const args = [SCRIPT, torrentFile, directory, host, ...(peer === undefined ? [] : [peer])]
    this.child = spawn('/usr/bin/python3', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const { stdout, stderr } = this.child
    if (stdout === null || stderr === null) throw new CulvertError('fixture-pipe', 'no pipes to libtorrent')
    this.events = createInterface({ input: stdout })[Symbol.asyncIterator]()
    stderr.on('data', (text: Buffer) => {
      this.complaint += text.toString()
    })
  }

  /** Waits for an event. Rejects if libtorrent ends, or complains, first; says how to install it if it is missing. */
  async event<E extends PeerEvent['event']>(name: E): Promise<Extract<PeerEvent, { event: E }>> {
    for (;;) {
      const { value, done } = await this.events.next()
      if (done) throw new CulvertError('fixture-libtorrent', `libtorrent has ended: ${this.complaint}`)
      const event = JSON.parse(value) as PeerEvent
      if (event.event === 'error') throw new CulvertError('fixture-libtorrent', event.message)
      if (event.event === name) return event as Extract<PeerEvent, { event: E }>
    }
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.stdin?.end()
    await exit
  }
}
