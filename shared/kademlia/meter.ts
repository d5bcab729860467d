import type { Clock } from '../world/clock.ts'

/** Events per second over the last minute: six slots of ten seconds, whole ones and the one that runs. Constant memory, no timer. */
export class Rate {
  private readonly clock: Clock
  private readonly slots: number[] = [0, 0, 0, 0, 0, 0, 0]
  private slot: number
  private readonly bornMs: number

  constructor(clock: Clock) {
    this.clock = clock
    this.bornMs = clock.now()
    this.slot = this.slotNow()
  }

  add(): void {
    this.turn()
    this.slots[0] = (this.slots[0] as number) + 1
  }

  perSecond(): number {
    this.turn()
    const now = this.clock.now()
    const span = Math.min(now - this.bornMs, 60_000 + (now % SLOT_MS))
    return span < 1_000 ? 0 : (1_000 * this.slots.reduce((sum, count) => sum + count, 0)) / span
  }

  private turn(): void {
    const now = this.slotNow()
    for (let past = Math.min(now - this.slot, this.slots.length); past > 0; past--) {
      this.slots.unshift(0)
      this.slots.pop()
    }
    this.slot = now
  }

  private slotNow(): number {
    return Math.floor(this.clock.now() / SLOT_MS)
  }
}

const SLOT_MS = 10_000

/** Sums behind the numbers of K-10. */
export class Meter {
  readonly in: Rate
  readonly out: Rate
  sent = 0
  answered = 0
  failed = 0
  unanswered = 0
  latencySumMs = 0
  latencies = 0
  lookups = 0
  successes = 0
  lookupSumMs = 0
  cacheHits = 0
  cacheMisses = 0

  constructor(clock: Clock) {
    this.in = new Rate(clock)
    this.out = new Rate(clock)
  }

  latency(ms: number): void {
    this.latencies++
    this.latencySumMs += ms
  }

  lookup(ok: boolean, tookMs: number): void {
    this.lookups++
    if (ok) this.successes++
    this.lookupSumMs += tookMs
  }
}

/** 0 where nothing was counted. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
