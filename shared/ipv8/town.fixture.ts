import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { useCurves } from '../crypto/curves.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { FLAG_RELAY, TUNNEL_COMMUNITY_ID, type WalkSettings } from './constants.ts'
import { NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { openSigned } from './packet.ts'
import { quickCurves } from './quick-curves.fixture.ts'
import { Walker, type WalkerOptions, type WalkStatus } from './walker.ts'

useCurves(quickCurves)

/** Address number n, each in a network of its own. */
export const ip = (n: number, port = 7000): IpAddress => ({
  kind: 'ipv4',
  host: `198.${18 + (n >> 8)}.${n & 255}.9`,
  port,
})

export const ip6 = (n: number, port = 7000): IpAddress => ({
  kind: 'ipv6',
  host: `2001:db8:${(n + 1).toString(16)}::9`,
  port,
})

/** The mapping and filtering of one host's NAT (RFC 4787 §4 and §5). */
export class NatBox {
  readonly publicHost: string
  private readonly kind: 'port-restricted' | 'symmetric'
  private readonly ports = new Map<string, number>()
  /** By public port: who may send to it. */
  private readonly allowed = new Map<number, Set<string>>()
  private nextPort = 40_000

  constructor(publicHost: string, kind: 'port-restricted' | 'symmetric') {
    this.publicHost = publicHost
    this.kind = kind
  }

  /** Where a packet to `to` seems to come from. */
  outward(to: IpAddress): IpAddress {
    const destination = formatAddress(to)
    const mapping = this.kind === 'symmetric' ? destination : 'one'
    const port = this.ports.get(mapping) ?? this.nextPort++
    this.ports.set(mapping, port)
    this.allowed.set(port, (this.allowed.get(port) ?? new Set()).add(destination))
    return { kind: 'ipv4', host: this.publicHost, port }
  }

  letsIn(from: IpAddress, port: number): boolean {
    return this.allowed.get(port)?.has(formatAddress(from)) === true
  }
}

export interface TownPlace {
  readonly address?: IpAddress
  /** A second address, for a dual-stack socket. */
  readonly address6?: IpAddress
  readonly settings?: Partial<WalkSettings>
  readonly nat?: NatBox
  readonly bootstrap?: readonly IpAddress[]
  readonly discovery?: boolean
  /** Of its chance, and so of its key. */
  readonly seed?: number
  readonly more?: Partial<WalkerOptions>
}

interface House {
  readonly walker: Walker
  readonly addresses: readonly IpAddress[]
  readonly nat: NatBox | undefined
}

/** A network of walkers; packets take `delayMs` each way. */
export class Town {
  readonly clock = new VirtualClock()
  readonly walkers = new Map<string, Walker>()
  readonly sent: { from: string; to: string; packet: Uint8Array; atMs: number }[] = []
  /** Formatted addresses that nothing reaches or leaves. */
  readonly mute = new Set<string>()
  readonly counters = new Counters()
  readonly statuses = new Map<Walker, WalkStatus[]>()
  delayMs = 10
  private readonly houses: House[] = []

  add(n: number, place: TownPlace = {}): Walker {
    const address = place.address ?? ip(n)
    const random = new SeededRandom(place.seed ?? n + 1)
    const { settings = {}, nat, address6, discovery = false } = place
    const statuses: WalkStatus[] = []
    const walker = new Walker({
      keyPair: KeyPair.generate(random),
      communityId: TUNNEL_COMMUNITY_ID,
      clock: this.clock,
      random,
      counters: this.counters,
      flags: FLAG_RELAY,
      addresses: address6 ? { lan: address, lan6: address6 } : { lan: address },
      initialTime: 0n,
      discovery,
      settings,
      onStatus: (status) => statuses.push(status),
      ...place.more,
      send: (to, packet) => {
        const inside = to.kind === 'ipv6' && address6 ? address6 : address
        this.carry(inside, to, packet, nat)
      },
    })
    this.houses.push({ walker, addresses: address6 ? [address, address6] : [address], nat })
    this.walkers.set(formatAddress(address), walker)
    this.statuses.set(walker, statuses)
    walker.addBootstrap(place.bootstrap ?? [])
    return walker
  }

  /** Ends one without a word. */
  remove(walker: Walker): void {
    walker.stop()
    const at = this.houses.findIndex((house) => house.walker === walker)
    this.houses.splice(at, 1)
  }

  stop(): void {
    for (const { walker } of this.houses) walker.stop()
  }

  /** Requests, responses, ...: packets of the tunnel community with one of these ids. */
  count(...ids: number[]): number {
    return this.sent.filter(({ packet }) => packet[2] === 0xa3 && ids.includes(packet[22] as number)).length
  }

  /** The identifier of the last introduction request that went to `address`. */
  asked(address: IpAddress): number {
    const to = formatAddress(address)
    const styles = [OLD_STYLE, NEW_STYLE]
    const sent = this.sent.findLast(
      (each) => each.to === to && styles.some(({ requestId }) => requestId === each.packet[22]),
    )
    const style = styles.find(({ requestId }) => requestId === sent?.packet[22])
    if (!sent || !style) throw new RangeError(`nothing asked of ${to}`)
    return openSigned(sent.packet, style.request).value.identifier
  }

  private carry(inside: IpAddress, to: IpAddress, packet: Uint8Array, nat: NatBox | undefined): void {
    const from = nat ? nat.outward(to) : inside
    const names = [formatAddress(inside), formatAddress(from), formatAddress(to)]
    this.sent.push({ from: names[1] as string, to: names[2] as string, packet, atMs: this.clock.now() })
    this.clock.after(this.delayMs, () => {
      if (names.some((name) => this.mute.has(name))) return
      for (const house of this.houses) {
        const direct = !house.nat && house.addresses.some((each) => sameAddress(each, to))
        if (direct || (house.nat?.publicHost === to.host && house.nat.letsIn(from, to.port))) {
          house.walker.receive(from, packet)
        }
      }
    })
  }
}
