import {
  type Address,
  addressOf,
  formatAddress,
  type IpAddress,
  sameAddress,
} from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import type { Directory } from '../shared/directory/directory.ts'
import type { StockPeer } from '../shared/directory/stock-peers.ts'
import type { Geo } from '../shared/geo/geo.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import type { Link } from '../shared/link/link.ts'
import { isStun, StunResponder } from '../shared/link/stun.ts'
import { defaultBootstrap } from './bootstrap.ts'
import { portRangeOf } from './config-values.ts'
import type { RelayDiscovery } from './discovery/relay-discovery.ts'
import type { RelayTrust } from './discovery/verifier.ts'
import { Exit } from './exit/exit.ts'
import { loadGeo } from './geo/load-geo.ts'
import type { Certificates } from './links/certificates.ts'
import { LinkBandwidth } from './links/link-bandwidth.ts'
import type { LinksStatus } from './links/links-status.ts'
import { linkOptionsOf, RelayLinks } from './links/relay-links.ts'
import { UdpLinks } from './links/udp.ts'
import type { UdpLink } from './links/udp-link.ts'
import { RelayPorts } from './nat/relay-ports.ts'
import { loadNativeCrypto } from './native-crypto.ts'
import { OwnAddresses } from './own-addresses.ts'
import { OwnBandwidth } from './own-bandwidth.ts'
import { type StartedGateway, startGateway } from './page-gateway.ts'
import { RelayKnowledge } from './relay-knowledge.ts'
import { makeMachines, type RelayMachines } from './relay-machines.ts'
import type { RelayOptions, RelayStatus } from './relay-options.ts'
import { packetDispatch, suspectSender } from './relay-packets.ts'
import { reachRule } from './relay-reach.ts'
import { loadCertificates } from './relay-tls.ts'

export type { RelayOptions, RelayStatus } from './relay-options.ts'

/**
 * One relay: a UDP socket, a gateway for pages, and behind both the router, the directory and, if it is one, the exit.
 * Packets come in here and go where their prefix and first byte say.
 */
export class Relay {
  private readonly options: RelayOptions
  private readonly prefix: Uint8Array
  private readonly knowledge: RelayKnowledge
  private readonly mayReach: (address: IpAddress) => boolean
  private readonly exit: Exit | undefined
  private running: Running | undefined
  /** Where the router at home takes TCP links for us. */
  private mappedTcp: Address | undefined
  private stopping: Promise<void> | undefined

  constructor(options: RelayOptions) {
    const { config } = options
    this.options = options
    this.prefix = prefixOf(fromHex(config.community))
    this.mayReach = reachRule(config)
    this.knowledge = new RelayKnowledge(options, {
      publicAddresses: () => this.publicAddresses,
      isPublic: (address) => this.isPublic(address),
      websocketUrl: () => this.websocketUrl,
      linkAddresses: () => this.running?.links.published() ?? {},
      linkTo: (address) => (this.mayReach(address) ? this.running?.udp.linkTo(address) : undefined),
      stockPeers: () => this.stockPeers(),
      geo: () => this.running?.geo,
      bytesPerSecond: () => this.running?.bandwidth.bytesPerSecond ?? 0,
      onResult: (result) => {
        // Whichever key it has, who signs as a relay of this network is one of ours.
        const isRelay = result.outcome === 'proved' || result.outcome === 'wrong-key'
        if (isRelay) this.running?.udp.provesRelay(result.candidate.address)
        this.running?.discovery.verified(result)
      },
      onLearnt: (entry) => this.running?.discovery.learnt(entry),
      onMalformed: (link) => this.running && suspectSender(this.running.walker, link),
    })
    this.exit = config.exit.enabled
      ? new Exit({
          ...options,
          ...config.exit,
          publicHosts: () => (this.publicAddresses ?? []).map(({ host }) => host),
          prefix: this.prefix,
        })
      : undefined
  }

  get directory(): Directory {
    return this.knowledge.directory
  }

  get trust(): RelayTrust {
    return this.knowledge.trust
  }

  /** `host:port` that the UDP socket is bound to. Empty before `start`. */
  get udpAddress(): string {
    return this.running ? formatAddress(this.running.udp.address) : ''
  }

  /** `http://host:port` of the gateway, or `https:`, if there is one. */
  get gatewayUrl(): string | undefined {
    const scheme = this.options.config.gateway.tls ? 'https' : 'http'
    return this.running?.gateway && `${scheme}://${formatAddress(this.running.gateway.address)}`
  }

  /** The search for relays; undefined before `start`. */
  get discovery(): RelayDiscovery | undefined {
    return this.running?.discovery
  }

