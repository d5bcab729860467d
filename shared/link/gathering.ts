import type { Clock, Timer } from '../world/clock.ts'
import { GATHER_MS, GATHER_QUIET_MS } from './bridge-limits.ts'
import { DESCRIPTION_CANDIDATES } from './session-description.ts'

/**
 * Makes one whole of a session description and the candidates that come after it (RFC 8838 in reverse): for a way on which
 * nothing can be sent later.
 */
export class Gathering {
  private readonly clock: Clock
  private readonly done: (sdp: string) => void
  private sdp: string | undefined
  private readonly candidates: string[] = []
  private quiet: Timer | undefined
  private readonly end: Timer
  private isOver = false

  /** @param done once, at most GATHER_MS after now, if there is a description by then */
  constructor(clock: Clock, done: (sdp: string) => void) {
    this.clock = clock
    this.done = done
    this.end = clock.after(GATHER_MS, () => this.finish())
  }

  describe(sdp: string): void {
    if (this.isOver || this.sdp !== undefined) return
    this.sdp = sdp
    this.wait()
  }

  /** @param candidate `candidate:…` */
  candidate(candidate: string): void {
    if (this.isOver || this.candidates.length >= DESCRIPTION_CANDIDATES) return
    this.candidates.push(candidate)
    this.wait()
  }

  /** No more candidates will come. */
  finish(): void {
    if (this.isOver) return
    this.stop()
    if (this.sdp === undefined) return
    const body = this.sdp.endsWith('\n') ? this.sdp : `${this.sdp}\r\n`
    this.done(`${body}${this.candidates.map((each) => `a=${each}\r\n`).join('')}`)
  }

  /** Nothing comes of it. */
  stop(): void {
    this.isOver = true
    this.end.cancel()
    this.quiet?.cancel()
  }

  private wait(): void {
    this.quiet?.cancel()
    const isSome = this.candidates.length > 0 || this.sdp?.includes('\na=candidate:')
    if (this.sdp !== undefined && isSome) this.quiet = this.clock.after(GATHER_QUIET_MS, () => this.finish())
  }
}
