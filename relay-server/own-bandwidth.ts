import type { Clock, Timer } from '../shared/world/clock.ts'

const SAMPLE_MS = 1_000
/** A rate counts if it was held for so long: a burst out of a queue is none. */
const WINDOW_SAMPLES = 10
const HOUR_MS = 3_600_000
const HOURS = 24

/**
 * What this relay has carried, as Tor's observed bandwidth: the highest rate held for ten seconds within the last day. A relay
 * that nobody has used yet has shown nothing, and says 0.
 */
export class OwnBandwidth {
  private readonly clock: Clock
  private readonly carried: () => number
  /** Bytes of the last ten seconds, a second each. */
  private window: number[] = []
  private lastBytes: number
  /** The most bytes of a window, by the hour in which it ended. */
  private readonly hours = new Map<number, number>()
  private timer: Timer | undefined

  /** @param carried bytes carried since the start */
  constructor(clock: Clock, carried: () => number) {
    this.clock = clock
    this.carried = carried
    this.lastBytes = carried()
  }

  start(): void {
    this.timer = this.clock.after(SAMPLE_MS, () => {
      this.sample()
      this.start()
    })
  }

  stop(): void {
    this.timer?.cancel()
  }

  /** For the descriptor; whole, and within the 32 bits that it has there. */
  get bytesPerSecond(): number {
    const first = this.hour - HOURS
    for (const hour of this.hours.keys()) if (hour <= first) this.hours.delete(hour)
    const most = Math.max(0, ...this.hours.values())
    return Math.min(0xffff_ffff, Math.floor((most * 1000) / (WINDOW_SAMPLES * SAMPLE_MS)))
  }

  private sample(): void {
    const bytes = this.carried()
    this.window.push(bytes - this.lastBytes)
    this.lastBytes = bytes
    if (this.window.length < WINDOW_SAMPLES) return
    if (this.window.length > WINDOW_SAMPLES) this.window = this.window.slice(-WINDOW_SAMPLES)
    const sum = this.window.reduce((all, each) => all + each, 0)
    const { hour } = this
    if (sum > (this.hours.get(hour) ?? 0)) this.hours.set(hour, sum)
  }

  private get hour(): number {
    return Math.floor(this.clock.now() / HOUR_MS)
  }
}
