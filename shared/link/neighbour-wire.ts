import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint32 } from '../world/random.ts'
import { pingPacket } from './control.ts'
import type { WireHealth, WireStatus } from './health.ts'
import type { NeighbourSettings } from './keeper-limits.ts'
import type { LinkCloseReason } from './link.ts'
import { formatLinkAddress } from './link-address.ts'
import { RoundTrip } from './round-trip.ts'
import type { Wire, WireKind } from './wire.ts'

export interface NeighbourWireOptions {
  readonly clock: Clock
  readonly random: Random
  readonly settings: NeighbourSettings
  /** Whether circuits depend on the wire. */
  inUse(): boolean
  /** It fell silent, or is heard again. */
  onStatus(): void
}

/** How a wire is being replaced. */
export interface Retirement {
  /** Names it in `retiring` and `after`. */
  readonly nonce: number
  readonly sinceMs: number
  /** Whether our `retiring` is sent: nothing but control follows. */
  told: boolean
  /** Whether the neighbour's is heard. */
  heard: boolean
  /** Since when both are. */
  doneMs: number | undefined
}

/**
 * What speaks against a kind, in round trips of 200 ms: ways through others' machines are for those who have no other, and
 * datagrams carry large cells in pieces, to the same place as a stream.
 */
const SECOND_CHOICE: Readonly<Partial<Record<WireKind, number>>> = { tor: 1, bridge: 1, udp: 1.5 }
/** A timer that is later than that says that this side stood still. */
const LATE_MS = 50
/** Pings whose answers are still of use. */
const MAX_PINGS = 8
/** Taken for what a wire carries until it has carried more. */
const LEAST_BYTES_PER_SECOND = 131_072
/** Rates are averaged over about that long, and the best of them is forgotten by half in the other. */
const RATE_MS = 1_000
const CAPACITY_HALF_MS = 60_000

/** One wire of a neighbour: what it has carried, how long answers take, and whether it still lives (L-07). */
export class NeighbourWire {
  readonly wire: Wire
  readonly openedMs: number
  readonly roundTrip = new RoundTrip()
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** Flows that keep to it. */
  flows = 0
  silent = false
  closed = false
  retirement: Retirement | undefined

  private readonly options: NeighbourWireOptions
  private readonly pings = new Map<number, number>()
  private heardMs: number
  private tookMs = Number.NEGATIVE_INFINITY
  /** When the first packet was sent after the last that came. */
  private owedMs: number | undefined
  /** Pings since anything came, and when the first of them was sent. */
  private asked = 0
  private firstAskMs = 0
  private lastAskMs = 0
  private timer: Timer | undefined
  private timerMs = 0

  private rate = 0
  private capacity = LEAST_BYTES_PER_SECOND
  private sampleMs: number
  private sampleBytes = 0

  constructor(wire: Wire, options: NeighbourWireOptions) {
    this.wire = wire
    this.options = options
    const nowMs = options.clock.now()
    this.openedMs = nowMs
    this.heardMs = nowMs
    this.sampleMs = nowMs
  }

  /** Asks for the first time. */
  start(): void {
    this.ask(this.options.clock.now())
    this.arm(this.lastAskMs + this.askEveryMs())
  }

  get status(): WireStatus {
    return this.retirement ? 'retiring' : this.silent ? 'silent' : 'open'
  }

  /** Whether packets may still be given to it. */
  get takesPackets(): boolean {
    return !this.closed && this.wire.link.open && this.retirement?.told !== true
  }

  send(packet: Uint8Array, flow: number, nowMs: number): void {
    if (this.owedMs === undefined) {
      this.owedMs = nowMs
      this.arm(nowMs + this.options.settings.silenceMs)
    }
    this.transmit(packet, flow)
  }

  /** As `send`, of what the neighbour owes no answer for. */
  transmit(packet: Uint8Array, flow: number): void {
    this.messagesOut++
    this.bytesOut += packet.length
    this.wire.link.send(packet, flow)
  }

  /** Something came, perhaps of the neighbour. */
  took(bytes: number): void {
    // By all other kinds it was the neighbour.
    if (this.wire.kind === 'udp') this.tookMs = this.options.clock.now()
    this.messagesIn++
    this.bytesIn += bytes
  }

  /** It was the neighbour's: he lives. */
  heard(): void {
    this.heardMs = this.options.clock.now()
    this.owedMs = undefined
    this.asked = 0
    if (!this.silent) return
    this.silent = false
    this.options.onStatus()
  }

  ponged(nonce: number): void {
    const sentMs = this.pings.get(nonce)
    if (sentMs === undefined) return
    this.pings.delete(nonce)
    this.roundTrip.measured(this.options.clock.now() - sentMs)
  }

  close(reason: LinkCloseReason): void {
    this.wire.link.close(reason)
  }

  /** It is over. */
  ended(): void {
    this.closed = true
    this.timer?.cancel()
  }

