import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

export interface SeederOptions {
  /** What the seeder speaks; encrypted is TCP with message stream encryption and nothing else. */
  readonly transport: 'tcp' | 'utp' | 'encrypted'
  /** Bytes a second; 0 for no limit. */
  readonly uploadLimit: number
  readonly announce?: string
}

/** A libtorrent that seeds one folder on 127.0.0.1. */
export class Seeder {
  readonly port: number
  readonly infoHash: string
  readonly torrent: Buffer
  private readonly child: ChildProcess

  private constructor(child: ChildProcess, line: string) {
    const { port, infoHash, torrent } = JSON.parse(line) as {
      port: number
      infoHash: string
      torrent: string
    }
    this.child = child
    this.port = port
    this.infoHash = infoHash
    this.torrent = Buffer.from(torrent, 'base64')
  }

  static async start(folder: string, options: SeederOptions): Promise<Seeder> {
    const { transport, uploadLimit, announce = '-' } = options
    const script = resolve(import.meta.dirname, 'seeder.py')
    const args = [script, folder, transport, String(uploadLimit), announce]
    // Debian's own Python: python3-libtorrent is for no other.
    const child = spawn('/usr/bin/python3', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return new Seeder(child, line)
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return
    this.child.stdin?.end()
    await once(this.child, 'exit')
  }
}
