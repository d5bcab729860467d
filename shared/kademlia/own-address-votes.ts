import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import { countedNetworkOf } from './place.ts'

/** Answers looked at; the oldest is forgotten first. */
const VOTERS = 32
/** So many voters must name the same host, and more than half of all. */
const QUORUM = 8

/**
 * Our address as those who answer us see it (BEP 42, `ip`). One vote for each network, so that nobody with many nodes can make us
 * take an id of his choice.
 */
export class OwnAddressVotes {
  private readonly voters = new Map<string, IpAddress>()

  /** @returns the address that enough have named, when there is one */
  vote(voter: IpAddress, seen: IpAddress): IpAddress | undefined {
    if (seen.kind !== voter.kind || !isUnicast(seen)) return undefined
    const key = countedNetworkOf(voter) ?? formatAddress(voter)
    this.voters.delete(key)
    this.voters.set(key, seen)
    if (this.voters.size > VOTERS) {
      const oldest = this.voters.keys().next()
      if (!oldest.done) this.voters.delete(oldest.value)
    }
    let same = 0
    for (const { host } of this.voters.values()) if (host === seen.host) same++
    return same >= QUORUM && 2 * same > this.voters.size ? seen : undefined
  }
}
