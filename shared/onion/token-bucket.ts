/** So many per second, and a burst. Time is handed in, so it costs no timer. */
export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private tokens: number
  private filledAt: number

  /** @param nowMs the clock's monotonic milliseconds, as in `take` */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perSecond = perSecond
    this.burst = burst
    this.tokens = burst
    this.filledAt = nowMs
  }

  /** Takes one if there is one. */
  take(nowMs: number): boolean {
    const gained = ((nowMs - this.filledAt) * this.perSecond) / 1000
    this.tokens = Math.min(this.burst, this.tokens + gained)
    this.filledAt = nowMs
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }
}
