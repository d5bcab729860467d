import {
  LARGE_BACK_OFF,
  LARGE_PROBE_MS,
  LARGE_PROBE_MS_MOST,
  LARGE_SILENCE_MS,
  LARGE_STRIKES,
} from './constants.ts'

/**
 * What the streams of one circuit know together about packets larger than those that pass anywhere. Such a packet may be
 * lost wherever it is sent whole, while small ones pass: a black hole. What is lost whole twice is sent in parts; when
 * several in a row arrive in no other way, packets are small from then on, and a single large one tries the path again
 * now and then (RFC 8899 §4.3, §5.3).
 */
export class LargePackets {
  private readonly room: () => number
  private strikes = 0
  /** The next try, if packets are small; -1 if they are large. */
  private probeAt = -1
  private pauseMs = LARGE_PROBE_MS
  /** When the latest was sent of those that are known to have arrived whole. */
  private passedAt = Number.NEGATIVE_INFINITY
  /** When one last arrived whole. */
  private heardAt = Number.NEGATIVE_INFINITY

  /** @param room by how many bytes packets may exceed the small ones by what the path is known to carry now; 0 or more */
  constructor(room: () => number) {
    this.room = room
  }

  /** By how many bytes the next packet may exceed a small one. */
  extraBytes(nowMs: number): number {
    return this.probeAt >= 0 && nowMs < this.probeAt ? 0 : this.room()
  }

  /** Whether packets of that many extra bytes may be sent whole again after a loss. */
  mayRepeat(extraBytes: number): boolean {
    return this.probeAt < 0 && extraBytes <= this.room()
  }

  /** A large packet was sent for the first time. */
  sent(nowMs: number): void {
    if (this.probeAt < 0) return
    this.probeAt = nowMs + this.pauseMs
    this.pauseMs = Math.min(this.pauseMs * LARGE_BACK_OFF, LARGE_PROBE_MS_MOST)
  }

  /** A large packet that was sent at that time arrived whole: there was no black hole then. */
  arrivedWhole(nowMs: number, sentAtMs: number): void {
    this.heardAt = nowMs
    this.passedAt = Math.max(this.passedAt, sentAtMs)
    this.strikes = 0
    this.probeAt = -1
    this.pauseMs = LARGE_PROBE_MS
  }

  /** A large packet arrived in parts that was lost when it was sent whole, the last time at `wholeAtMs`. */
  arrivedInParts(nowMs: number, wholeAtMs: number): void {
    // Where others pass it was lost by chance, or by congestion.
    if (wholeAtMs <= this.passedAt || nowMs - this.heardAt < LARGE_SILENCE_MS) return
    if (++this.strikes < LARGE_STRIKES || this.probeAt >= 0) return
    this.probeAt = nowMs + this.pauseMs
  }
}
