import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import type { Directory } from '../shared/directory/directory.ts'
import type { Geo } from '../shared/geo/geo.ts'
import type { PublicKey } from '../shared/identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY } from '../shared/ipv8/constants.ts'
import type { Candidate, Candidates } from '../shared/onion/candidates.ts'
import { nearness } from '../shared/path/near.ts'
import type { TrustJudge } from '../shared/trust/trust-judge.ts'
import { fraction, type Random, shuffled } from '../shared/world/random.ts'

interface WalkedPeer {
  readonly publicKey: PublicKey
  readonly address: IpAddress
  readonly flags: number
  /** (0, 1): see PeerRecord; one half for a peer that nothing is known of. */
  readonly successRate: number
}

/** Below this a peer has failed more often than it has answered. */
const RELIABLE_RATE = 0.5

/** Whether a relay is offered as next hop: gladly, only behind all others, or not. */
export type OfferJudge = (
  relay: Candidate & { readonly claimedCountry?: string | undefined },
) => 'offered' | 'last' | 'never'

export interface OfferRules {
  readonly book: Pick<TrustJudge, 'verdict' | 'isBlocked'>
  readonly geo: Geo | undefined
  /** ISO 3166-1 alpha-2: relays there, by the table or by their own word, are never offered. */
  readonly avoidCountries: readonly string[]
}

/** By trust, and by the countries that the operator avoids (D-06, K-08). */
export function offerJudge({ book, geo, avoidCountries }: OfferRules): OfferJudge {
  const avoided = new Set(avoidCountries)
  return ({ publicKey, address, claimedCountry }) => {
    if (book.isBlocked(publicKey.mid) || book.isBlocked(address)) return 'never'
    if (avoided.size > 0) {
      const country = geo?.lookup(address)?.country
      if ([country, claimedCountry].some((code) => code !== undefined && avoided.has(code))) return 'never'
    }
    return book.verdict(publicKey.mid).standing === 'suspect' ? 'last' : 'offered'
  }
}

/** How much more often than others a relay comes before them: over 0, at most 1. */
export type OfferWeight = (relay: Candidate) => number

/** By how near a relay is to where we are, both by the table (K-08); undefined without one. */
export function nearFirst(geo: Geo | undefined, here: () => IpAddress | undefined): OfferWeight | undefined {
  if (geo === undefined) return undefined
  const near = nearness(geo)
  const at = (address: IpAddress | undefined) => ({ country: address && geo.lookup(address)?.country })
  return ({ address }) => near(at(address), at(here()))
}

/** An order of chance: of two, the first comes before the second as often as its weight is the greater. */
function inOrder(random: Random, relays: readonly Candidate[], weight: OfferWeight | undefined): Candidate[] {
  if (weight === undefined) return shuffled(random, relays)
  return relays
    .map((relay) => ({ relay, at: -Math.log(1 - fraction(random)) / weight(relay) }))
    .sort((a, b) => a.at - b.at)
    .map(({ relay }) => relay)
}

/** Where relays that have proved themselves are. */
export function provenAddresses(directory: Pick<Directory, 'list'>): IpAddress[] {
  return directory.list().flatMap(({ proven, descriptor: { udp } }) => (proven && udp ? [udp] : []))
}

/** Who comes before whom. */
export interface OfferOrder {
  readonly judge?: OfferJudge
  readonly weight?: OfferWeight | undefined
  /** Whether relays are asked for proofs here: then those of the directory that have not given one come behind those that have. */
  readonly verifies?: boolean
}

/**
 * Neighbours for owners that let each hop choose the next: relays of the directory and peers of the walk, in an order of
 * chance, near ones first if wanted. Relays of which there is no more than their own word come behind others, and unreliable and
 * suspect peers behind all (N-12). The router offers the first that it may extend to.
 */
export function candidatesOf(
  peers: readonly WalkedPeer[],
  directory: Directory,
  random: Random,
  { judge = () => 'offered', weight, verifies = false }: OfferOrder = {},
): Candidates {
  const group = () => ({ relays: [] as Candidate[], exits: [] as Candidate[] })
  const [reliable, unproven, unreliable] = [group(), group(), group()]
  const seen = new Set<string>()
  const offer = (
    candidate: Candidate,
    flags: number,
    at: ReturnType<typeof group>,
    claimedCountry?: string,
  ) => {
    const key = formatAddress(candidate.address)
    if (seen.has(key) || (flags & FLAG_RELAY) === 0) return
    seen.add(key)
    const judgement = judge({ ...candidate, claimedCountry })
    if (judgement === 'never') return
    const list = judgement === 'offered' ? at : unreliable
    if (flags & FLAG_EXIT_BITTORRENT) list.exits.push(candidate)
    else list.relays.push(candidate)
  }
  for (const { publicKey, address, flags, successRate } of peers) {
    const country = directory.find(publicKey.mid)?.descriptor.country
    offer({ publicKey, address }, flags, successRate >= RELIABLE_RATE ? reliable : unreliable, country)
  }
  // Whoever has proved himself at an address is not put out of it by who has only claimed it.
  const entries = [...directory.list()].sort((a, b) => Number(b.proven) - Number(a.proven))
  for (const { descriptor, proven } of entries) {
    const { publicKey, udp, flags, country } = descriptor
    if (udp) offer({ publicKey, address: udp }, flags, proven || !verifies ? reliable : unproven, country)
  }
  const ordered = (list: readonly Candidate[]) => inOrder(random, list, weight)
  const groups = [reliable, unproven, unreliable]
  return {
    relays: groups.flatMap(({ relays }) => ordered(relays)),
    exits: groups.flatMap(({ exits }) => ordered(exits)),
  }
}
