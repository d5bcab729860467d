import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Wire, type WireConditions } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import type { CongestionControl } from './congestion.ts'
import { UtpConnection } from './connection.ts'
import { UTP_DEFAULTS, type UtpSettings } from './constants.ts'
import { newPacket, UTP_TYPE, UtpHeader } from './header.ts'
import type { LargePackets } from './large-packets.ts'

/** One end of a connection under test, and all that it was told. */
export class TestEnd {
  readonly received: Uint8Array[] = []
  receivedBytes = 0
  log: string[] = []
  closedAt = -1
  connection!: UtpConnection
  keep = true
  onData: (chunk: Uint8Array) => void = () => {}
  onDrained: () => void = () => {}
  onEnded: () => void = () => {}

  readonly events = {
    opened: () => void this.log.push('opened'),
    data: (chunk: Uint8Array) => {
      this.receivedBytes += chunk.length
      if (this.keep) this.received.push(chunk.slice())
      this.onData(chunk)
    },
    drained: () => this.onDrained(),
    ended: () => {
      this.log.push('ended')
      this.onEnded()
    },
    closed: (reason: string | undefined) => void this.log.push(`closed ${reason}`),
  }

  get bytes(): Uint8Array {
    const all = new Uint8Array(this.receivedBytes)
    let at = 0
    for (const chunk of this.received) {
      all.set(chunk, at)
      at += chunk.length
    }
    return all
  }

  /** Writes `total` bytes as fast as the connection takes them, then ends. */
  pour(total: number, chunkBytes = 65_536): void {
    let left = total
    const chunk = new Uint8Array(chunkBytes)
    const more = () => {
      while (left > 0) {
        const size = Math.min(left, chunkBytes)
        left -= size
        if (!this.connection.write(chunk.subarray(0, size))) break
      }
      if (left === 0) this.connection.end()
    }
    this.onDrained = more
    more()
  }
}

export interface PairOptions {
  readonly there?: WireConditions
  readonly back?: WireConditions
  readonly seed?: number
  readonly settings?: Partial<UtpSettings>
  readonly congestion: (maxPacketBytes: number) => CongestionControl
  /** Made once for each end. */
  readonly large?: () => LargePackets
  /** Sees what left sends. @returns whether it goes on */
  readonly tamper?: (packet: Uint8Array) => boolean
  /** Timers of real event loops are late. */
  readonly timerJitterMs?: number
}

/** Two ends over two simulated wires; `left` connects, `right` accepts. */
export class Pair {
  readonly clock = new VirtualClock()
  readonly random: SeededRandom
  readonly counters = new Counters()
  readonly left = new TestEnd()
  readonly right = new TestEnd()
  readonly there: Wire
  readonly back: Wire
  private readonly header = new UtpHeader()

  constructor({ there = {}, back = there, seed = 1, settings = {}, congestion, large, tamper }: PairOptions) {
    this.random = new SeededRandom(seed)
    const all = { ...UTP_DEFAULTS, ...settings }
    const make = (end: TestEnd, send: (packet: Uint8Array) => void) => {
      end.connection = new UtpConnection({
        clock: this.clock,
        random: this.random,
        counters: this.counters,
        settings: all,
        congestion: congestion(all.maxPacketBytes),
        large: large?.(),
        events: end.events,
        send,
        released: () => end.log.push('released'),
      })
    }
    this.there = new Wire(this.clock, this.random, there, (packet) => this.arrive(this.right, packet))
    this.back = new Wire(this.clock, this.random, back, (packet) => this.arrive(this.left, packet))
    make(this.left, (packet) => {
      if (tamper?.(packet) !== false) this.there.send(packet)
    })
    make(this.right, (packet) => this.back.send(packet))
    this.left.connection.connect(0xffff)
  }

  arrive(end: TestEnd, packet: Uint8Array): void {
    const { header } = this
    if (!header.read(packet)) return
    // As an endpoint does it: packets of another id are another connection's.
    const id = end === this.left || header.type === UTP_TYPE.syn ? 0xffff : 0
    if (header.connectionId !== id) return
    if (end.connection.state === 'idle') {
      if (header.type === UTP_TYPE.syn) end.connection.accept(header)
    } else if (end.connection.state === 'gone') {
      if (header.type === UTP_TYPE.reset) return
      const [wire, other] = end === this.left ? [this.there, 0] : [this.back, 0xffff]
      wire.send(newPacket(UTP_TYPE.reset, other, 0, 0, 0, 0, header.sequence, 0))
    } else {
      end.connection.receive(packet, header)
    }
  }

  /** Pours bytes from left to right and gives the goodput from the first SYN to the last byte, in bytes per second. */
  goodput(total: number, limitMs = 600_000): number {
    this.right.keep = false
    this.left.pour(total)
    const start = this.clock.now()
    this.clock.runUntil(() => this.right.receivedBytes >= total, limitMs)
    return (this.right.receivedBytes / (this.clock.now() - start)) * 1000
  }
}
