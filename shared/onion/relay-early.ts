import { OWNER_RELAY_EARLY_CELLS, RELAY_EARLY_LIMIT, RETRANSMISSION } from './constants.ts'

/**
 * Which cells an owner flags as relay-early: its first eight and every extend, as IPv8 does, but never so many that the
 * first hop, which passes seven on, would drop an extend that had to be repeated.
 */
export class RelayEarlyBudget {
  private sent = 0
  /** Flagged cells that the first hop has passed on, or will. */
  private passedOn = 0

  /**
   * Whether the next cell is flagged.
   * @param answered hops that have answered
   * @param hops hops of the whole path
   */
  take(isExtend: boolean, answered: number, hops: number): boolean {
    const isFirst = this.sent++ < OWNER_RELAY_EARLY_CELLS
    const isPassedOn = answered > 1
    const reserved = isPassedOn && answered < hops ? RETRANSMISSION.tries : 0
    const flagged = isExtend || (isFirst && (!isPassedOn || this.passedOn + reserved < RELAY_EARLY_LIMIT))
    if (flagged && isPassedOn) this.passedOn++
    return flagged
  }
}