  /**
   * What one more flow would meet here, in round trips of 200 ms: the way's own, and what waits and goes there already. The
   * least is the best.
   */
  cost(nowMs: number): number {
    this.sample(nowMs)
    const { link, kind } = this.wire
    const { unknownRoundTripMs } = this.options.settings
    const waitMs = (1000 * (link.queued?.bytes ?? 0)) / this.capacity
    const ownMs = this.roundTrip.latencyMs ?? unknownRoundTripMs / 2
    return (ownMs + waitMs) / 200 + this.rate / this.capacity + this.flows / 50 + (SECOND_CHOICE[kind] ?? 0)
  }

  health(withAddresses: boolean): WireHealth {
    const nowMs = this.options.clock.now()
    const { kind, binding, initiated, address } = this.wire
    return {
      kind,
      status: this.status,
      binding,
      initiated,
      latencyMs: this.roundTrip.latencyMs,
      lastSeenMs: nowMs - this.heardMs,
      ageMs: nowMs - this.openedMs,
      messagesIn: this.messagesIn,
      messagesOut: this.messagesOut,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      ...(withAddresses && address && { address: formatLinkAddress(address) }),
    }
  }

  /** How long between one question and the next. */
  private askEveryMs(): number {
    const { settings, inUse } = this.options
    if (this.silent) return settings.silentAskMs
    return inUse() ? settings.silenceMs : settings.idleAskMs
  }

  /** Questions without an answer after which it counts as silent. One more where packets come that may be the neighbour's. */
  private get patience(): number {
    return this.tookMs > this.firstAskMs ? 3 : 2
  }

  /** How long after the first of them: so many questions and a round trip, at least. */
  private verdictMs(): number {
    const { unknownRoundTripMs } = this.options.settings
    return Math.max(this.patience * this.askEveryMs(), this.roundTrip.timeoutMs(unknownRoundTripMs))
  }

  private readonly check = (): void => {
    this.timer = undefined
    if (this.closed) return
    const nowMs = this.options.clock.now()
    this.sample(nowMs)
    // While this side stood still, busy or asleep, it could not have heard an answer.
    const lateMs = nowMs - this.timerMs
    if (lateMs > LATE_MS) {
      this.firstAskMs += lateMs
      if (this.owedMs !== undefined) this.owedMs += lateMs
    }
    if (this.asked === 0) this.checkHeard(nowMs)
    else this.checkAsked(nowMs)
  }

  /** It has answered so far. */
  private checkHeard(nowMs: number): void {
    const dueMs = this.questionDueMs()
    if (nowMs >= dueMs) this.ask(nowMs)
    this.arm(nowMs >= dueMs ? nowMs + this.askEveryMs() : dueMs)
  }

  /** It was asked, and has not answered. */
  private checkAsked(nowMs: number): void {
    if (nowMs - this.firstAskMs >= this.options.settings.lostMs) {
      this.close('lost')
      return
    }
    if (this.asked >= this.patience && !this.silent && nowMs - this.firstAskMs >= this.verdictMs()) {
      this.silent = true
      this.options.onStatus()
      if (this.closed) return
    }
    if (nowMs - this.lastAskMs >= this.askEveryMs()) this.ask(nowMs)
    const nextMs = this.lastAskMs + this.askEveryMs()
    this.arm(this.silent ? nextMs : Math.min(nextMs, Math.max(nowMs + 1, this.firstAskMs + this.verdictMs())))
  }

  /** When a wire that has answered so far is to be asked again. */
  private questionDueMs(): number {
    const { settings } = this.options
    const heartbeatMs = this.heardMs + settings.heartbeatMs
    if (this.owedMs === undefined) return heartbeatMs
    const quickMs = this.options.inUse() ? this.owedMs + settings.silenceMs : heartbeatMs
    return Math.min(heartbeatMs, quickMs, Math.max(this.owedMs, this.lastAskMs + settings.measureMs))
  }

  private ask(nowMs: number): void {
    if (this.asked === 0) this.firstAskMs = nowMs
    this.asked++
    this.lastAskMs = nowMs
    const nonce = uint32(this.options.random)
    this.pings.set(nonce, nowMs)
    for (const oldest of this.pings.keys()) {
      if (this.pings.size <= MAX_PINGS) break
      this.pings.delete(oldest)
    }
    this.transmit(pingPacket(nonce), 0)
  }

  /** Sees to it that `check` runs at that time or before. */
  private arm(atMs: number): void {
    if (this.closed || (this.timer && this.timerMs <= atMs)) return
    this.timer?.cancel()
    this.timerMs = atMs
    // At least a step of the clock, so that rounding cannot bring it back to the same moment for ever.
    this.timer = this.options.clock.after(Math.max(1, atMs - this.options.clock.now()), this.check)
  }

  /** Takes note of how much it carries. */
  private sample(nowMs: number): void {
    const ms = nowMs - this.sampleMs
    if (ms < RATE_MS / 4) return
    const share = Math.min(1, ms / RATE_MS)
    const rate = (1000 * (this.bytesOut - this.sampleBytes)) / ms
    this.rate += share * (rate - this.rate)
    const faded = this.capacity * 0.5 ** (ms / CAPACITY_HALF_MS)
    this.capacity = Math.max(LEAST_BYTES_PER_SECOND, faded, this.rate)
    this.sampleMs = nowMs
    this.sampleBytes = this.bytesOut
  }
}
