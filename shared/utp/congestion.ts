/** What one incoming acknowledgement told. The sender uses one object for all; controllers must not keep it. */
export interface AckSample {
  nowMs: number
  /** Newly known to have arrived. */
  ackedBytes: number
  /** Newly taken for lost. */
  lostBytes: number
  /** A loss among packets that were sent after the last such event: at most once a round trip. */
  lossEvent: boolean
  /** Measured with this acknowledgement; 0 if it was not. */
  rttMs: number
  smoothedRttMs: number
  leastRttMs: number
  /** Sent, neither acknowledged nor taken for lost; after this acknowledgement. */
  flightBytes: number
  /** Count of packets ever sent up to the newest acknowledged one, and altogether: tells round trips apart. */
  ackedThrough: number
  sentThrough: number
  /** What a full packet carries at present. */
  packetBytes: number
  /** Since the last sample there was a time with room in the window but nothing to send in it. */
  starved: boolean
  /** Since the last sample the far side's window, not ours, was what held sending back. */
  held: boolean
  /** One-way delay of what we sent, in microseconds with an unknown offset, modulo 2^32; -1 if not told (BEP 29). */
  oneWayDelayUs: number
}

/** Decides how much may be in flight, and how fast it is sent. */
export interface CongestionControl {
  /** Bytes that may be in flight. At least one packet always may. */
  readonly windowBytes: number
  /** Infinity for no pacing. */
  readonly bytesPerSecond: number
  /** Bytes sent that have not left this node, where that is known: with many of them, sending waits. */
  readonly queuedBytes?: number
  acknowledged(sample: AckSample): void
  /** The retransmission time-out has passed. */
  timedOut(nowMs: number): void
}
