import { Socket, type SocketConstructorOpts } from 'node:net'
import type { DuplexOptions } from 'node:stream'
import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { StreamResetReason } from '../../shared/onion/exit-port.ts'
import type { ByteStream, ByteStreamEvents, StreamOpener } from '../../shared/stream/byte-stream.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Allowance } from './allowance.ts'
import { CONNECT_TIMEOUT_MS, TCP_WAITING_WRITES, TCP_WRITE_BUFFER_BYTES } from './constants.ts'
import { type Destinations, refusalOf } from './destinations.ts'

export interface TcpExitOptions {
  readonly destinations: Destinations
  readonly clock: Clock
  readonly counters: Counters
  /** One for each connection, shared with the UDP sockets. */
  readonly sockets: Allowance
  /** Where connections come from; the system chooses where left out. */
  readonly localIpv4?: string | undefined
  readonly localIpv6?: string | undefined
  readonly connectTimeoutMs?: number
}

/** Opens TCP connections for the streams of circuits: to an address that the policy allows, and to nothing else. */
export function tcpOpener(options: TcpExitOptions): StreamOpener {
  return (destination, events) => new TcpStream(options, destination, events)
}

/** Node's net hands these on to its streams, which its types leave out. */
const SOCKET_OPTIONS: SocketConstructorOpts & DuplexOptions = {
  allowHalfOpen: true,
  // A socket that is paused reads once more at the most.
  readableHighWaterMark: 1,
  writableHighWaterMark: TCP_WRITE_BUFFER_BYTES,
}

/** How the system's errors are said to the owner of a stream. All others are `unspecified`. */
const REASONS: Readonly<Record<string, StreamResetReason>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  ECONNABORTED: 'connection-reset',
  EPIPE: 'connection-reset',
  ETIMEDOUT: 'timed-out',
  EHOSTUNREACH: 'host-unreachable',
  ENETUNREACH: 'host-unreachable',
  EHOSTDOWN: 'host-unreachable',
  ENETDOWN: 'host-unreachable',
  EADDRNOTAVAIL: 'host-unreachable',
  EAFNOSUPPORT: 'host-unreachable',
  EMFILE: 'too-many-streams',
  ENFILE: 'too-many-streams',
}

/** One connection from its destination, which may be a name, to its end. */
class TcpStream implements ByteStream {
  private readonly options: TcpExitOptions
  private readonly events: ByteStreamEvents
  /** Undefined until the destination is resolved and allowed. */
  private socket: Socket | undefined
  private deadline: Timer | undefined
  /** Written before there was a socket. Bounded by the caller, who is asked to wait at once. */
  private early: Uint8Array[] = []
  /** Writes that the socket has not done yet, and whether there are too many of them. */
  private writes = 0
  private crowded = false
  private endWanted = false
  private paused = false
  private farEnded = false
  private destroyed = false
  private over = false
  private reason: StreamResetReason | undefined

  constructor(options: TcpExitOptions, destination: Address, events: ByteStreamEvents) {
    this.options = options
    this.events = events
    this.deadline = options.clock.after(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, () =>
      this.fail('timed-out'),
    )
    options.destinations.choose(destination, 'tcp').then(
      (address) => this.connect(address),
      (error: unknown) => this.fail(refusalOf(error)),
    )
  }

  write(chunk: Uint8Array): boolean {
    if (this.over || this.destroyed || this.endWanted) return true
    if (this.socket) return this.writeTo(this.socket, chunk)
    this.early.push(chunk)
    return false
  }

  end(): void {
    this.endWanted = true
    this.socket?.end()
  }

  /** A connection that not both sides have finished ends with a reset, so that nobody takes a part for the whole. */
  destroy(): void {
    if (this.over || this.destroyed) return
    this.destroyed = true
    const { socket } = this
    if (socket === undefined) queueMicrotask(() => this.finish())
    else if (socket.connecting || (this.farEnded && this.endWanted)) socket.destroy()
    else socket.resetAndDestroy()
  }

  pause(): void {
    this.paused = true
    this.socket?.pause()
  }

  resume(): void {
    this.paused = false
    this.socket?.resume()
  }

  private connect(address: IpAddress): void {
    if (this.over || this.destroyed) return
    if (!this.options.sockets.take()) {
      this.fail('too-many-streams')
      return
    }
    const socket = new Socket(SOCKET_OPTIONS)
    this.socket = socket
    socket.once('close', () => {
      this.options.sockets.giveBack()
      this.finish()
    })
    socket.once('connect', () => this.opened())
    // Plain bytes: a Buffer's `slice` is a view where everybody else's is a copy.
    socket.on('data', ({ buffer, byteOffset, length }: Buffer) =>
      this.events.data(new Uint8Array(buffer, byteOffset, length)),
    )
    socket.on('drain', () => this.events.drained())
    socket.once('end', () => {
      this.farEnded = true
      this.events.ended()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.reason ??= REASONS[error.code ?? ''] ?? 'unspecified'
    })
    const localAddress = address.kind === 'ipv4' ? this.options.localIpv4 : this.options.localIpv6
    socket.setNoDelay(true)
    // `host` is a literal address: nothing is looked up again between the policy's word and the connection.
    socket.connect({ host: address.host, port: address.port, ...(localAddress ? { localAddress } : {}) })
    const waiting = this.early
    this.early = []
    for (const chunk of waiting) this.writeTo(socket, chunk)
    if (waiting.length > 0 && !socket.writableNeedDrain) this.events.drained()
    if (this.endWanted) socket.end()
    if (this.paused) socket.pause()
  }

  private writeTo(socket: Socket, chunk: Uint8Array): boolean {
    const room = socket.write(chunk, this.written)
    this.events.untaken?.(socket.writableLength)
    if (++this.writes >= TCP_WAITING_WRITES) this.crowded = true
    return room && !this.crowded
  }

  /** One function for all writes. */
  private readonly written = (): void => {
    this.writes--
    if (!this.over) this.events.untaken?.(this.socket?.writableLength ?? 0)
    if (!this.crowded || this.writes > TCP_WAITING_WRITES / 2) return
    this.crowded = false
    if (!this.over && this.socket?.writableNeedDrain === false) this.events.drained()
  }

  private opened(): void {
    this.deadline?.cancel()
    this.options.counters.add('exit-tcp-opened')
    this.events.opened()
  }

  private fail(reason: StreamResetReason): void {
    if (this.over) return
    this.reason ??= reason
    if (this.socket) this.socket.destroy()
    else this.finish()
  }

  private finish(): void {
    if (this.over) return
    this.over = true
    this.early = []
    this.deadline?.cancel()
    const reason = this.destroyed ? undefined : this.reason
    if (reason !== undefined) this.options.counters.add(`exit-tcp-${reason}`)
    this.events.closed(reason)
  }
}
