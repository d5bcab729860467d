import { WindowedLeast } from './windowed-least.ts'

const LEAST_PERIOD_MS = 10_000
/** If no round trip near the least was seen for so long, flights are cut for a moment to look for it. */
const PROBE_AFTER_MS = 10_000
const LEAST_PROBE_MS = 50

/**
 * What the streams of one circuit know together about its round trip. A stream that starts while others keep a queue would
 * take the queue for distance, and push the others aside; and only together can they let the queue drain to look.
 */
export class PathDelay {
  private readonly leastRtt = new WindowedLeast(LEAST_PERIOD_MS)
  private nearLeastAt = Number.NaN
  private probeUntil = Number.NEGATIVE_INFINITY
  private readonly queued: () => number

  /** @param queued bytes of the circuit that wait in the queue of our own link */
  constructor(queued: () => number = () => 0) {
    this.queued = queued
  }

  /** Bytes sent that have not left this node. */
  get queuedBytes(): number {
    return this.queued()
  }

  /** The least round trip of late, in milliseconds; Infinity until measured. */
  get leastMs(): number {
    return this.leastRtt.value
  }

  /** @param toleranceMs how far above the least a round trip still shows that no queue stands */
  note(nowMs: number, rttMs: number, toleranceMs: number): void {
    this.leastRtt.note(nowMs, rttMs)
    if (!(rttMs > this.leastMs + toleranceMs)) this.nearLeastAt = nowMs
  }

  /** Whether flights are to be cut now. The first stream that asks when it is time begins it for all. */
  probing(nowMs: number): boolean {
    if (nowMs - this.nearLeastAt > PROBE_AFTER_MS) {
      this.probeUntil = nowMs + Math.max(LEAST_PROBE_MS, 2 * this.leastMs)
      this.nearLeastAt = nowMs
    }
    return nowMs < this.probeUntil
  }
}
