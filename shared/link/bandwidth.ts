import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { MESSAGE_BYTES } from './constants.ts'
import { monthStart, nextMonthStart } from './month.ts'

/** What a relay may use; anything left out is unlimited. */
export interface BandwidthLimits {
  /** Sent, all wires together. */
  readonly rateBytesPerSecond?: number
  /** Sent at once after a pause; a second's worth by default. */
  readonly burstBytes?: number
  /** In and out together, a month. */
  readonly monthlyBytes?: number
  /** Day of the month (UTC) that the count begins anew, 1 to 28; 1 by default. */
  readonly monthStartDay?: number
}

/** What was carried in a month. Plain data. */
export interface MonthCount {
  /** Milliseconds since 1970 of the month's first moment. */
  readonly monthStartMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What must outlive a restart. Plain data. */
export interface BandwidthSnapshot extends MonthCount {
  /** Of the month that was counted before. */
  readonly before?: MonthCount
}

/** Plain data, for status and metrics. */
export interface BandwidthStatus {
  readonly rateBytesPerSecond: number | undefined
  readonly burstBytes: number | undefined
  readonly monthlyBytes: number | undefined
  readonly monthBytesIn: number
  readonly monthBytesOut: number
  readonly sleeping: boolean
}

/**
 * Decides when the wires of a node may send, so that all together keep to a rate. Wires that have to wait come to their turns
 * in the order in which they asked, for one message each. Control never waits: what it takes is owed.
 */
export interface Shaper {
  /** Whether one message of packets other than control may be sent now. */
  readonly free: boolean
  /** So many bytes were sent, control included. */
  sent(bytes: number): void
  /** So many bytes came. */
  received(bytes: number): void
  /** Runs `run` once when it is the caller's turn; `free` holds then, for one message. */
  whenFree(run: () => void): Timer
}

export interface BandwidthOptions {
  readonly clock: Clock
  /** `bandwidth-waits`, `bandwidth-slept`. */
  readonly counters: Counters
  readonly limits: BandwidthLimits
  /** Of before the restart. */
  readonly snapshot?: BandwidthSnapshot
  /** The month is used up: no new link or circuit is to be taken. */
  onSleep?(): void
  /** A new month has begun. */
  onWake?(): void
}

/** A bucket holds at least that much, or a message of a link would have to wait for the next second, whatever the rate. */
const LEAST_BURST_BYTES = 2 * MESSAGE_BYTES
/** A node that sleeps looks that often whether the month is over. */
const WAKE_LOOK_MS = 3_600_000

/** What a node may send in a second, and in a month (L-08). One for all of its wires. */
export class Bandwidth implements Shaper {
  private readonly options: BandwidthOptions
  private readonly rate: number
  private readonly burst: number
  private readonly startDay: number
  private tokens: number
  private filledMs: number
  private readonly waiting = new Set<() => void>()
  private timer: Timer | undefined
  /** Whether the wire whose turn it is has not sent yet. */
  private granted = false
  private month: { -readonly [field in keyof MonthCount]: MonthCount[field] }
  private monthEndMs = 0
  /** What was counted before `month`: it is gone back to when the clock was wrong. */
  private before: MonthCount | undefined
  private isSleeping = false
  private wakeTimer: Timer | undefined

  constructor(options: BandwidthOptions) {
    this.options = options
    const { clock, limits, snapshot } = options
    this.rate = limits.rateBytesPerSecond ?? Number.POSITIVE_INFINITY
    this.burst = Math.max(LEAST_BURST_BYTES, limits.burstBytes ?? limits.rateBytesPerSecond ?? 0)
    this.startDay = limits.monthStartDay ?? 1
    this.tokens = this.burst
    this.filledMs = clock.now()
    const known: BandwidthSnapshot = snapshot ?? emptyMonth(monthStart(clock.wall(), this.startDay))
    const { before, ...month } = known
    this.month = month
    this.before = before
    this.renew()
    this.judge(false)
  }

  /** This, by the name of what wires need of it. */
  get shaper(): Shaper {
    return this
  }

