import type { Timer } from '../world/clock.ts'

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

/** What must outlive a restart. Plain data. */
export interface BandwidthSnapshot {
  /** Milliseconds since 1970 of the month's first moment. */
  readonly monthStartMs: number
  readonly bytesIn: number
  readonly bytesOut: number
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
  /** Runs `run` once when it is the caller's turn; `free` holds then, for one message. */
  whenFree(run: () => void): Timer
}
