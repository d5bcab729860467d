import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { ComparisonSettings } from '../../shared/client/constants.ts'
import type { EntryRelay } from '../../shared/client/entry-links.ts'
import { toldRelay } from '../../shared/client/path-relays.ts'
import { PrivateNetwork } from '../../shared/client/private-network.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { messageIdOf, prefixOf } from '../../shared/ipv8/packet.ts'
import { Walker } from '../../shared/ipv8/walker.ts'
import type { Link } from '../../shared/link/link.ts'
import { MESSAGE } from '../../shared/onion/constants.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { GuardStore } from '../../shared/path/guards.ts'
import type { PathRelay } from '../../shared/path/relay.ts'
import type { Hops } from '../../shared/path/select.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { type Random, shuffled } from '../../shared/world/random.ts'
import { defaultBootstrap } from '../bootstrap.ts'
import { minRelaysOf, type RelayConfig } from '../config.ts'
import { resolveEndpoint } from '../endpoints.ts'
import { UdpLinks } from '../links/udp.ts'
import { OwnAddresses } from '../own-addresses.ts'
import { ASKED_PER_ROUND, ENTRY_ANSWER_MS, SEARCH_IDLE_MS, SEARCH_MS } from './constants.ts'

export interface OverlayClientOptions {
  /** Network, community, bootstrap, `udp.host`, `lab`, `minRelays` and `networkPrefixBits` are used. The port is always a random one. */
  readonly config: RelayConfig
  readonly hops: Hops
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** Countries and networks of addresses; without it the relays' own word has to do. */
  readonly geo?: Geo | undefined
  /** Relays that must be known before circuits are built; the configuration's if not given. */
  readonly minRelays?: number
  readonly standbys?: number
  readonly guardStore?: GuardStore
  /** Several relays are asked, through circuits, for all that they know; none if not given. */
  readonly comparison?: Partial<ComparisonSettings>
  /** Another circuit serves now, or none does. */
  primaryChanged?(): void
}

/** How a client over UDP is let in: at the relay's own UDP address. */
const UDP_SCHEME = 'udp://'

interface Handlers {
  packet(packet: Uint8Array): void
  closed(): void
}

/**
 * A client of the overlay for programs: a UDP socket of its own, the walk as a peer that offers nothing, and circuits whose
 * hops are Culvert relays and stock IPv8 peers alike. The key that it walks with is in no circuit.
 */
export class OverlayClient {
  readonly network: PrivateNetwork
  readonly walker: Walker
  private readonly options: OverlayClientOptions
  private readonly prefix: Uint8Array
  private readonly policy: ExitPolicy
  private readonly udp: UdpLinks
  private readonly handlers = new Map<Link, Handlers>()
  /** By link: what waits for any packet over it. */
  private readonly awaited = new Map<Link, () => void>()
  private readonly bootstrap = new Map<string, IpAddress>()
  private timer: Timer | undefined
  private stopped = false

  /** @throws CulvertError `udp-bind` */
  static async start(options: OverlayClientOptions): Promise<OverlayClient> {
    const { clock, random, counters, config } = options
    let client: OverlayClient | undefined
    const udp = await UdpLinks.bind(config.udp.host, 0, {
      clock,
      random,
      counters,
      onPacket: (link, packet) => client?.receive(link, packet),
      onClosed: (link) => client?.linkClosed(link),
      inUse: (link) => client?.handlers.has(link) ?? false,
    })
    client = new OverlayClient(options, udp)
    client.network.start()
    client.walker.start()
    void client.search()
    return client
  }

  private constructor(options: OverlayClientOptions, udp: UdpLinks) {
    const { config, clock, random, counters } = options
    this.options = options
    this.udp = udp
    this.prefix = prefixOf(fromHex(config.community))
    this.policy = new ExitPolicy({ allowNetworks: config.lab ? ['127.0.0.0/8'] : [] })
    const own = new OwnAddresses({
      bound: udp.address,
      families: udp.families,
      publicHost: undefined,
      clock,
    })
    this.walker = new Walker({
      keyPair: KeyPair.generate(random),
      communityId: fromHex(config.community),
      clock,
      random,
      counters,
      flags: 0,
      addresses: () => own.forWalk(),
      families: udp.families,
      settings: config.lab ? { maxPeersPerNetwork: 30 } : {},
      mayReach: (address) => this.mayReach(address),
      send: (address, packet) => {
        if (this.mayReach(address)) udp.linkTo(address)?.send(packet, 0)
      },
    })
    this.walker.addBootstrap(defaultBootstrap(config).filter((address) => udp.reaches(address)))
    const bits = config.networkPrefixBits
    this.network = new PrivateNetwork({
      clock,
      random,
      counters,
      aead: options.aead,
      network: config.network,
      communityId: fromHex(config.community),
      networkBits: { ipv4: bits, ipv6: 2 * bits },
      hops: options.hops,
      entries: [],
      minRelays: options.minRelays ?? minRelaysOf(config),
      ...(options.standbys === undefined ? {} : { standbys: options.standbys }),
      ...(options.guardStore && { guardStore: options.guardStore }),
      ...(options.comparison && { comparison: options.comparison }),
      geo: () => options.geo,
      extraRelays: () => this.stockPeers(),
      entryUrl: (relay) => this.entryUrl(relay),
      openLink: (relay, onPacket, onClosed) => this.openLink(relay, onPacket, onClosed),
      changed: () => undefined,
      primaryChanged: () => options.primaryChanged?.(),
    })
  }

