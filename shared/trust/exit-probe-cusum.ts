/**
 * Evidence that grows and is taken back (Page's CUSUM test): the sum of log-likelihood ratios, never below nought, so that a relay
 * cannot save up a good name and then spend it. What one witness - another hop of the same path - has part in counts for at
 * most a share: whoever spoils paths that he is on himself cannot put the blame on others alone.
 */
export class Cusum {
  score = 0
  private readonly byWitness = new Map<string, number>()

  /**
   * @param amount above nought: against the relay; below: for it
   * @param most what each witness may add up to
   */
  add(amount: number, witnesses: readonly string[], most: number): void {
    let taken = amount
    if (amount > 0) {
      for (const each of witnesses) taken = Math.min(taken, most - (this.byWitness.get(each) ?? 0))
      if (taken <= 0) return
      for (const each of witnesses) this.byWitness.set(each, (this.byWitness.get(each) ?? 0) + taken)
    }
    this.score = Math.max(0, this.score + taken)
    if (this.score === 0) this.byWitness.clear()
  }

  /** It has been said: half must come anew, by anybody, before it is said again. */
  halve(): void {
    this.score /= 2
    this.byWitness.clear()
  }
}
