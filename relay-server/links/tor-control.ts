import { connect, type Socket } from 'node:net'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Random } from '../../shared/world/random.ts'
import { authenticate } from './tor-authentication.ts'
import { TOR_COMMAND_TIMEOUT_MS, TOR_PENDING_COMMANDS } from './tor-constants.ts'
import { TorError } from './tor-error.ts'
import { TorReplies, type TorReply } from './tor-reply.ts'

export interface TorControlOptions {
  readonly host: string
  readonly port: number
  /** Of HashedControlPassword; without it the cookie, or nothing if tor asks for nothing. */
  readonly password?: string | undefined
  readonly clock: Clock
  readonly random: Random
  /** Bounds each command, the connection and its authentication too. */
  readonly timeoutMs?: number
  /** An event that was asked for by SETEVENTS. */
  onEvent?(event: TorReply): void
  /** The connection has ended, from whichever side. Called once, and only after `open` has succeeded. */
  onClosed?(): void
}

interface Pending {
  readonly command: string
  readonly timer: Timer
  resolve(reply: TorReply): void
  reject(error: TorError): void
}

/**
 * A client of tor's control port (control-spec): one connection, commands in order, events beside them. Ephemeral onion
 * services live as long as the connection that made them, so whoever holds one holds its services.
 */
export class TorControl {
  private readonly options: TorControlOptions
  private readonly socket: Socket
  private readonly replies = new TorReplies((reply) => this.replied(reply))
  private readonly pending: Pending[] = []
  private isOpen = true
  private authenticated = false

  /**
   * Connects and authenticates.
   * @throws TorError `tor-control-unreachable`, `-auth`, `-cookie`, `-refused`, `-protocol`, `-timeout`, `-closed`
   */
  static async open(options: TorControlOptions): Promise<TorControl> {
    const control = new TorControl(options, await connected(options))
    try {
      await authenticate(control, options)
    } catch (error) {
      control.close()
      throw error
    }
    control.authenticated = true
    if (!control.isOpen) throw new TorError('tor-control-closed', 'tor closed its control port')
    return control
  }

  private constructor(options: TorControlOptions, socket: Socket) {
    this.options = options
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.end(new TorError('tor-control-closed', 'tor closed its control port')))
  }

  get open(): boolean {
    return this.isOpen
  }

  /**
   * Sends one command line, without its end, and gives tor's reply of status 2xx.
   * @throws TorError `tor-control-refused` (another status), `-timeout`, `-closed`, `-protocol`
   */
  async command(line: string): Promise<TorReply> {
    const [name = ''] = line.split(' ', 1)
    if (/[\r\n\0]/.test(line)) throw new TorError('tor-control-protocol', `${name} would be several lines`)
    if (!this.isOpen) throw new TorError('tor-control-closed', 'tor closed its control port')
    if (this.pending.length >= TOR_PENDING_COMMANDS) {
      throw new TorError('tor-control-timeout', 'too many commands wait for tor')
    }
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.after(this.options.timeoutMs ?? TOR_COMMAND_TIMEOUT_MS, () =>
        this.end(new TorError('tor-control-timeout', `tor did not answer ${name} in time`)),
      )
      this.pending.push({ command: name, timer, resolve, reject })
      this.socket.write(`${line}\r\n`)
    })
  }

  /** Ends the connection, and with it the services made over it. Idempotent. */
  close(): void {
    this.end(new TorError('tor-control-closed', 'the control connection was ended'))
  }

  private receive(chunk: Buffer): void {
    if (!this.isOpen) return
    try {
      this.replies.receive(chunk)
    } catch (error) {
      if (!(error instanceof TorError)) throw error
      this.end(error)
    }
  }

  private replied(reply: TorReply): void {
    if (!this.isOpen) return
    if (reply.status >= 600) {
      this.options.onEvent?.(reply)
      return
    }
    const next = this.pending.shift()
    if (!next)
      throw new TorError('tor-control-protocol', 'this is no control port of tor: an answer to nothing')
    next.timer.cancel()
    if (reply.status < 300) next.resolve(reply)
    else {
      const why = `${reply.status} ${reply.lines.at(-1)?.slice(0, 200) ?? ''}`
      next.reject(new TorError('tor-control-refused', `tor refused ${next.command}: ${why}`))
    }
  }

  private end(error: TorError): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.socket.destroy()
    for (const { timer, reject } of this.pending.splice(0)) {
      timer.cancel()
      reject(error)
    }
    if (this.authenticated) this.options.onClosed?.()
  }
}

function connected({ host, port, clock, timeoutMs }: TorControlOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const fail = (why: string, cause?: unknown) => {
      timer.cancel()
      socket.destroy()
      const message = `tor's control port cannot be reached: ${why}`
      reject(new TorError('tor-control-unreachable', message, { cause }))
    }
    const timer = clock.after(timeoutMs ?? TOR_COMMAND_TIMEOUT_MS, () => fail('no answer in time'))
    const failed = (error: NodeJS.ErrnoException) => fail(error.code ?? 'unknown', error)
    socket.once('error', failed)
    socket.once('connect', () => {
      timer.cancel()
      socket.off('error', failed)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, 30_000)
      resolve(socket)
    })
  })
}
