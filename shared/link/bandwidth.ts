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

/** Decides when a wire may send. Wires that ask in turn share what there is. Control is never asked about: it is owed. */
export interface Shaper {
  /** How long until packets other than control may be sent; 0: now. */
  waitMs(): number
  /** So many bytes were sent, control included. */
  sent(bytes: number): void
}
