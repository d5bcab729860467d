import type { Clock } from '../world/clock.ts'
import { fraction, type Random } from '../world/random.ts'

/** What a path does to packets in one direction. */
export interface WireConditions {
  /** Of the bottleneck; unbounded if absent. */
  readonly bytesPerSecond?: number
  /** One way, in milliseconds. */
  readonly delayMs?: number
  /** Added to the delay, uniformly from 0 to this; does not reorder by itself. */
  readonly jitterMs?: number
  /** Chance in [0, 1] that a packet is lost. */
  readonly loss?: number
  /** Chance in [0, 1] that a packet arrives twice. */
  readonly duplication?: number
  /** Chance in [0, 1] that a packet is held back by up to `reorderMs` while later ones overtake it. */
  readonly reordering?: number
  /** 20 ms unless given. */
  readonly reorderMs?: number
  /** Bytes that may wait before the bottleneck; a packet that does not fit is lost. Unbounded if absent. */
  readonly queueBytes?: number
}

/** A wire in one direction: a queue, a bottleneck, a delay, and chance. Packets are handed on, not copied. */
export class Wire {
  /** May be changed while packets are under way; those keep their times. */
  conditions: WireConditions
  sent = 0
  delivered = 0
  lost = 0
  /** Lost because the queue was full; also counted in `lost`. */
  overflowed = 0
  private readonly clock: Clock
  private readonly random: Random
  private readonly deliver: (packet: Uint8Array) => void
  /** When the bottleneck will have sent all that waits. */
  private freeAt = 0
  private lastArrival = 0

  constructor(
    clock: Clock,
    random: Random,
    conditions: WireConditions,
    deliver: (packet: Uint8Array) => void,
  ) {
    this.clock = clock
    this.random = random
    this.conditions = conditions
    this.deliver = deliver
  }

  /** How long a packet sent now would wait for the bottleneck. */
  get queueMs(): number {
    return Math.max(0, this.freeAt - this.clock.now())
  }

  send(packet: Uint8Array): void {
    const {
      bytesPerSecond = Number.POSITIVE_INFINITY,
      loss = 0,
      duplication = 0,
      queueBytes = Number.POSITIVE_INFINITY,
    } = this.conditions
    this.sent++
    if (this.queueMs * bytesPerSecond > queueBytes * 1000) {
      this.overflowed++
      this.lost++
      return
    }
    this.freeAt = Math.max(this.freeAt, this.clock.now()) + (packet.length / bytesPerSecond) * 1000
    if (this.happens(loss)) {
      this.lost++
      return
    }
    this.carry(packet)
    if (this.happens(duplication)) this.carry(packet.slice())
  }

  private happens(chance: number): boolean {
    return chance > 0 && fraction(this.random) < chance
  }

  private carry(packet: Uint8Array): void {
    const { delayMs = 0, jitterMs = 0, reordering = 0, reorderMs = 20 } = this.conditions
    let arrival = this.freeAt + delayMs
    if (jitterMs > 0) arrival += fraction(this.random) * jitterMs
    if (this.happens(reordering)) {
      arrival += fraction(this.random) * reorderMs
    } else {
      arrival = Math.max(arrival, this.lastArrival)
      this.lastArrival = arrival
    }
    this.clock.after(arrival - this.clock.now(), () => {
      this.delivered++
      this.deliver(packet)
    })
  }
}
