import type { IpAddress } from '../bytes/address.ts'
import { below, pick } from '../world/random.ts'
import type { Community } from './community.ts'
import type { IntroductionRequests } from './introduction-requests.ts'
import type { Surroundings } from './surroundings.ts'

export interface WalkOptions {
  /** The walk slows down from this many peers on. */
  readonly targetPeers: number
  /** Who may be asked besides the community's own peers. */
  alsoAsk?(): readonly IpAddress[]
}

/** py-ipv8's RandomWalk through one community, and the refreshing of its peers (N-07). */
export class Walk {
  private readonly around: Surroundings
  private readonly community: Community
  private readonly requests: IntroductionRequests
  private readonly options: WalkOptions
  private lastIdleMs = Number.NEGATIVE_INFINITY
  private lastThinnedMs = Number.NEGATIVE_INFINITY

  constructor(
    around: Surroundings,
    community: Community,
    requests: IntroductionRequests,
    options: WalkOptions,
  ) {
    this.around = around
    this.community = community
    this.requests = requests
    this.options = options
  }

  /** Whether more peers are wanted. Those that only sent something under an address, forged perhaps, do not count. */
  get wanting(): boolean {
    const proven = this.community.table.list().filter((peer) => peer.proven).length
    return proven < this.options.targetPeers
  }

  /** One step: at most one request. */
  step(): void {
    const { clock, random, settings } = this.around
    const { requests } = this
    if (requests.handshakes.pending >= settings.window) return
    if (this.refresh()) return
    if (!this.wanting && clock.now() - this.lastIdleMs < settings.restingMs) return
    const told = this.community.told.choose(random, (address) => requests.mayAsk(address))
    if (told && this.wanting && below(random, 256) >= settings.resetChance) {
      requests.ask(told.address, told)
      return
    }
    // Nobody new to ask: those known may know somebody, but there is no hurry.
    if (!told && clock.now() - this.lastIdleMs < settings.idleMs) return
    this.lastIdleMs = clock.now()
    const known = this.community.table.list().map((peer) => peer.address)
    const next = pick(random, [...known, ...(this.options.alsoAsk?.() ?? [])])
    if (next && requests.mayAsk(next)) requests.ask(next)
  }

  /**
   * Makes room for strangers, who would find everybody full otherwise: of the less suitable half of a table that is nearly
   * full, one leaves. It stays a peer to itself, and may ask again.
   */
  thin(): void {
    const { clock, random, settings } = this.around
    const { table } = this.community
    const enough = Math.max(this.options.targetPeers, settings.maxPeers - settings.freePlaces)
    if (table.size <= enough || clock.now() - this.lastThinnedMs < settings.thinMs) return
    this.lastThinnedMs = clock.now()
    const bySuitability = table.list().sort((a, b) => a.suitability - b.suitability)
    const leaving = pick(random, bySuitability.slice(0, table.size >> 1))
    if (leaving) table.remove(leaving)
  }

  /** Peers whose last introduction is 5 min old are asked for another, one a step: flags come only with introductions. */
  private refresh(): boolean {
    const { clock, settings } = this.around
    const now = clock.now()
    const stale = this.community.table
      .list()
      .find((peer) => now - peer.lastIntroduction >= settings.refreshMs && this.requests.mayAsk(peer.address))
    if (!stale) return false
    stale.lastIntroduction = now
    this.requests.ask(stale.address)
    return true
  }
}
