/** When a control message that nobody answered is sent again, and when one gives up (requirement N-04). */
export interface RetrySettings {
  /** From the first sending to the second. */
  readonly firstMs: number
  /** Each wait is this many times the one before. */
  readonly factor: number
  /** The longest wait. */
  readonly capMs: number
  /** Sendings in all, the first included. */
  readonly tries: number
}

/** N-04: 100 ms first, doubling, at most 5 s, five tries. */
export const RETRY_DEFAULTS: RetrySettings = { firstMs: 100, factor: 2, capMs: 5_000, tries: 5 }

/** Exponential back-off as a table to ask; holds no time of its own, so one serves any number of requests. */
export class RetrySchedule {
  readonly settings: RetrySettings

  constructor(settings: Partial<RetrySettings> = {}) {
    this.settings = { ...RETRY_DEFAULTS, ...settings }
  }

  /**
   * Milliseconds to wait after sending number `tries` (from 1) before the next; undefined when that was the last, and
   * only the answer is still waited for.
   */
  delayAfter(tries: number): number | undefined {
    const { firstMs, factor, capMs } = this.settings
    if (tries >= this.settings.tries) return undefined
    return Math.min(capMs, firstMs * factor ** (tries - 1))
  }
}
