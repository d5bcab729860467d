import { ACK_DELAY_MS, INITIAL_RTO_MS, MAX_RTO_MS, MIN_RTO_MS } from './constants.ts'
import { WindowedLeast } from './windowed-least.ts'

/** The least round trip is taken over one to two of these. */
const MIN_RTT_PERIOD_MS = 10_000

/** Round-trip time, smoothed as in RFC 6298 §2, and its least over the last 10 to 20 s. */
export class RttEstimator {
  /** Smoothed, in milliseconds; 0 until measured. */
  smoothed = 0
  /** The last measurement. */
  latest = 0
  private variance = 0
  private backOff = 1
  private readonly leastRtt = new WindowedLeast(MIN_RTT_PERIOD_MS)

  /** The least of late, in milliseconds; 0 until measured. */
  get least(): number {
    const least = this.leastRtt.value
    return least === Number.POSITIVE_INFINITY ? 0 : least
  }

  /** The retransmission time-out, with its back-off. */
  get timeoutMs(): number {
    const base = this.smoothed === 0 ? INITIAL_RTO_MS : this.smoothed + 4 * this.variance
    return Math.min(MAX_RTO_MS, Math.max(MIN_RTO_MS, base) * this.backOff)
  }

  /** When silence is long enough to send the last packet again as a probe (RFC 8985 §7.2), before the time-out proper. */
  get probeMs(): number {
    if (this.smoothed === 0) return this.timeoutMs
    return Math.min(this.timeoutMs, 2 * this.smoothed + 2 * ACK_DELAY_MS)
  }

  sample(nowMs: number, rttMs: number): void {
    // A clock of whole milliseconds measures 0 on loopback.
    const rtt = Math.max(rttMs, 0.01)
    if (this.smoothed === 0) {
      this.smoothed = rtt
      this.variance = rtt / 2
    } else {
      this.variance += (Math.abs(this.smoothed - rtt) - this.variance) / 4
      this.smoothed += (rtt - this.smoothed) / 8
    }
    this.latest = rtt
    this.backOff = 1
    this.leastRtt.note(nowMs, rtt)
  }

  /** Something new was acknowledged, measured or not (RFC 6298 §5.7 would wait for a measurement; a loss-ridden path has few). */
  progress(): void {
    this.backOff = 1
  }

  /** RFC 6298 §5.5. */
  timedOut(): void {
    if (this.backOff < 64) this.backOff *= 2
  }
}
