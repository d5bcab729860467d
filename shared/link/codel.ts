import { QUANTUM_BYTES } from './constants.ts'

export interface CodelOptions {
  /** Standing delay that is allowed, in milliseconds. */
  readonly targetMs: number
  /** Delay above the target for this long means a standing queue; about the longest round trip, in milliseconds. */
  readonly intervalMs: number
}

/** RFC 8289 §5.5: coming back within this many intervals, the drop rate starts where it left off. */
const REENTRY_INTERVALS = 16

/** Controlled delay of one flow (RFC 8289 §5): says of the packet at its head whether it has waited in a standing queue. */
export class Codel {
  private readonly options: CodelOptions
  private standingAt: number | undefined
  private dropping = false
  private dropNextAt = 0
  private count = 0
  private lastCount = 0

  constructor(options: CodelOptions) {
    this.options = options
  }

  /**
   * Asked for each packet at the head, again after each drop.
   * @param waitedMs how long this packet has been queued
   * @param flowBytes the flow's queued bytes; one datagram is never a standing queue
   */
  shouldDrop(waitedMs: number, flowBytes: number, nowMs: number): boolean {
    const { targetMs, intervalMs } = this.options
    if (waitedMs < targetMs || flowBytes <= QUANTUM_BYTES) {
      this.idle()
      return false
    }
    if (this.standingAt === undefined) {
      this.standingAt = nowMs + intervalMs
      return false
    }
    if (nowMs < this.standingAt) return false
    if (this.dropping) {
      if (nowMs < this.dropNextAt) return false
      this.count++
      this.dropNextAt = this.nextDrop(this.dropNextAt)
      return true
    }
    this.dropping = true
    const dropped = this.count - this.lastCount
    this.count = dropped > 1 && nowMs - this.dropNextAt < REENTRY_INTERVALS * intervalMs ? dropped : 1
    this.lastCount = this.count
    this.dropNextAt = this.nextDrop(nowMs)
    return true
  }

  /** The flow ran empty, or its delay is below the target. */
  idle(): void {
    this.standingAt = undefined
    this.dropping = false
  }

  /** The flow is another one from now on. */
  reset(): void {
    this.idle()
    this.count = 0
    this.lastCount = 0
    this.dropNextAt = 0
  }

  private nextDrop(fromMs: number): number {
    return fromMs + this.options.intervalMs / Math.sqrt(this.count)
  }
}
