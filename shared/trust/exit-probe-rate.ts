import type { Clock } from '../world/clock.ts'
import { EXIT_PROBE } from './exit-probe-constants.ts'

/** How fast a burst comes in: what lies between its first packet and its last. */
export class BurstRate {
  private readonly clock: Clock
  private firstMs: number | undefined
  private lastMs = 0
  private bytes = 0
  private packets = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  arrived(bytes: number): void {
    this.lastMs = this.clock.now()
    this.packets++
    // The first one's own time is not known: it only starts the watch.
    if (this.firstMs === undefined) this.firstMs = this.lastMs
    else this.bytes += bytes
  }

  /** Undefined if too few came. A burst that took no time at all counts as a millisecond. */
  get bytesPerSecond(): number | undefined {
    if (this.firstMs === undefined || this.packets < EXIT_PROBE.leastBurst) return undefined
    return (this.bytes * 1_000) / Math.max(1, this.lastMs - this.firstMs)
  }
}
