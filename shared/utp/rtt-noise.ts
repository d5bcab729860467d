const MEAN_GAIN = 1 / 8
const DEVIATION_GAIN = 1 / 16
/** Jitter shows less the more packets a second there are, since few overtake others: what it was is kept in mind. */
const MEMORY_MS = 20_000
/** A measurement this many deviations above the least may be noise. */
const SPREAD = 4

/**
 * How far round trips stray by themselves. A queue makes them rise evenly, so that each is near the running mean; jitter
 * throws them about it.
 */
export class RttNoise {
  private mean = 0
  private deviation = 0
  /** The largest deviation of late. */
  private level = 0
  private levelAt = 0

  note(nowMs: number, rttMs: number): void {
    if (this.mean === 0) this.mean = rttMs
    const off = Math.abs(rttMs - this.mean)
    this.mean += (rttMs - this.mean) * MEAN_GAIN
    this.deviation += (off - this.deviation) * DEVIATION_GAIN
    this.level = Math.max(this.level * Math.exp((this.levelAt - nowMs) / MEMORY_MS), this.deviation)
    this.levelAt = nowMs
  }

  /** Milliseconds above the least round trip that show no queue. */
  get spreadMs(): number {
    return SPREAD * this.level
  }

  /** What round trips take beyond the least by noise and not by a queue. */
  beyond(leastMs: number): number {
    return Math.max(0, Math.min(this.mean - leastMs, this.spreadMs))
  }
}
