import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { TorControl } from './tor-control.ts'

const clock = new NodeClock()
const random = new NodeRandom()

/** How long anything of a private network may take; far more than it does. */
const PATIENCE_MS = 120_000
/** From the polite signal to the other. */
const GRACE_MS = 5_000

/** Started and not ended yet; they end with this process, whatever happens to it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Below those that the kernel gives to connections are 10,000 to 29,999: a quarter of them for each worker that runs test files. */
const PORTS = 5_000
const FIRST_PORT = 10_000 + PORTS * (Number(process.env.VITEST_POOL_ID ?? 0) % 4)
/** Goes up by one for each that was looked at, so that none is given twice, though nobody may be at it yet. */
let looked = Math.floor(Math.random() * PORTS)

/** Free ports of 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = FIRST_PORT + (looked++ % PORTS)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(true))
    })
    if (!free) continue
    ports.push(port)
    await new Promise((resolve) => server.close(resolve))
  }
  return ports
}

/** Asks again and again until the answer is neither undefined nor false. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = clock.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (clock.now() > end) throw new Error(`gave up waiting for ${what}`)
    await new Promise((resolve) => clock.after(50, () => resolve(undefined)))
  }
}

/** One `tor` with a folder and a control port of its own. */
export class TorProcess {
  readonly name: string
  readonly folder: string
  readonly controlPort: number
  private readonly lines: readonly string[]
  private child: ChildProcess | undefined
  private output = ''

  /** @param lines of its torrc, besides those that every tor here has */
  constructor(name: string, folder: string, controlPort: number, lines: readonly string[]) {
    this.name = name
    this.folder = folder
    this.controlPort = controlPort
    this.lines = lines
  }

  /** Where it keeps the secret of its control port. */
  get cookieFile(): string {
    return join(this.folder, 'cookie')
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Starts it; it answers at its control port when this is done. */
  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const torrc = join(this.folder, 'torrc')
    const empty = join(this.folder, 'empty')
    await writeFile(empty, '')
    await writeFile(torrc, `${[...this.common(empty), ...this.lines].join('\n')}\n`)
    const owner = ['__OwningControllerProcess', String(process.pid)]
    const child = spawn('tor', ['-f', torrc, '--defaults-torrc', empty, ...owner], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', HOME: this.folder, LC_ALL: 'C' },
    })
    this.child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    child.once('error', (error) => this.note(String(error)))
    child.stdout.on('data', (data: Buffer) => this.note(data.toString('latin1')))
    child.stderr.on('data', (data: Buffer) => this.note(data.toString('latin1')))
    const control = await this.control()
    control.close()
  }

  /** A new connection to its control port, once it has one. */
  control(): Promise<TorControl> {
    return eventually(`the control port of ${this.name}`, async () => {
      this.check()
      // The one of before a restart is of no use; tor writes the file before it listens.
      if (!(await readFile(this.cookieFile).catch(() => undefined))) return undefined
      return TorControl.open({ host: '127.0.0.1', port: this.controlPort, clock, random }).catch(
        () => undefined,
      )
    })
  }

  /** The reply's lines to one command, over a connection of its own. */
  async ask(command: string): Promise<readonly string[]> {
    const control = await this.control()
    try {
      return (await control.command(command)).lines
    } finally {
      control.close()
    }
  }

  /** Done when tor says that it can build circuits. */
  async bootstrapped(patienceMs = PATIENCE_MS): Promise<void> {
    const control = await this.control()
    try {
      await eventually(
        `${this.name} to find the network`,
        async () => {
          this.check()
          const { lines } = await control.command('GETINFO status/bootstrap-phase')
          return lines.some((line) => line.includes('PROGRESS=100'))
        },
        patienceMs,
      )
    } catch (cause) {
      throw new Error(`${this.name} did not find the network:\n${this.output}`, { cause })
    } finally {
      control.close()
    }
  }

  /** Ends it, by its own pid. Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this
    this.child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    const timer = clock.after(GRACE_MS, () => child.kill('SIGKILL'))
    await ended
    timer.cancel()
  }

  /** Throws if it ended by itself. */
  private check(): void {
    const { child } = this
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new Error(`${this.name} does not run:\n${this.output}`)
    }
  }

  private note(text: string): void {
    this.output = (this.output + text).slice(-4_000)
  }

  private common(empty: string): string[] {
    return [
      `DataDirectory "${this.folder}"`,
      `ControlPort 127.0.0.1:${this.controlPort}`,
      'CookieAuthentication 1',
      `CookieAuthFile "${this.cookieFile}"`,
      `GeoIPFile "${empty}"`,
      `GeoIPv6File "${empty}"`,
      'Log notice stdout',
      'ShutdownWaitLength 0',
      // From this address the kernel sends nothing beyond this machine.
      'OutboundBindAddress 127.0.0.1',
      'TestingTorNetwork 1',
      'AssumeReachable 1',
      'DirAllowPrivateAddresses 1',
      'ExtendAllowPrivateAddresses 1',
      'EnforceDistinctSubnets 0',
      'ClientRejectInternalAddresses 0',
      // Whatever is not there yet is asked for again at once, not after a polite while.
      ...['Client', 'Server', 'ClientConsensus', 'ServerConsensus'].map(
        (who) => `Testing${who}DownloadInitialDelay 0`,
      ),
    ]
  }
}
