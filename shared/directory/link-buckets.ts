import { BoundedMap } from '../ipv8/bounded-map.ts'
import { isLoopback, siteOf } from '../ipv8/network-of.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'

/** Machines remembered; the one longest quiet is forgotten first. */
const SITES = 4_096

/** A bound, link by link, on how often something is done for whoever is at its other end. */
export class LinkBuckets {
  private readonly make: () => TokenBucket
  private readonly byLink = new WeakMap<Link, TokenBucket>()

  constructor(clock: Clock, ratePerSecond: number, burst: number) {
    this.make = () => new TokenBucket(clock, ratePerSecond, burst)
  }

  /** Takes one token of that link's; false if there is none. */
  take(link: Link): boolean {
    let bucket = this.byLink.get(link)
    if (!bucket) {
      bucket = this.make()
      this.byLink.set(link, bucket)
    }
    return bucket.take()
  }
}

/**
 * The same machine by machine over UDP, where a link is an address and a port, and ports cost nothing. Who comes by other ways, or
 * from this machine, where all of a lab may live, is bounded by its link alone.
 */
export class SiteBuckets {
  private readonly make: () => TokenBucket
  private readonly bySite = new BoundedMap<string, TokenBucket>(SITES)

  constructor(clock: Clock, ratePerSecond: number, burst: number) {
    this.make = () => new TokenBucket(clock, ratePerSecond, burst)
  }

  /** Takes one token of that machine's; false if there is none. */
  take({ kind, address }: Link): boolean {
    if (kind !== 'udp' || address.kind === 'domain' || isLoopback(address)) return true
    const site = siteOf(address)
    const bucket = this.bySite.get(site) ?? this.make()
    this.bySite.set(site, bucket)
    return bucket.take()
  }
}
