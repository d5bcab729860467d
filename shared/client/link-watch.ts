import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import { LINK_DEAD_MS, LINK_SILENT_MS } from './constants.ts'

export interface LinkWatchOptions {
  readonly clock: Clock
  /** Whether a circuit over the link has fallen silent. */
  hasSuspect(link: Link): boolean
  /** The link has become silent, or was silent and is so no more. */
  changed(): void
  /** Nothing has come for so long that the link is of no use, though nobody has closed it. */
  dead(link: Link): void
}

/**
 * Tells a link that is silent as a whole from a circuit that is: a relay that is frozen, or a network that is gone, closes no
 * connection.
 */
export class LinkWatch {
  private readonly options: LinkWatchOptions
  private readonly heard = new WeakMap<Link, number>()
  private readonly watched = new Set<Link>()

  constructor(options: LinkWatchOptions) {
    this.options = options
  }

  heardFrom(link: Link): void {
    this.heard.set(link, this.options.clock.now())
  }

  isSilent(link: Link): boolean {
    return this.quietMs(link) >= LINK_SILENT_MS && this.options.hasSuspect(link)
  }

  /** A circuit over it has fallen silent: looked at until it is clear whether the link is the cause. */
  watch(link: Link): void {
    if (this.watched.has(link)) return
    this.watched.add(link)
    this.look(link, this.isSilent(link))
  }

  private look(link: Link, wasSilent: boolean): void {
    this.options.clock.after(LINK_SILENT_MS / 2, () => {
      const isSilent = link.open && this.isSilent(link)
      if (isSilent !== wasSilent) this.options.changed()
      if (isSilent && this.quietMs(link) >= LINK_DEAD_MS) {
        this.watched.delete(link)
        this.options.dead(link)
      } else if (link.open && this.options.hasSuspect(link)) {
        this.look(link, isSilent)
      } else {
        this.watched.delete(link)
      }
    })
  }

  private quietMs(link: Link): number {
    return this.options.clock.now() - (this.heard.get(link) ?? 0)
  }
}
