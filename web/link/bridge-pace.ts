import {
  PACE_CUT_MS,
  PACE_HIGH_BYTES,
  PACE_LEAST,
  PACE_LOOK_MS,
  PACE_LOW_BYTES,
  PACE_START,
} from '../../shared/link/bridge-limits.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'

export interface BridgePaceOptions {
  readonly clock: Clock
  /** The most that this passage may be told now, bytes per second. */
  share(): number
  /** Bytes that wait in the fuller direction. */
  waiting(): number
  /** The other page is to keep to this, and its relay too. */
  tell(bytesPerSecond: number): void
}

/** Told again when it differs by that part. */
const TELL_CHANGE = 0.05

/**
 * The rate that one passage can carry: a little more while nothing waits, half when much does. It is what keeps the queue of
 * a passage short, since neither a data channel nor a WebSocket can be told to wait.
 */
export class BridgePace {
  private readonly options: BridgePaceOptions
  private rate: number
  private told = 0
  private cutAtMs: number
  private timer: Timer

  /** Tells the first rate at once. */
  constructor(options: BridgePaceOptions) {
    this.options = options
    this.rate = Math.min(PACE_START, options.share())
    this.cutAtMs = options.clock.now()
    this.tell()
    this.timer = options.clock.after(PACE_LOOK_MS, this.look)
  }

  stop(): void {
    this.timer.cancel()
  }

  private readonly look = (): void => {
    const { clock, share, waiting } = this.options
    const bytes = waiting()
    if (bytes > PACE_HIGH_BYTES && clock.now() - this.cutAtMs >= PACE_CUT_MS) {
      this.cutAtMs = clock.now()
      this.rate = this.rate / 2
    } else if (bytes < PACE_LOW_BYTES) {
      this.rate *= 1.25
    }
    this.rate = Math.max(PACE_LEAST, Math.min(this.rate, share()))
    this.tell()
    this.timer = clock.after(PACE_LOOK_MS, this.look)
  }

  private tell(): void {
    if (Math.abs(this.rate - this.told) < TELL_CHANGE * this.told) return
    this.told = Math.floor(this.rate)
    this.options.tell(this.told)
  }
}
