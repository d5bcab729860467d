import type { Clock } from '../world/clock.ts'
import { fraction, type Random } from '../world/random.ts'
import type { KeeperSettings } from './keeper-limits.ts'

interface Failed {
  times: number
  dueMs: number
}

/** Relays remembered that could not be reached; the oldest is forgotten first. */
const MAX_FAILED = 4_096

/** When to try again what failed (L-02): some tries in a row, then a long rest. */
export class Retries {
  private readonly options: { clock: Clock; random: Random; settings: KeeperSettings }
  private readonly failed = new Map<string, Failed>()

  constructor(options: { clock: Clock; random: Random; settings: KeeperSettings }) {
    this.options = options
  }

  isDue(key: string): boolean {
    return (this.failed.get(key)?.dueMs ?? 0) <= this.options.clock.now()
  }

  /** Whether it has failed as often as it may, and is left alone. */
  rests(key: string): boolean {
    const times = this.failed.get(key)?.times ?? 0
    // Of one that was there and is lost, no try has failed.
    return times > 0 && times % this.options.settings.retryAttempts === 0 && !this.isDue(key)
  }

  /** A try has failed. */
  fail(key: string): void {
    const { retryAttempts, retryDelayMs, restMs } = this.options.settings
    const times = (this.failed.get(key)?.times ?? 0) + 1
    this.note(key, times, times % retryAttempts === 0 ? restMs : retryDelayMs)
  }

  /** It was there, and is lost: another time soon, but not at once, and not all at one moment. */
  lose(key: string): void {
    this.note(key, 0, this.options.settings.reconnectMs)
  }

  succeed(key: string): void {
    this.failed.delete(key)
  }

  private note(key: string, times: number, delayMs: number): void {
    const { clock, random } = this.options
    this.failed.delete(key)
    this.failed.set(key, { times, dueMs: clock.now() + delayMs * (1 + fraction(random) / 2) })
    for (const oldest of this.failed.keys()) {
      if (this.failed.size <= MAX_FAILED) return
      this.failed.delete(oldest)
    }
  }
}
