import { type Address, anyAddress, formatAddress } from '../bytes/address.ts'
import { decode, encode, raw, struct, u8, u16 } from '../bytes/codec.ts'
import type { ExitCircuit } from '../onion/exit-port.ts'
import { STREAM_RESET_REASONS, type StreamResetReason } from '../onion/exit-port.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Wire, type WireConditions } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import type { ByteStream, ByteStreamEvents, StreamEnd } from './byte-stream.ts'
import type { StreamClientSettings, StreamServerLimits } from './constants.ts'
import { StreamClient } from './stream-client.ts'
import { StreamServer } from './stream-server.ts'

const cell = struct({ kind: u8, destination: anyAddress, id: u16, data: raw })
const REASONS = Object.keys(STREAM_RESET_REASONS) as StreamResetReason[]

/** A TCP connection of the test: what was written to it, and the events to play. */
export class TestTcp implements ByteStream {
  readonly destination: Address
  readonly events: ByteStreamEvents
  log: string[] = []
  written = new Uint8Array(0)
  paused = false
  full = false

  constructor(destination: Address, events: ByteStreamEvents) {
    this.destination = destination
    this.events = events
  }

  write(chunk: Uint8Array): boolean {
    const all = new Uint8Array(this.written.length + chunk.length)
    all.set(this.written)
    all.set(chunk, this.written.length)
    this.written = all
    return !this.full
  }

  end(): void {
    this.log.push('end')
  }

  destroy(): void {
    this.log.push('destroy')
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }
}

/** What an application was told by its stream. */
export class TestApp {
  log: string[] = []
  bytes = 0
  sum = 0
  stream!: ByteStream
  onDrained: () => void = () => {}
  readonly events: ByteStreamEvents = {
    opened: () => void this.log.push('opened'),
    data: (chunk) => {
      this.bytes += chunk.length
      for (const byte of chunk) this.sum = (this.sum * 31 + byte) | 0
    },
    drained: () => this.onDrained(),
    ended: () => void this.log.push('ended'),
    closed: (reason: StreamEnd | undefined) => void this.log.push(`closed ${reason}`),
  }
}

export interface CircuitOptions {
  readonly conditions?: WireConditions
  readonly settings?: Partial<StreamClientSettings>
  readonly limits?: Partial<StreamServerLimits>
  /** Called for each new TCP connection, within the opener. */
  onTcp?(tcp: TestTcp): void
  /** Another circuit of the same exit, whose limits and TCP connections it shares. */
  readonly beside?: TestCircuit
  /** The neighbour that it comes by. */
  readonly source?: unknown
}

/** A page's streams and an exit's, joined by simulated wires that stand for a circuit. */
export class TestCircuit {
  readonly clock: VirtualClock
  readonly counters: Counters
  readonly client: StreamClient
  readonly server: StreamServer
  readonly there: Wire
  readonly back: Wire
  /** Of all circuits of the exit. */
  readonly tcps: TestTcp[]
  largest = 0
  readonly exit: ExitCircuit & { alive: boolean }
  /** The largest STREAM message that the circuit takes, both ways. */
  messageBytes = 1371

  constructor({
    conditions = { delayMs: 50 },
    settings = {},
    limits = {},
    onTcp = () => {},
    beside,
    source,
  }: CircuitOptions = {}) {
    this.clock = beside?.clock ?? new VirtualClock()
    this.counters = beside?.counters ?? new Counters()
    this.tcps = beside?.tcps ?? []
    const { clock, counters } = this
    const random = new SeededRandom(1)
    this.there = new Wire(clock, random, conditions, (bytes) => {
      const { destination, data } = decode(cell, bytes)
      this.server.packet(this.exit, destination, data)
    })
    this.back = new Wire(clock, random, conditions, (bytes) => {
      const { kind, destination, id, data } = decode(cell, bytes)
      if (kind === 0) this.client.receive(destination, data)
      else this.client.reset(destination, id, REASONS[data[0] ?? 0] ?? 'unspecified')
    })
    const pack = (kind: number, destination: Address, id: number, data: Uint8Array) => {
      if (kind === 0)
        this.largest = Math.max(this.largest, 1 + 7 + encode(anyAddress, destination).length + data.length)
      return encode(cell, { kind, destination, id, data }).slice()
    }
    const messageBytes = () => this.messageBytes
    this.exit = {
      source,
      alive: true,
      get streamMessageBytes() {
        return messageBytes()
      },
      sendDatagram: () => {},
      sendStream: (destination, packet) => this.back.send(pack(0, destination, 0, packet)),
      sendStreamReset: (destination, id, reason) =>
        this.back.send(pack(1, destination, id, Uint8Array.of(STREAM_RESET_REASONS[reason]))),
    }
    this.client = new StreamClient({
      clock,
      random,
      counters,
      settings,
      messageBytes,
      send: (destination, packet) => {
        this.there.send(pack(0, destination, 0, packet))
        return true
      },
    })
    const opener = (destination: Address, events: ByteStreamEvents) => {
      const tcp = new TestTcp(destination, events)
      this.tcps.push(tcp)
      onTcp(tcp)
      return tcp
    }
    this.server = beside?.server ?? new StreamServer({ clock, random, counters, limits, opener })
  }

  open(destination: Address): TestApp {
    const app = new TestApp()
    app.stream = this.client.open(destination, app.events)
    return app
  }

  tcp(destination: Address): TestTcp {
    const found = this.tcps.find((tcp) => formatAddress(tcp.destination) === formatAddress(destination))
    if (found === undefined) throw new RangeError(`no TCP connection to ${formatAddress(destination)}`)
    return found
  }
}
