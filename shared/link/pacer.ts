import type { Clock, Timer } from '../world/clock.ts'
import type { Shaper } from './bandwidth.ts'
import { MESSAGE_BYTES } from './constants.ts'

/** Nobody can bring a link to a stand. */
const LEAST_RATE = 1_000
/** Two messages at once, so that the rate is reached with large ones. */
const BURST_BYTES = 2 * MESSAGE_BYTES

/** Keeps one link to a rate that its neighbour asked for, within what is allowed to all links. */
export class Pacer implements Shaper {
  private readonly clock: Clock
  private readonly all: Shaper | undefined
  private bytesPerSecond = LEAST_RATE
  private tokens = BURST_BYTES
  private filledMs: number

  constructor(clock: Clock, all: Shaper | undefined) {
    this.clock = clock
    this.all = all
    this.filledMs = clock.now()
  }

  /** Bytes per second, at least 1,000. */
  set rate(bytesPerSecond: number) {
    this.fill()
    this.bytesPerSecond = Math.max(LEAST_RATE, bytesPerSecond)
  }

  get free(): boolean {
    this.fill()
    return this.tokens > 0 && this.all?.free !== false
  }

  sent(bytes: number): void {
    this.fill()
    // What control owes is bounded, as in Bandwidth.
    this.tokens = Math.max(this.tokens - bytes, -BURST_BYTES)
    this.all?.sent(bytes)
  }

  received(bytes: number): void {
    this.all?.received(bytes)
  }

  /** Of one link alone, which asks for one turn at a time. */
  whenFree(run: () => void): Timer {
    this.fill()
    const { all } = this
    const waitMs = this.tokens > 0 ? 0 : Math.ceil((1000 * (1 - this.tokens)) / this.bytesPerSecond)
    let next: Timer = this.clock.after(waitMs, () => {
      if (all) next = all.whenFree(run)
      else run()
    })
    return { cancel: () => next.cancel() }
  }

  private fill(): void {
    const nowMs = this.clock.now()
    this.tokens = Math.min(BURST_BYTES, this.tokens + ((nowMs - this.filledMs) / 1000) * this.bytesPerSecond)
    this.filledMs = nowMs
  }
}
