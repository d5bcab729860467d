import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'

export const OPENTRACKER_PORT = 6_969

/** A folder with what opentracker of Debian needs, which serves known info hashes alone. */
export async function opentrackerFolder(infoHashes: readonly Uint8Array[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'culvert-opentracker-'))
  // It shuts itself in there and becomes nobody.
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'allowed'), infoHashes.map((each) => `${toHex(each)}\n`).join(''))
  return folder
}

/** Its command line, for HTTP and UDP on port 6969 of `host`. */
export function opentrackerCommand(host: string, folder: string): [string, ...string[]] {
  const port = String(OPENTRACKER_PORT)
  return ['opentracker', '-i', host, '-p', port, '-P', port, '-d', folder, '-w', 'allowed']
}

/** Debian's opentracker on an address of this machine. */
export class Opentracker {
  readonly host: string
  private readonly child: ChildProcess
  private readonly folder: string
  private complaint = ''

  /** Ends once it takes connections. */
  static async start(host: string, infoHashes: readonly Uint8Array[]): Promise<Opentracker> {
    const tracker = new Opentracker(host, await opentrackerFolder(infoHashes))
    await tracker.listening()
    return tracker
  }

  private constructor(host: string, folder: string) {
    this.host = host
    this.folder = folder
    const [command, ...args] = opentrackerCommand(host, folder)
    this.child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    this.child.on('error', (error) => {
      this.complaint += error.message
    })
    this.child.stderr?.on('data', (text: Buffer) => {
      this.complaint += text.toString()
    })
  }

  url(protocol: 'http' | 'udp'): string {
    return `${protocol}://${this.host}:${OPENTRACKER_PORT}/announce`
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const exit = once(this.child, 'exit')
      this.child.kill('SIGKILL')
      await exit
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  private async listening(): Promise<void> {
    for (let tries = 0; tries < 2_000; tries++) {
      if (this.child.exitCode !== null || this.child.pid === undefined) break
      if (await this.answers()) return
    }
    await this.stop()
    throw new CulvertError('fixture-opentracker', `opentracker does not listen: ${this.complaint}`)
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(OPENTRACKER_PORT, this.host)
      const end = (connected: boolean) => {
        socket.destroy()
        setTimeout(() => resolve(connected), connected ? 0 : 10)
      }
      socket.once('connect', () => end(true)).once('error', () => end(false))
    })
  }
}
