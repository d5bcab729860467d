import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { OverlayState } from './site-document.ts'

/** As often as the relay itself tries to come back (N-06). */
export const OVERLAY_ASK_MS = 30_000

export interface OverlayWatchOptions {
  readonly clock: Clock
  /** Reads the site's document again. */
  ask(): Promise<OverlayState>
  /** Whether it matters: no circuit serves. */
  needed(): boolean
  changed(): void
}

/** Knows whether the site's relay is cut off from the overlay, so that the page can say that nothing anonymous is to be had. */
export class OverlayWatch {
  private readonly options: OverlayWatchOptions
  private state: OverlayState = 'joined'
  private timer: Timer | undefined

  constructor(options: OverlayWatchOptions) {
    this.options = options
  }

  get degraded(): boolean {
    return this.state === 'degraded'
  }

  /** @param state as the document said that the page began with */
  start(state: OverlayState): void {
    this.take(state)
    this.again()
  }

  stop(): void {
    this.timer?.cancel()
  }

  private again(): void {
    this.timer = this.options.clock.after(OVERLAY_ASK_MS, () => {
      this.again()
      if (!this.options.needed()) return
      // What cannot be read now says nothing: the entry's own problem is shown then.
      this.options.ask().then(
        (state) => this.take(state),
        () => undefined,
      )
    })
  }

  private take(state: OverlayState): void {
    if (state === this.state) return
    this.state = state
    this.options.changed()
  }
}
