import type { IpAddress } from '../bytes/address.ts'
import { networkOf, siteOf } from '../ipv8/network-of.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock } from '../world/clock.ts'
import type { KademliaSettings } from './constants.ts'
import { isExempt } from './node-id.ts'

/** Sources counted in one window; what comes from further ones then shares one count. */
const SOURCES = 4_096
/** Of anything, not only queries, before it is even read: this many times the queries that are answered. */
const UNREAD_FACTOR = 10
/** All nodes of a lab may have one address. */
const LAB_FACTOR = 50
const OTHERS = 'others'

/**
 * What others may make us do (K-06, K-09): so many queries of each address and each network in a window, so many of all together a
 * second. Who asks more is not answered, and costs no more than the counting. Counts are thrown away with their window, so a
 * quiet node keeps none.
 */
export class QueryLimits {
  private readonly clock: Clock
  private readonly settings: KademliaSettings
  private readonly all: TokenBucket
  private readonly read = new Map<string, number>()
  private readonly sources = new Map<string, number>()
  private readonly networks = new Map<string, number>()
  private window = 0

  constructor(clock: Clock, settings: KademliaSettings) {
    this.clock = clock
    this.settings = settings
    this.all = new TokenBucket(clock, settings.queriesPerSecond)
  }

  /**
   * Whether a datagram from there may be read at all.
   * @param isAwaited whether we have asked that address: it is counted by itself even while made-up sources fill the places
   */
  mayRead(from: IpAddress, isAwaited: () => boolean): boolean {
    this.turn()
    const most = scaled(from, UNREAD_FACTOR * this.settings.queriesPerSource)
    return count(this.read, siteOf(from), isAwaited) <= most
  }

  /** Whether a query from there is answered; else why not, as a counter's name. */
  refusal(from: IpAddress): string | undefined {
    const { queriesPerSource, queriesPerNetwork } = this.settings
    this.turn()
    if (count(this.sources, siteOf(from)) > scaled(from, queriesPerSource)) return 'kademlia-source-limit'
    if (count(this.networks, networkOf(from)) > scaled(from, queriesPerNetwork)) {
      return 'kademlia-network-limit'
    }
    return this.all.take() ? undefined : 'kademlia-load-shed'
  }

  private turn(): void {
    const window = Math.floor(this.clock.now() / this.settings.queryWindowMs)
    if (window === this.window) return
    this.window = window
    for (const counts of [this.read, this.sources, this.networks]) counts.clear()
  }
}

function scaled(from: IpAddress, limit: number): number {
  return isExempt(from) ? LAB_FACTOR * limit : limit
}

function count(counts: Map<string, number>, key: string, isOfOwn = () => false): number {
  const name = counts.size < SOURCES || counts.has(key) || isOfOwn() ? key : OTHERS
  const more = (counts.get(name) ?? 0) + 1
  counts.set(name, more)
  return more
}
