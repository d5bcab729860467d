import type { Address } from '../bytes/address.ts'
import type { StreamResetReason } from '../onion/exit-port.ts'
import { CircuitControl } from '../utp/circuit-control.ts'
import type { UtpConnection } from '../utp/connection.ts'
import { UtpEndpoint } from '../utp/endpoint.ts'
import { PathDelay } from '../utp/path-delay.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { ByteStream, ByteStreamEvents, StreamEnd, StreamOpener } from './byte-stream.ts'
import {
  LINGERING_SHARE,
  largePackets,
  STREAM_CLIENT_DEFAULTS,
  STREAM_UTP,
  type StreamClientSettings,
  streamPacketBytes,
} from './constants.ts'

export interface StreamClientOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Puts a uTP packet, which is the taker's, into a STREAM cell to `destination`. False if the circuit cannot take it. */
  send(destination: Address, packet: Uint8Array): boolean
  /** The largest message of a stream that the circuit takes now; MAX_MESSAGE_BYTES if not given. */
  readonly messageBytes?: () => number
  /** Bytes of the circuit that wait in the queue of its link. */
  readonly queuedBytes?: () => number
  readonly settings?: Partial<StreamClientSettings>
}

/** TCP connections from a circuit's exit, as its owner opens them: uTP to the exit, in STREAM cells, and TCP from there. */
export class StreamClient {
  private readonly options: StreamClientOptions
  private readonly settings: StreamClientSettings
  private readonly endpoint: UtpEndpoint
  private readonly live = new Map<UtpConnection, ClientStream>()
  private lost = false

  constructor(options: StreamClientOptions) {
    this.options = options
    const settings = { ...STREAM_CLIENT_DEFAULTS, ...options.settings }
    this.settings = settings
    const { clock, random, counters, send, messageBytes } = options
    const path = new PathDelay(options.queuedBytes)
    const { receiveBufferBytes, sendBufferBytes, connectTimeoutMs } = settings
    const utp = { ...STREAM_UTP, receiveBufferBytes, sendBufferBytes, connectTimeoutMs }
    this.endpoint = new UtpEndpoint({
      clock,
      random,
      counters,
      settings: (peer) => ({ ...utp, maxPacketBytes: streamPacketBytes(peer) }),
      congestion: ({ maxPacketBytes }) => new CircuitControl(maxPacketBytes, path),
      ...(messageBytes && { large: largePackets(messageBytes) }),
      send: (to, packet) => {
        if (!send(to, packet)) counters.add('stream-packet-unsent')
      },
      maxConnections: settings.maxStreams * LINGERING_SHARE,
    })
  }

  /** Streams that have not ended. */
  get streams(): number {
    return this.live.size
  }

  /** Opens a TCP connection from the exit to `destination`. */
  readonly open: StreamOpener = (destination, events) => {
    const refusal = this.lost ? 'no-circuit' : 'too-many-streams'
    const stream = new ClientStream(this.options.clock, events)
    const made =
      this.lost || this.live.size >= this.settings.maxStreams
        ? undefined
        : this.endpoint.connect(destination, {
            opened: () => events.opened(),
            data: (chunk) => events.data(chunk),
            drained: () => events.drained(),
            ended: () => events.ended(),
            closed: (reason) => {
              if (stream.connection !== undefined) this.live.delete(stream.connection)
              stream.finish(reason)
            },
          })
    if (made === undefined) {
      this.options.counters.add(`stream-refused-${refusal}`)
      stream.fail(refusal)
      return stream
    }
    stream.connection = made.connection
    this.live.set(made.connection, stream)
    return stream
  }

  /** Takes in the packet of a STREAM cell that came back; `destination` is as it was sent. */
  receive(destination: Address, packet: Uint8Array): void {
    if (!this.lost) this.endpoint.receive(destination, packet)
  }

  /** Takes in a STREAM-RESET message. */
  reset(destination: Address, connectionId: number, reason: StreamResetReason): void {
    const connection = this.endpoint.find(destination, connectionId)
    const stream = connection && this.live.get(connection)
    if (connection === undefined || stream === undefined) {
      this.options.counters.add('stream-reset-unknown')
      return
    }
    this.live.delete(connection)
    connection.abandon()
    stream.fail(reason)
  }

  /** The circuit is no more: all streams end with 'circuit-lost'. Idempotent. */
  circuitClosed(): void {
    if (this.lost) return
    this.lost = true
    for (const stream of this.live.values()) stream.fail('circuit-lost')
    this.live.clear()
    this.endpoint.abandon()
  }
}

/** A stream as the application holds it: a uTP connection, or none any more, and the reason why. */
class ClientStream implements ByteStream {
  connection: UtpConnection | undefined
  private readonly clock: Clock
  private readonly events: ByteStreamEvents
  private told = false
  private failing = false

  constructor(clock: Clock, events: ByteStreamEvents) {
    this.clock = clock
    this.events = events
  }

  write(chunk: Uint8Array): boolean {
    return this.connection?.write(chunk) ?? true
  }

  end(): void {
    this.connection?.end()
  }

  destroy(): void {
    if (this.connection === undefined) this.fail(undefined)
    else this.connection.destroy()
  }

  pause(): void {
    this.connection?.pause()
  }

  resume(): void {
    this.connection?.resume()
  }

  /** The connection has told of its end; what `fail` says counts more. */
  finish(reason: StreamEnd | undefined): void {
    if (!this.failing) this.tell(reason)
  }

  /** Ends it for a reason that uTP does not know. */
  fail(reason: StreamEnd | undefined): void {
    if (this.failing) return
    this.failing = true
    this.clock.after(0, () => this.tell(reason))
  }

  private tell(reason: StreamEnd | undefined): void {
    if (this.told) return
    this.told = true
    this.events.closed(reason)
  }
}
