import { ACK_DELAY_MS, ACK_RATE_PERIOD_MS } from './constants.ts'

/**
 * When to acknowledge. In a circuit an acknowledgement costs as much as a full packet, so one covers more packets the
 * faster they come: about one acknowledgement a millisecond, and none later than 10 ms after what it covers.
 */
export class AckPolicy {
  /** When an acknowledgement is due at the latest; Infinity if none is owed. */
  dueAt = Number.POSITIVE_INFINITY
  private readonly max: number
  private owed = 0
  /** Packets that one acknowledgement covers at present. At first each is acknowledged: the sender needs to learn quickly. */
  private perAck = 1
  private periodStart = 0
  private periodPackets = 0

  constructor(maxPacketsPerAck: number) {
    this.max = maxPacketsPerAck
  }

  /** Whether something came that was not acknowledged yet. */
  get owing(): boolean {
    return this.owed > 0
  }

  /** A data packet came. @returns whether to acknowledge now */
  received(nowMs: number): boolean {
    this.periodPackets++
    const elapsed = nowMs - this.periodStart
    if (elapsed >= ACK_RATE_PERIOD_MS) {
      if (this.periodStart > 0) {
        this.perAck = Math.min(this.max, Math.max(2, Math.floor(this.periodPackets / elapsed)))
      }
      this.periodStart = nowMs
      this.periodPackets = 0
    }
    if (++this.owed >= this.perAck) return true
    if (this.dueAt === Number.POSITIVE_INFINITY) this.dueAt = nowMs + ACK_DELAY_MS
    return false
  }

  /** An acknowledgement of all that came was sent. */
  sent(): void {
    this.owed = 0
    this.dueAt = Number.POSITIVE_INFINITY
  }
}
