/** The least of the measurements of the last one to two periods. */
export class WindowedLeast {
  private readonly periodMs: number
  private periodStart = Number.NEGATIVE_INFINITY
  private now = Number.POSITIVE_INFINITY
  private before = Number.POSITIVE_INFINITY

  constructor(periodMs: number) {
    this.periodMs = periodMs
  }

  /** Infinity until measured. */
  get value(): number {
    return this.now < this.before ? this.now : this.before
  }

  note(nowMs: number, measured: number): void {
    if (nowMs - this.periodStart > this.periodMs) {
      this.before = this.now
      this.now = measured
      this.periodStart = nowMs
    } else if (measured < this.now) {
      this.now = measured
    }
  }
}
