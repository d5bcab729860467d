import type { Counters } from '../../shared/world/counters.ts'

/** A number of things that may exist at the same time. Refusals are counted under the allowance's name. */
export class Allowance {
  private readonly max: number
  private readonly refusal: string
  private readonly counters: Counters
  private used = 0

  constructor(max: number, refusal: string, counters: Counters) {
    this.max = max
    this.refusal = refusal
    this.counters = counters
  }

  get inUse(): number {
    return this.used
  }

  /** Takes one, or counts the refusal and returns false. Each one taken is given back exactly once. */
  take(): boolean {
    if (this.used >= this.max) {
      this.counters.add(this.refusal)
      return false
    }
    this.used++
    return true
  }

  giveBack(): void {
    this.used--
  }
}
