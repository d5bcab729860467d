import type { Clock } from '../world/clock.ts'

/** A bound on how often something may happen: `ratePerSecond` on average, `burst` at once. Constant memory. */
export class TokenBucket {
  private readonly clock: Clock
  private readonly ratePerSecond: number
  private readonly burst: number
  private tokens: number
  private filledMs: number

  constructor(clock: Clock, ratePerSecond: number, burst = ratePerSecond) {
    this.clock = clock
    this.ratePerSecond = ratePerSecond
    this.burst = burst
    this.tokens = burst
    this.filledMs = clock.now()
  }

  /** Takes one token; false if there is none. */
  take(): boolean {
    const now = this.clock.now()
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filledMs) * this.ratePerSecond) / 1000)
    this.filledMs = now
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }
}
