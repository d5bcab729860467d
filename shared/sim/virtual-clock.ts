import type { Clock, Timer } from '../world/clock.ts'

/** 2026-01-01T00:00:00Z, where virtual wall time starts unless told otherwise. */
const DEFAULT_WALL_START_MS = 1_767_225_600_000

class VirtualTimer implements Timer {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined

  constructor(at: number, order: number, run: () => void) {
    this.at = at
    this.order = order
    this.run = run
  }

  cancel(): void {
    this.run = undefined
  }

  before(other: VirtualTimer): boolean {
    return this.at < other.at || (this.at === other.at && this.order < other.order)
  }
}

/**
 * A clock that stands still until it is told to go on. Timers run in the order of their times, those of one time in the order
 * in which they were set; `now()` within a timer is exactly the timer's time.
 */
export class VirtualClock implements Clock {
  private time = 0
  private order = 0
  private readonly wallStartMs: number
  /** A binary heap, earliest first. Cancelled timers stay in it until their time comes. */
  private readonly heap: VirtualTimer[] = []

  constructor(wallStartMs = DEFAULT_WALL_START_MS) {
    this.wallStartMs = wallStartMs
  }

  now(): number {
    return this.time
  }

  wall(): number {
    return this.wallStartMs + this.time
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = new VirtualTimer(this.time + Math.max(0, delayMs), this.order++, run)
    this.push(timer)
    return timer
  }

  /** Whether any timer is set that was not cancelled. */
  get idle(): boolean {
    return this.heap.every((timer) => timer.run === undefined)
  }

  /** Lets `ms` pass and runs all timers due within, including those set meanwhile. */
  advance(ms: number): void {
    const end = this.time + ms
    while (this.step(end)) {
      // The work is done by step.
    }
    this.time = end
  }

  /**
   * Lets time pass, timer by timer, until `predicate` holds; at most `limitMs`, and no further than there are timers.
   * @returns whether it holds
   */
  runUntil(predicate: () => boolean, limitMs: number): boolean {
    const end = this.time + limitMs
    while (!predicate()) {
      if (!this.step(end)) {
        this.time = end
        return predicate()
      }
    }
    return true
  }

  /**
   * As `advance`, but lets promises settle between the timers, for machines that await. Each timer costs a few microtask
   * turns; code that awaits longer chains between two timers should be given more `turns`.
   */
  async advanceAsync(ms: number, turns = 10): Promise<void> {
    const end = this.time + ms
    do {
      for (let i = 0; i < turns; i++) await Promise.resolve()
    } while (this.step(end))
    this.time = end
  }

  /** As `runUntil`, but lets promises settle between the timers. */
  async runUntilAsync(predicate: () => boolean, limitMs: number, turns = 10): Promise<boolean> {
    const end = this.time + limitMs
    for (;;) {
      for (let i = 0; i < turns; i++) await Promise.resolve()
      if (predicate()) return true
      if (this.step(end)) continue
      this.time = end
      return false
    }
  }

  /** Runs the next timer if it is due by `end`. */
  private step(end: number): boolean {
    for (;;) {
      const next = this.heap[0]
      if (next === undefined || next.at > end) return false
      this.pop()
      const run = next.run
      if (run === undefined) continue
      next.run = undefined
      this.time = next.at
      run()
      return true
    }
  }

  private push(timer: VirtualTimer): void {
    const { heap } = this
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as VirtualTimer
      if (!timer.before(above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = heap[child + 1]
      if (right?.before(heap[child] as VirtualTimer)) child++
      const below = heap[child] as VirtualTimer
      if (!below.before(last)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}
