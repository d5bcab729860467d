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

/** `firstMs`, doubled `times` times, `capMs` at most: how long what fails again and again is left alone. */
export function doubledPause(firstMs: number, capMs: number, times: number): number {
  return Math.min(capMs, firstMs * 2 ** times)
}

/** The pause after so many failures in a row (from 0), of a list whose last value counts for all further ones. */
export function listedPause(pausesMs: readonly number[], failures: number): number {
  return pausesMs[Math.min(failures, pausesMs.length - 1)] ?? 0
}

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
