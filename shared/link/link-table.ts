import { better, type KeptLink } from './kept-link.ts'

/** The neighbours that the keeper holds, or is about to. */
export class LinkTable {
  private readonly links = new Map<string, KeptLink>()
  private readonly inUse: (link: KeptLink) => boolean

  constructor(inUse: (link: KeptLink) => boolean) {
    this.inUse = inUse
  }

  get(key: string): KeptLink | undefined {
    return this.links.get(key)
  }

  add(link: KeptLink): void {
    this.links.set(link.key, link)
  }

  /** Only this very one. */
  delete(link: KeptLink): void {
    if (this.links.get(link.key) === link) this.links.delete(link.key)
  }

  /** A copy: links may close while one goes through them. */
  all(): readonly KeptLink[] {
    return [...this.links.values()]
  }

  /** Those with relays, the best first. */
  relays(): readonly KeptLink[] {
    return this.all()
      .filter(({ isPage }) => !isPage)
      .sort(better)
  }

  get pages(): number {
    let pages = 0
    for (const { isPage } of this.links.values()) if (isPage) pages++
    return pages
  }

  /** The worst link with a relay of at most that priority which carries no circuit: the one to give way. */
  victim(maxPriority: number): KeptLink | undefined {
    return this.relays().findLast(
      (link) => link.isLinked && link.priority <= maxPriority && !this.inUse(link),
    )
  }
}