  /** Whether the month is used up. */
  get sleeping(): boolean {
    return this.isSleeping
  }

  get free(): boolean {
    if (this.rate === Number.POSITIVE_INFINITY) return true
    this.fill()
    return this.tokens > 0 && (this.granted || this.waiting.size === 0)
  }

  sent(bytes: number): void {
    this.granted = false
    if (this.rate !== Number.POSITIVE_INFINITY) {
      this.fill()
      // What control may owe is bounded, so that a flood of it does not silence the rest for long.
      this.tokens = Math.max(this.tokens - bytes, -this.burst)
    }
    this.renew()
    this.month.bytesOut += bytes
    this.judge(true)
  }

  received(bytes: number): void {
    this.renew()
    this.month.bytesIn += bytes
    this.judge(true)
  }

  whenFree(run: () => void): Timer {
    const turn = () => run()
    this.waiting.add(turn)
    this.options.counters.add('bandwidth-waits')
    this.arm()
    return { cancel: () => this.waiting.delete(turn) }
  }

  status(): BandwidthStatus {
    const { rateBytesPerSecond, monthlyBytes } = this.options.limits
    return {
      rateBytesPerSecond,
      burstBytes: rateBytesPerSecond === undefined ? undefined : this.burst,
      monthlyBytes,
      monthBytesIn: this.month.bytesIn,
      monthBytesOut: this.month.bytesOut,
      sleeping: this.isSleeping,
    }
  }

  snapshot(): BandwidthSnapshot {
    return { ...this.month, ...(this.before && { before: this.before }) }
  }

  stop(): void {
    this.timer?.cancel()
    this.wakeTimer?.cancel()
    this.waiting.clear()
  }

  private fill(): void {
    const nowMs = this.options.clock.now()
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.filledMs) / 1000) * this.rate)
    this.filledMs = nowMs
  }

  private arm(): void {
    if (this.timer || this.waiting.size === 0) return
    this.fill()
    const waitMs = this.tokens > 0 ? 0 : Math.ceil((1000 * (1 - this.tokens)) / this.rate)
    this.timer = this.options.clock.after(waitMs, this.serve)
  }

  private readonly serve = (): void => {
    this.timer = undefined
    this.fill()
    for (const turn of this.waiting) {
      if (this.tokens <= 0) break
      this.waiting.delete(turn)
      this.granted = true
      turn()
      this.granted = false
    }
    this.arm()
  }

  /** Begins a new month if it is time. Goes back to the one before if the clock does, and forgets the one that was none. */
  private renew(): void {
    const wallMs = this.options.clock.wall()
    if (wallMs >= this.month.monthStartMs && wallMs < this.monthEndMs) return
    this.monthEndMs = nextMonthStart(wallMs, this.startDay)
    const startMs = monthStart(wallMs, this.startDay)
    if (startMs === this.month.monthStartMs) return
    if (startMs === this.before?.monthStartMs) {
      this.month = { ...this.before }
      this.before = undefined
    } else {
      this.before = this.month
      this.month = emptyMonth(startMs)
    }
  }

  private judge(tells: boolean): void {
    const { limits, onSleep, onWake, counters } = this.options
    const { bytesIn, bytesOut } = this.month
    const usedUp = bytesIn + bytesOut >= (limits.monthlyBytes ?? Number.POSITIVE_INFINITY)
    if (usedUp === this.isSleeping) return
    this.isSleeping = usedUp
    this.wakeTimer?.cancel()
    if (usedUp) {
      counters.add('bandwidth-slept')
      this.watch()
    }
    if (tells) (usedUp ? onSleep : onWake)?.()
  }

  private watch(): void {
    const { clock } = this.options
    const waitMs = Math.min(WAKE_LOOK_MS, this.monthEndMs - clock.wall())
    this.wakeTimer = clock.after(waitMs, () => {
      this.renew()
      this.judge(true)
      if (this.isSleeping) this.watch()
    })
  }
}

function emptyMonth(monthStartMs: number): MonthCount {
  return { monthStartMs, bytesIn: 0, bytesOut: 0 }
}
