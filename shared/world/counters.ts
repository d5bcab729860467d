/**
 * Named counts: packets refused by reason, limits hit, circuits built. Names are kebab-case literals of the code, never
 * anything that came from outside, so their number is bounded and they tell nothing about anyone.
 */
export class Counters {
  private readonly counts = new Map<string, number>()

  add(name: string, amount = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + amount)
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0
  }

  /** All counts so far, sorted by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
