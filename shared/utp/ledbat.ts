import type { AckSample, CongestionControl } from './congestion.ts'
import { timestampDelta } from './sequence.ts'

/** One-way delay that LEDBAT lets its own queue add (BEP 29: CCONTROL_TARGET, 100 ms). */
export const LEDBAT_TARGET_US = 100_000
/** Growth per round trip when there is no queue (BEP 29: MAX_CWND_INCREASE_PACKETS_PER_RTT, in bytes). */
const MAX_INCREASE_BYTES = 3000
const INITIAL_PACKETS = 4
const MIN_PACKETS = 2
/** The base delay is the least of so many minutes (RFC 6817 §4.2: at least 2, at most 10); clocks drift. */
const BASE_MINUTES = 4
const MINUTE_MS = 60_000
/** The current delay is the least of so many last samples (RFC 6817 §4.2). */
const CURRENT_SAMPLES = 4
/** Slow start ends at this part of the target. */
const SLOW_START_LIMIT = 0.75

/** LEDBAT as BEP 29 has it: fills what is idle, and steps back as soon as its queue reaches 100 ms. */
export class Ledbat implements CongestionControl {
  windowBytes: number
  bytesPerSecond = Number.POSITIVE_INFINITY
  private readonly packetBytes: number
  private slowStart = true
  private threshold = Number.POSITIVE_INFINITY
  /** Least delay of each of the last minutes, latest first. */
  private readonly base: number[] = []
  private minuteStart = 0
  private readonly current: number[] = []
  private at = 0

  constructor(packetBytes: number) {
    this.packetBytes = packetBytes
    this.windowBytes = INITIAL_PACKETS * packetBytes
  }

  acknowledged(sample: AckSample): void {
    if (sample.lossEvent) {
      this.shrink(this.windowBytes / 2)
    } else if (sample.ackedBytes > 0) {
      this.grow(sample)
    }
    // Twice what the window carries: paces bursts without ever being the limit.
    if (sample.smoothedRttMs > 0) {
      this.bytesPerSecond = (2 * this.windowBytes * 1000) / Math.max(1, sample.smoothedRttMs)
    }
  }

  timedOut(): void {
    this.shrink(this.windowBytes / 2)
    this.windowBytes = MIN_PACKETS * this.packetBytes
    this.slowStart = true
  }

  private grow(sample: AckSample): void {
    const queueUs = sample.oneWayDelayUs < 0 ? 0 : this.queueDelay(sample.nowMs, sample.oneWayDelayUs)
    // A window that was not used up tells nothing about whether a larger one would do.
    const used =
      sample.flightBytes + sample.ackedBytes >= this.windowBytes / 2 && !sample.starved && !sample.held
    if (
      this.slowStart &&
      queueUs < LEDBAT_TARGET_US * SLOW_START_LIMIT &&
      this.windowBytes < this.threshold
    ) {
      if (used) this.windowBytes += sample.ackedBytes
      return
    }
    this.slowStart = false
    const offTarget = Math.max(-1, (LEDBAT_TARGET_US - queueUs) / LEDBAT_TARGET_US)
    if (offTarget > 0 && !used) return
    const gain = (MAX_INCREASE_BYTES * offTarget * sample.ackedBytes) / this.windowBytes
    this.windowBytes = Math.max(MIN_PACKETS * this.packetBytes, this.windowBytes + gain)
  }

  private shrink(bytes: number): void {
    this.slowStart = false
    this.windowBytes = Math.max(MIN_PACKETS * this.packetBytes, bytes)
    this.threshold = this.windowBytes
  }

  /** The delay that queues add, in microseconds: now against the least of the last minutes. Timestamps wrap. */
  private queueDelay(nowMs: number, delayUs: number): number {
    const { base, current } = this
    if (base.length === 0 || nowMs - this.minuteStart >= MINUTE_MS) {
      this.minuteStart = nowMs
      base.unshift(delayUs)
      if (base.length > BASE_MINUTES) base.pop()
    } else if (timestampDelta(delayUs, base[0] as number) < 0) {
      base[0] = delayUs
    }
    current[this.at] = delayUs
    this.at = (this.at + 1) % CURRENT_SAMPLES
    const least = (list: number[]) => list.reduce((a, b) => (timestampDelta(b, a) < 0 ? b : a))
    return Math.max(0, timestampDelta(least(current), least(base)))
  }
}
