import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { LINK_DEAD_MS, LINK_SILENT_MS } from './constants.ts'

export interface LinkWatchOptions {
  readonly clock: Clock
  /** A link has become silent, or was silent and is so no more. */
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
  /** From when silence was suspected until something is heard, or the link is given up. */
  private readonly watched = new Map<Link, Timer>()
  private readonly silent = new Set<Link>()

  constructor(options: LinkWatchOptions) {
    this.options = options
  }

  heardFrom(link: Link): void {
    this.heard.set(link, this.options.clock.now())
    if (!this.watched.has(link)) return
    const wasSilent = this.silent.has(link)
    this.forget(link)
    if (wasSilent) this.options.changed()
  }

  isSilent(link: Link): boolean {
    return this.silent.has(link)
  }

  /**
   * A circuit over it has fallen silent: watched until it is clear whether the link is the cause. What the others over it are asked
   * now has time to be answered.
   */
  suspect(link: Link): void {
    if (!this.watched.has(link)) this.lookSoon(link)
  }

  /** It has closed. */
  forget(link: Link): void {
    this.watched.get(link)?.cancel()
    this.watched.delete(link)
    this.silent.delete(link)
  }

  stop(): void {
    for (const link of [...this.watched.keys()]) this.forget(link)
  }

  private look(link: Link): void {
    const quietMs = this.options.clock.now() - (this.heard.get(link) ?? 0)
    if (quietMs >= LINK_DEAD_MS) {
      this.forget(link)
      this.options.dead(link)
      return
    }
    this.lookSoon(link)
    if (quietMs < LINK_SILENT_MS || this.silent.has(link)) return
    this.silent.add(link)
    this.options.changed()
  }

  private lookSoon(link: Link): void {
    const timer = this.options.clock.after(LINK_SILENT_MS / 2, () => this.look(link))
    this.watched.set(link, timer)
  }
}
