import { formatAddress, type IpAddress, NO_ADDRESS, sameAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import { BoundedMap } from './bounded-map.ts'
import { isLoopback, isPrivate, isUnicast, networkOf } from './network-of.ts'

type Family = IpAddress['kind']

/** Our own addresses. Of `lan` and `wan` the kind tells the family; `lan6` and `wan6` are the second one of a dual-stack socket. */
export interface GivenAddresses {
  readonly lan: IpAddress
  /** A WAN address given here is kept; otherwise it is what most others say that they see. */
  readonly wan?: IpAddress
  readonly lan6?: IpAddress
  readonly wan6?: IpAddress
}

/** How others see our port: 'differs' is what a symmetric NAT does. */
export type PortAgreement = 'unknown' | 'same' | 'differs'

interface Vote {
  readonly seen: IpAddress
  readonly atMs: number
}

const MAX_VOTES = 32
/** Voters that must be heard before their ports are said to differ; two agreeing ones suffice for the opposite. */
const VOTERS_FOR_DIFFERENCE = 4
const VOTERS_FOR_AGREEMENT = 2

/**
 * Our LAN and WAN addresses in both families. The WAN address is a matter of votes, one for each network that answered
 * lately, so that one liar decides nothing but the time until the second and third answer.
 */
export class OwnAddresses {
  private readonly clock: Clock
  private readonly evidenceMs: number
  private readonly given: () => GivenAddresses
  private readonly estimated = new Map<Family, IpAddress>()
  private readonly votes: Record<Family, BoundedMap<string, Vote>> = {
    ipv4: new BoundedMap(MAX_VOTES),
    ipv6: new BoundedMap(MAX_VOTES),
  }

  /** @param given asked each time, for they may change */
  constructor(clock: Clock, evidenceMs: number, given: () => GivenAddresses) {
    this.clock = clock
    this.evidenceMs = evidenceMs
    this.given = given
  }

  /** NO_ADDRESS if there is none of this family. */
  lan(family: Family): IpAddress {
    const { lan, lan6 } = this.given()
    return [lan, lan6].find((address) => address?.kind === family) ?? NO_ADDRESS
  }

  /** NO_ADDRESS until given or told. */
  wan(family: Family): IpAddress {
    const { wan, wan6 } = this.given()
    const given = [wan, wan6].find((address) => address?.kind === family)
    return given ?? this.estimated.get(family) ?? NO_ADDRESS
  }

  isOwn(address: IpAddress): boolean {
    return sameAddress(address, this.lan(address.kind)) || sameAddress(address, this.wan(address.kind))
  }

  /** `voter` answered us and says that it sees us at `seen`. */
  vote(voter: IpAddress, seen: IpAddress): void {
    // Loopback counts as WAN: the lab lives there.
    if (!isUnicast(seen) || isPrivate(seen)) return
    const votes = this.votes[seen.kind]
    const now = this.clock.now()
    votes.prune(({ atMs }) => now - atMs >= this.evidenceMs)
    // Among ourselves, in a lab or behind one NAT, everybody is of one network.
    const local = isPrivate(voter) || isLoopback(voter)
    votes.set(local ? formatAddress(voter) : networkOf(voter), { seen, atMs: now })
    const seenNow = votes.values().map((vote) => vote.seen)
    const current = this.estimated.get(seen.kind)
    const host = mostFrequent(
      seenNow.map((each) => each.host),
      current?.host,
    )
    const ports = seenNow.filter((each) => each.host === host).map((each) => each.port)
    const port = mostFrequent(ports, current?.host === host ? current?.port : undefined)
    const voted = seenNow.find((each) => each.host === host && each.port === port)
    if (voted) this.estimated.set(seen.kind, voted)
  }

  /** Of IPv4, where NATs are. */
  ports(): PortAgreement {
    const now = this.clock.now()
    const { host } = this.estimated.get('ipv4') ?? NO_ADDRESS
    const ports = this.votes.ipv4
      .values()
      .filter(({ seen, atMs }) => seen.host === host && now - atMs < this.evidenceMs)
      .map(({ seen }) => seen.port)
    const top = mostFrequent(ports, undefined)
    const agreeing = ports.filter((port) => port === top).length
    if (ports.length >= VOTERS_FOR_AGREEMENT && agreeing === ports.length) return 'same'
    // A mapping that was renewed gives two ports; a symmetric NAT gives one for each voter.
    const distinct = new Set(ports).size
    if (ports.length >= VOTERS_FOR_DIFFERENCE && distinct > 2 && agreeing * 2 <= ports.length)
      return 'differs'
    return 'unknown'
  }
}

/** `current` wins a tie. */
function mostFrequent<T extends string | number>(
  values: readonly T[],
  current: T | undefined,
): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let best = current !== undefined && counts.has(current) ? current : undefined
  for (const [value, count] of counts) {
    if (best === undefined || count > (counts.get(best) ?? 0)) best = value
  }
  return best
}
