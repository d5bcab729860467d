import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { networkOf, siteOf } from './network-of.ts'

/** What several relays of one owner are likely to share. */
export interface Belonging {
  readonly address?: IpAddress | undefined
  /** Operator family; empty for none. */
  readonly family?: string | undefined
  /** Autonomous system; 0 for unknown. */
  readonly as?: number | undefined
}

/** The larger network that an address is of: IPv4 /16, IPv6 /32, as text fit for map keys. What a provider is given at once. */
export function providerOf(address: IpAddress): string {
  if (address.kind === 'ipv4')
    return `4/16/${toHex(parseIpv4(address.host)?.subarray(0, 2) ?? new Uint8Array())}`
  return `6/32/${toHex(parseIpv6(address.host)?.subarray(0, 4) ?? new Uint8Array())}`
}

/** Most members of a set that may share something; no bound where it is left out. */
export interface DiversitySettings {
  /** One machine: an IPv4 address, an IPv6 /64. */
  readonly maxPerSite?: number
  /** IPv4 /24, IPv6 /48. */
  readonly maxPerNetwork?: number
  /** IPv4 /16, IPv6 /32. */
  readonly maxPerProvider?: number
  readonly maxPerFamily?: number
  readonly maxPerAs?: number
}

/** Which bound a newcomer would break. */
export type Crowd = 'site' | 'network' | 'provider' | 'family' | 'as'

/**
 * Keeps a set from being filled by one owner: counts its members by machine, network, provider, family and autonomous system
 * (Sybil defence, K-06 and issue 4). Holds one small entry for each member and no more.
 */
export class Diversity {
  private readonly limits: Readonly<Record<Crowd, number>>
  private readonly members = new Map<string, readonly [Crowd, string][]>()
  private readonly counts = new Map<string, number>()

  constructor(settings: DiversitySettings) {
    const { maxPerSite, maxPerNetwork, maxPerProvider, maxPerFamily, maxPerAs } = settings
    const none = Number.POSITIVE_INFINITY
    this.limits = {
      site: maxPerSite ?? none,
      network: maxPerNetwork ?? none,
      provider: maxPerProvider ?? none,
      family: maxPerFamily ?? none,
      as: maxPerAs ?? none,
    }
  }

  get size(): number {
    return this.members.size
  }

  /** What `who` would be one too many of; undefined if it fits. The member that it takes the place of, if any, does not count. */
  crowdFor(who: Belonging, replacing?: string): Crowd | undefined {
    const leaving = replacing === undefined ? [] : (this.members.get(replacing) ?? [])
    for (const [crowd, key] of crowdsOf(who)) {
      const own = leaving.some(([, leftKey]) => leftKey === key) ? 1 : 0
      if ((this.counts.get(key) ?? 0) - own >= this.limits[crowd]) return crowd
    }
    return undefined
  }

  /** Enters a member, or enters it anew, if it fits; says what stood against it otherwise. */
  add(id: string, who: Belonging): Crowd | undefined {
    const crowd = this.crowdFor(who, id)
    if (crowd !== undefined) return crowd
    this.delete(id)
    const crowds = crowdsOf(who)
    this.members.set(id, crowds)
    for (const [, key] of crowds) this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    return undefined
  }

  /** Idempotent. */
  delete(id: string): void {
    for (const [, key] of this.members.get(id) ?? []) {
      const left = (this.counts.get(key) ?? 1) - 1
      if (left > 0) this.counts.set(key, left)
      else this.counts.delete(key)
    }
    this.members.delete(id)
  }
}

function crowdsOf({ address, family, as }: Belonging): readonly [Crowd, string][] {
  const crowds: [Crowd, string][] = []
  if (address) {
    crowds.push(['site', `site ${siteOf(address)}`])
    crowds.push(['network', `network ${networkOf(address)}`])
    crowds.push(['provider', `provider ${providerOf(address)}`])
  }
  if (family) crowds.push(['family', `family ${family}`])
  if (as) crowds.push(['as', `as ${as}`])
  return crowds
}

/**
 * As many of `list` as fit the limits, in its order: what is offered first is taken first, so put the best first.
 * @param of what each of them shares with others
 */
export function diverse<T>(list: readonly T[], settings: DiversitySettings, of: (each: T) => Belonging): T[] {
  const diversity = new Diversity(settings)
  return list.filter((each, i) => diversity.add(String(i), of(each)) === undefined)
}
