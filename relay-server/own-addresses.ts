import { addressOf, formatAddress, type IpAddress, isNoAddress } from '../shared/bytes/address.ts'
import type { Clock } from '../shared/world/clock.ts'
import { isUnspecified, lanAddresses } from './endpoints.ts'
import { OWN_HOSTS_MS } from './exit/constants.ts'

type Kind = IpAddress['kind']

export interface OwnAddressesOptions {
  /** What the UDP socket is bound to. */
  readonly bound: IpAddress
  readonly families: readonly Kind[]
  /** The address that the operator says others reach the relay at. */
  readonly publicHost: string | undefined
  readonly clock: Clock
  readonly lanAddressesOf?: typeof lanAddresses
}

/**
 * Where this relay is, as far as it knows by itself: what neighbours see of it is the walk's business. The network cards are read
 * anew every minute: a relay may start before its network does, and move to another.
 */
export class OwnAddresses {
  private readonly options: OwnAddressesOptions
  private readonly bound: IpAddress
  private readonly publicAddress: IpAddress | undefined
  private mapped: IpAddress | undefined
  private local: { readonly lan: IpAddress; readonly lan6: IpAddress | undefined }
  private readAtMs = Number.NEGATIVE_INFINITY

  constructor(options: OwnAddressesOptions) {
    const { bound, publicHost } = options
    const loopback = addressOf(bound.kind === 'ipv6' ? '::1' : '127.0.0.1', bound.port) as IpAddress
    this.options = options
    this.bound = bound
    this.local = { lan: loopback, lan6: undefined }
    this.publicAddress =
      publicHost === undefined ? undefined : (addressOf(publicHost, bound.port) as IpAddress)
  }

  /** On the local network; IPv4 where the socket is for both IP versions. Loopback until there is one. */
  get lan(): IpAddress {
    return this.cards().lan
  }

  get lan6(): IpAddress | undefined {
    return this.cards().lan6
  }

  /** What the router at home has mapped to the socket, if it did. */
  setMapped(address: IpAddress | undefined): void {
    this.mapped = address
  }

  /** Where others reach the relay, if that is known for sure: given by the operator, mapped, or bound to. */
  given(kind: Kind): IpAddress | undefined {
    const candidates = [this.publicAddress, this.mapped, isUnspecified(this.bound) ? undefined : this.bound]
    return candidates.find((address) => address?.kind === kind)
  }

  /** In the words of the walk: those of the IP version of `lan`, and IPv6 ones beside IPv4. */
  forWalk(): { lan: IpAddress; wan?: IpAddress; lan6?: IpAddress; wan6?: IpAddress } {
    const { lan, lan6 } = this
    const wan = this.given(lan.kind)
    const wan6 = this.given('ipv6')
    return {
      lan,
      ...(wan ? { wan } : {}),
      ...(lan6 && lan.kind === 'ipv4' ? { lan6 } : {}),
      ...(wan6 && lan.kind === 'ipv4' ? { wan6 } : {}),
    }
  }

  /**
   * Where others reach the relay, at most one address for each IP version: as given, else as neighbours see it. Undefined while
   * neither is known; none behind a NAT that lets nobody in by himself (N-10).
   */
  reachable(walk: {
    readonly wan: IpAddress
    readonly wan6: IpAddress
    readonly status: { readonly relayOnly: boolean }
  }): readonly IpAddress[] | undefined {
    const given = (['ipv4', 'ipv6'] as const).flatMap((kind) => this.given(kind) ?? [])
    if (given.length > 0) return given
    if (walk.status.relayOnly) return []
    const seen = new Map([walk.wan6, walk.wan].map((address) => [address.kind, address]))
    const known = [...seen.values()].filter((address) => !isNoAddress(address))
    return known.length > 0 ? known : undefined
  }

  /** Whether `address` is this relay, as far as it knows. */
  isOwn(address: IpAddress): boolean {
    const own = [this.bound, this.lan, this.lan6, this.given('ipv4'), this.given('ipv6')]
    const text = formatAddress(address)
    return own.some((each) => each !== undefined && formatAddress(each) === text)
  }

  /** Between two networks, the relay counts as where it was. */
  private cards(): OwnAddresses['local'] {
    const { bound, families, clock, lanAddressesOf = lanAddresses } = this.options
    if (clock.now() - this.readAtMs < OWN_HOSTS_MS) return this.local
    this.readAtMs = clock.now()
    const { ipv4, ipv6 } = lanAddressesOf(bound, families)
    const lan = ipv4 ?? ipv6
    if (lan) this.local = { lan, lan6: ipv6 }
    return this.local
  }
}
