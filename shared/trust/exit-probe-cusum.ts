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
      const room = Math.min(most, ...witnesses.map((each) => most - (this.byWitness.get(each) ?? 0)))
      // Any of them may be the cause, so each has an even part in it.
      taken = Math.min(amount, Math.max(0, room) * Math.max(1, witnesses.length))
      for (const each of witnesses) {
        this.byWitness.set(each, (this.byWitness.get(each) ?? 0) + taken / witnesses.length)
      }
    }
    const before = this.score
    this.score = Math.max(0, before + taken)
    // What is taken back is taken back from all who had part in it.
    if (taken < 0) this.scale(before === 0 ? 0 : this.score / before)
  }

  /** It has been said: half of it must come anew before it is said again. */
  halve(): void {
    this.score /= 2
    this.scale(1 / 2)
  }

  private scale(factor: number): void {
    if (factor === 0) this.byWitness.clear()
    for (const [each, amount] of this.byWitness) this.byWitness.set(each, amount * factor)
  }
}