  /** Ends circuits, links and the socket. */
  async stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    this.network.stop()
    this.walker.stop()
    await this.udp.close()
  }

  /** Peers of the walk that proved their keys; those of the directory are known from there. */
  private stockPeers(): PathRelay[] {
    return this.walker.peers().flatMap((peer) => {
      const relay = toldRelay({ ...peer, tellers: [] }, this.options.geo)
      if (!relay?.address || !this.mayReach(relay.address)) return []
      const { tellers: _, ...known } = relay
      return [known]
    })
  }

  /** Stock peers are entries only where no relay of ours is known: they do not repeat what is lost. */
  private entryUrl({ address, culvert }: PathRelay): string | undefined {
    const fits = culvert || this.network.directory.size === 0
    return fits && address && this.mayReach(address) ? UDP_SCHEME + formatAddress(address) : undefined
  }

  private mayReach(address: IpAddress): boolean {
    return this.udp.reaches(address) && this.policy.judge(address, 'udp') === 'allowed'
  }

  /** UDP knows no connection: a link counts as open once the relay answered. */
  private async openLink(
    { url }: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link) => void,
  ): Promise<Link> {
    const address = udpAddressOf(url)
    const link = address && this.mayReach(address) ? this.udp.linkTo(address) : undefined
    if (!address || !link) throw new CulvertError('relay-unreachable', 'no UDP to the relay’s address')
    await this.answered(link, address)
    this.handlers.set(link, {
      packet: (packet) => onPacket(link, packet),
      closed: () => onClosed(link),
    })
    return link
  }

  private answered(link: Link, address: IpAddress): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.after(ENTRY_ANSWER_MS, () => {
        this.awaited.delete(link)
        reject(new CulvertError('relay-unreachable', 'the relay does not answer'))
      })
      this.awaited.set(link, () => {
        timer.cancel()
        resolve()
      })
      // Whatever it is, it answers this; a relay of ours would answer for its directory as well.
      this.walker.walkTo(address)
    })
  }

  private receive(link: Link, packet: Uint8Array): void {
    this.awaited.get(link)?.()
    this.awaited.delete(link)
    const id = messageIdOf(packet, this.prefix)
    const handlers = this.handlers.get(link)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) handlers?.packet(packet)
    else if (id === undefined && this.network.receive(link, packet)) return
    else if (!this.walker.receive(link.address as IpAddress, packet)) {
      this.options.counters.add('client-unknown-packet')
    }
  }

  private linkClosed(link: Link): void {
    const handlers = this.handlers.get(link)
    this.handlers.delete(link)
    handlers?.closed()
  }

  /** Asks for relays: the configured ones, and some of those heard of. */
  private async search(): Promise<void> {
    await this.resolve()
    if (this.stopped) return
    const { random, clock } = this.options
    const listed = this.network.directory.list().flatMap(({ descriptor }) => descriptor.udp ?? [])
    const asked = [...this.bootstrap.values(), ...shuffled(random, listed).slice(0, ASKED_PER_ROUND)]
    for (const address of asked) {
      const link = this.mayReach(address) ? this.udp.linkTo(address) : undefined
      if (link) this.network.learnFrom(link)
    }
    this.network.relaysChanged()
    const pauseMs = this.network.pooled().length > 0 ? SEARCH_IDLE_MS : SEARCH_MS
    this.timer = clock.after(pauseMs, () => void this.search())
  }

  private async resolve(): Promise<void> {
    const missing = this.options.config.bootstrap.filter((endpoint) => !this.bootstrap.has(endpoint))
    await Promise.all(
      missing.map(async (endpoint) => {
        const address = await resolveEndpoint(endpoint, this.udp.families)
        if (address) this.bootstrap.set(endpoint, address)
      }),
    )
    this.walker.addBootstrap([...this.bootstrap.values()])
  }
}

/** The address in `udp://host:port`, IPv6 in brackets. */
function udpAddressOf(url: string): IpAddress | undefined {
  const [, host, port] = /^udp:\/\/(\[[^\]]+\]|[^:/]+):([0-9]{1,5})$/.exec(url) ?? []
  const address = host === undefined ? undefined : addressOf(host, Number(port))
  return address === undefined || address.kind === 'domain' ? undefined : address
}
