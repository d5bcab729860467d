import { addressOf, formatAddress, type IpAddress, isNoAddress } from '../shared/bytes/address.ts'
import { isUnspecified, lanAddresses } from './endpoints.ts'

type Kind = IpAddress['kind']

export interface OwnAddressesOptions {
  /** What the UDP socket is bound to. */
  readonly bound: IpAddress
  readonly families: readonly Kind[]
  /** The address that the operator says others reach the relay at. */
  readonly publicHost: string | undefined
  readonly lanAddressesOf?: typeof lanAddresses
}

/** Where this relay is, as far as it knows by itself: what neighbours see of it is the walk's business. */
export class OwnAddresses {
  /** On the local network; IPv4 where the socket is for both IP versions. */
  readonly lan: IpAddress
  readonly lan6: IpAddress | undefined
  private readonly bound: IpAddress
  private readonly publicAddress: IpAddress | undefined
  private mapped: IpAddress | undefined

  constructor(options: OwnAddressesOptions) {
    const { bound, families, publicHost, lanAddressesOf = lanAddresses } = options
    const { ipv4, ipv6 } = lanAddressesOf(bound, families)
    const loopback = addressOf(bound.kind === 'ipv6' ? '::1' : '127.0.0.1', bound.port) as IpAddress
    this.bound = bound
    this.lan = ipv4 ?? ipv6 ?? loopback
    this.lan6 = ipv6
    this.publicAddress =
      publicHost === undefined ? undefined : (addressOf(publicHost, bound.port) as IpAddress)
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
}
