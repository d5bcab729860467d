import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'

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