  /** Links with neighbours; undefined before `start`. */
  get links(): RelayLinks | undefined {
    return this.running?.links
  }

  /** All links, with addresses and ids: for the operator's own eyes. */
  linksStatus(): LinksStatus | undefined {
    return this.running?.links.status(true)
  }

  /** How many there are of everything; for tests and for whoever watches the relay. */
  status(): RelayStatus | undefined {
    const { running } = this
    if (!running) return undefined
    return {
      ...running.walker.status,
      portMapping: running.ports?.state ?? 'off',
      relays: this.directory.size,
      discovery: running.discovery.status(),
      ipv8Dht: running.ipv8Dht.node?.stats,
      udpLinks: running.udp.size,
      links: running.links.status(),
      pages: running.links.keeper.pages,
      router: running.router.stats(),
      counters: this.options.counters.snapshot(),
    }
  }

  /** Opens the sockets and begins. Throws a CulvertError if a port is busy or an address is not this machine's. */
  async start(): Promise<void> {
    const { config, clock, log } = this.options
    const aead = await loadNativeCrypto(log)
    const loaded = await loadGeo(config.geo)
    const certificates = await loadCertificates(this.options)
    const linkBandwidth = await LinkBandwidth.open(this.options)
    const udp = await this.bindUdp(linkBandwidth)
    const own = new OwnAddresses({
      bound: udp.address,
      families: udp.families,
      publicHost: config.udp.publicHost,
      clock,
    })
    const machines = makeMachines({
      ...this.options,
      prefix: this.prefix,
      knowledge: this.knowledge,
      aead,
      geo: loaded?.geo,
      udp,
      own,
      exit: this.exit,
      mayReach: this.mayReach,
      publicAddresses: () => this.publicAddresses,
      isPublic: (address) => this.isPublic(address),
      links: () => links,
      sleeping: () => linkBandwidth.sleeping,
    })
    const { router, walker, discovery } = machines
    const links: RelayLinks = new RelayLinks({
      ...this.options,
      prefix: this.prefix,
      knowledge: this.knowledge,
      udp,
      certificates,
      bandwidth: linkBandwidth,
      mayReach: this.mayReach,
      openGateway: (listen, name) => this.openToOnion(listen, name),
      isReachable: () =>
        this.websocketUrl !== undefined ||
        this.mappedTcp !== undefined ||
        config.udp.publicHost !== undefined ||
        walker.status.nat === 'open',
      tcpAt: (port) => this.tcpAt(port),
      circuits: (link) => router.table.legsOf(link).length,
      hasCircuit: (link, id) => router.table.find(link, id) !== undefined,
      onPacket: this.receive,
      onClosed: (link) => router.linkClosed(link),
      onRelay: (neighbour) => discovery.met(neighbour),
    })
    const dispatch = packetDispatch({
      prefix: this.prefix,
      counters: this.options.counters,
      router,
      walker,
      proofs: this.trust.proofs,
      exchange: this.knowledge.exchange,
    })
    const bandwidth = new OwnBandwidth(clock, () => router.carriedBytes)
    const running: Running = {
      ...machines,
      dispatch,
      udp,
      own,
      bandwidth,
      geo: loaded?.geo,
      links,
      linkBandwidth,
      certificates,
      stun: this.stunOver(udp),
      gateway: undefined,
      ports: undefined,
    }
    this.running = running
    try {
      running.gateway = await startGateway(
        {
          ...this.options,
          geoTable: loaded?.table,
          certificates,
          linkOptions: linkOptionsOf(config, linkBandwidth),
        },
        {
          overlay: () => walker.status.state,
          webrtc: () => links.published().webrtc,
          status: () => this.status(),
          askBridge: config.links.bridge.enabled
            ? (asker, offer) => links.broker.ask(asker, offer)
            : undefined,
          onWire: (wire) => links.accept(wire),
        },
      )
      await links.start()
      await discovery.start()
    } catch (error) {
      await this.stop()
      throw error
    }
    running.ports = this.portsOf(running)
    running.ports.start()
    bandwidth.start()
    walker.addBootstrap(defaultBootstrap(config).filter((address) => udp.reaches(address)))
    walker.start()
  }

  /** Destroys all circuits, closes all links and sockets; done within 2 seconds. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  /** Reads the TLS certificate's files anew; links that are open go on. Never throws. */
  async reload(): Promise<void> {
    await this.running?.certificates?.reload()
  }

  private stunOver(udp: UdpLinks): StunResponder | undefined {
    if (!this.options.config.links.webrtc.stun) return undefined
    return new StunResponder({ ...this.options, send: (to, datagram) => udp.sendTo(to, datagram) })
  }

