/** Names that were seen lately: the newest so many of them. */
export class SeenIds {
  private readonly max: number
  private readonly ids = new Set<string>()

  constructor(max: number) {
    this.max = max
  }

  /** Whether it is new; it is not from then on. */
  add(id: string): boolean {
    if (this.ids.has(id)) return false
    this.ids.add(id)
    for (const oldest of this.ids) {
      if (this.ids.size <= this.max) break
      this.ids.delete(oldest)
    }
    return true
  }
}
