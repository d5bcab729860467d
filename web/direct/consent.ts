import { CulvertError } from '../../shared/bytes/error.ts'

/**
 * Whether the visitor has agreed to be seen (requirement C-09). Kept in memory and nowhere else: storage of any kind can
 * outlive the session or be copied, by a restored or a duplicated tab. So a reload and a new tab ask again.
 */
export class Consent {
  private given_: AbortController | undefined

  get given(): boolean {
    return this.given_ !== undefined
  }

  /**
   * The visitor says yes. What is done directly lives by the signal, and ends when it is aborted.
   * @param understood whether the visitor ticked that the warning was understood
   * @throws CulvertError `direct-not-confirmed` without that, `direct-already-given` if it stands already
   */
  give(understood: boolean): AbortSignal {
    if (!understood) {
      throw new CulvertError('direct-not-confirmed', 'direct mode was wanted without confirming the warning')
    }
    if (this.given_) throw new CulvertError('direct-already-given', 'direct mode is on already')
    this.given_ = new AbortController()
    return this.given_.signal
  }

  /** Ends direct mode; idempotent. Another yes is a consent of its own. */
  withdraw(): void {
    const given = this.given_
    this.given_ = undefined
    given?.abort()
  }
}