  private bindUdp({ udpShaper: shaper }: LinkBandwidth): Promise<UdpLinks> {
    const { config, clock, random, counters } = this.options
    const { host, port, portRange } = config.udp
    const options = {
      clock,
      random,
      counters,
      shaper,
      onPacket: (link: UdpLink, packet: Uint8Array) => this.running?.links.fromUdp(link, packet),
      onDatagram: (from: IpAddress, datagram: Uint8Array) => {
        if (isStun(datagram)) this.running?.stun?.receive(from, datagram)
        else this.running?.discovery.receive(from, datagram)
      },
      onClosed: (link: Link) => {
        this.running?.links.udpClosed(link)
        this.running?.router.linkClosed(link)
      },
      inUse: (link: Link) => this.isInUse(link),
    }
    return UdpLinks.bind(host, port, options, portRange ? portRangeOf(portRange) : undefined)
  }

  /** Opens the gateway to what comes through an onion service; undefined if there is no gateway. */
  private openToOnion(
    { host, port }: { readonly host: string; readonly port: number },
    name: () => string | undefined,
  ): Promise<{ readonly host: string; readonly port: number }> | undefined {
    const opened = this.running?.gateway?.gateway.openToOnion(host, port, name)
    return opened?.then((bound) => ({ host, port: bound }))
  }

  private isInUse(link: Link): boolean {
    const { router, links } = this.running ?? {}
    return (router?.table.legsOf(link).length ?? 0) > 0 || links?.isNeighbour(link) === true
  }

  private portsOf({ own, gateway }: Running): RelayPorts {
    const { config, clock, log } = this.options
    return new RelayPorts({
      config,
      clock,
      log,
      lan: () => own.lan,
      gateway: gateway?.address,
      onMapped: (udp, linkTcp) => {
        this.mappedTcp = linkTcp
        own.setMapped(udp)
      },
    })
  }

  private async end(): Promise<void> {
    const { running } = this
    if (!running) return
    const found = running.discovery.stop()
    running.bandwidth.stop()
    running.walker.stop()
    this.knowledge.exchange.stop()
    running.router.stop()
    running.exit.stop()
    const unmapped = running.ports?.stop()
    await Promise.all([running.links.stop(), running.gateway?.gateway.stop(), found])
    await running.linkBandwidth.stop()
    await running.udp.close()
    await unmapped
    this.running = undefined
  }

  /** Every packet of every link. Never throws. */
  private readonly receive = (link: Link, packet: Uint8Array): void => {
    this.running?.dispatch(link, packet)
  }

  private get websocketUrl(): string | undefined {
    const { gateway, lab } = this.options.config
    const address = this.running?.gateway?.address
    const scheme = gateway.tls ? 'wss' : 'ws'
    return gateway.publicUrl ?? (lab && address ? `${scheme}://${formatAddress(address)}/relay` : undefined)
  }

  /** Where others reach us: undefined until given or told by neighbours, empty if nobody can (N-10). */
  private get publicAddresses(): readonly IpAddress[] | undefined {
    return this.running?.own.reachable(this.running.walker)
  }

  /** Where the router takes TCP for us, or, with no NAT between, where it comes in as UDP does. */
  private tcpAt(port: number): Address | undefined {
    if (this.mappedTcp) return this.mappedTcp
    const isOpen = this.running?.walker.status.nat === 'open'
    const host = isOpen ? this.publicAddresses?.[0]?.host : undefined
    return host === undefined ? undefined : addressOf(host, port)
  }

  /** Whether an address is one of those; undefined while none is known. */
  private isPublic(address: Address): boolean | undefined {
    return this.publicAddresses?.some((each) => sameAddress(each, address))
  }

  /** Peers of the walk that have no descriptor: pages cannot walk, and are told of them. */
  private stockPeers(): readonly StockPeer[] {
    const peers = this.running?.walker.peers() ?? []
    return peers.filter(({ publicKey }) => this.directory.find(publicKey.mid) === undefined)
  }
}

interface Running extends RelayMachines {
  dispatch(link: Link, packet: Uint8Array): void
  readonly udp: UdpLinks
  readonly own: OwnAddresses
  readonly bandwidth: OwnBandwidth
  readonly geo: Geo | undefined
  readonly links: RelayLinks
  readonly linkBandwidth: LinkBandwidth
  readonly certificates: Certificates | undefined
  readonly stun: StunResponder | undefined
  gateway: StartedGateway | undefined
  ports: RelayPorts | undefined
}
