import { type Address, formatAddress, type IpAddress, sameAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { CircuitLinks } from '../shared/directory/circuit-links.ts'
import { Directory } from '../shared/directory/directory.ts'
import { DirectoryExchange } from '../shared/directory/exchange.ts'
import type { StockPeer } from '../shared/directory/stock-peers.ts'
import type { Geo } from '../shared/geo/geo.ts'
import { isHiddenPacket } from '../shared/hidden/packets.ts'
import type { KeyPair } from '../shared/identity/keys.ts'
import { messageIdOf, prefixOf } from '../shared/ipv8/packet.ts'
import { Walker, type WalkStatus } from '../shared/ipv8/walker.ts'
import type { Link } from '../shared/link/link.ts'
import { MESSAGE } from '../shared/onion/constants.ts'
import { ExitPolicy } from '../shared/onion/exit-policy.ts'
import { Router, type RouterStats } from '../shared/onion/router.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { Counters } from '../shared/world/counters.ts'
import type { Random } from '../shared/world/random.ts'

import { defaultBootstrap } from './bootstrap.ts'
import { portRangeOf, type RelayConfig } from './config.ts'
import { type DiscoveryStatus, RelayDiscovery } from './discovery/relay-discovery.ts'
import { RelayTrust } from './discovery/verifier.ts'
import { Exit } from './exit/exit.ts'
import { loadGeo } from './geo/load-geo.ts'
import { hiddenServices } from './hidden-services.ts'
import { UdpLinks } from './links/udp.ts'
import type { Log } from './log.ts'
import type { PortMappingState } from './nat/port-mapping.ts'
import { RelayPorts } from './nat/relay-ports.ts'
import { loadNativeCrypto } from './native-crypto.ts'
import { OwnAddresses } from './own-addresses.ts'
import { OwnBandwidth } from './own-bandwidth.ts'
import { exitSummaryOf, OwnDescriptor } from './own-descriptor.ts'
import { type StartedGateway, startGateway } from './page-gateway.ts'
import { candidatesOf, nearFirst, offerJudge, provenAddresses } from './relay-candidates.ts'
import { descriptorFlagsOf, flagsOf } from './relay-flags.ts'
import { WalkReport } from './walk-report.ts'

export interface RelayOptions {
  readonly config: RelayConfig
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly log: Log
}

/** Numbers and states, no addresses, keys or ids: what GET /status.json answers (N-13). */
export interface RelayStatus extends WalkStatus {
  /** Whether a router at home sends the port here, and by which protocol. */
  readonly portMapping: PortMappingState
  /** Other relays whose descriptors are known. */
  readonly relays: number
  /** How the search for relays goes (D-08, K-10). */
  readonly discovery: DiscoveryStatus
  readonly udpLinks: number
  readonly pages: number
  readonly router: RouterStats
  /** Since the start: `udp-received`, `udp-received-bytes`, `udp-sent`, `udp-sent-bytes`, refusals by reason, … */
  readonly counters: Readonly<Record<string, number>>
}

/** Networks that relays may be in although they are private: the lab lives there. */
const LAB_NETWORKS = ['127.0.0.0/8', '::1/128']

/**
 * One relay: a UDP socket, a gateway for pages, and behind both the router, the directory and, if it is one, the exit.
 * Packets come in here and go where their prefix and first byte say.
 */
export class Relay {
  readonly directory: Directory
  readonly trust: RelayTrust
  private readonly options: RelayOptions
  private readonly prefix: Uint8Array
  private readonly exchange: DirectoryExchange
  private readonly descriptor: OwnDescriptor
  private readonly extendPolicy: ExitPolicy
  private readonly exit: Exit | undefined
  private running: Running | undefined
  private stopping: Promise<void> | undefined

  constructor(options: RelayOptions) {
    const { config, keyPair, clock, random, counters } = options
    const { network } = config
    this.options = options
    this.prefix = prefixOf(fromHex(config.community))
    this.extendPolicy = new ExitPolicy({ allowNetworks: config.lab ? LAB_NETWORKS : [] })
    this.trust = new RelayTrust({
      ...options,
      allowNetworks: config.lab ? LAB_NETWORKS : [],
      isOwn: (address) => this.isPublic(address),
      linkTo: (address) => (this.mayReach(address) ? this.running?.udp.linkTo(address) : undefined),
      onResult: (result) => this.running?.discovery.verified(result),
    })
    const { book } = this.trust
    this.directory = new Directory({
      network,
      clock,
      counters,
      self: keyPair.publicKey,
      refuse: ({ publicKey, udp }) =>
        book.isBlocked(publicKey.mid) || (udp !== undefined && book.isBlocked(udp)),
      onlyProven: config.trust.verify,
      learnt: () => this.running?.discovery.learnt(),
    })
    this.exit = config.exit.enabled
      ? new Exit({
          ...config.exit,
          publicHosts: () => (this.publicAddresses ?? []).map(({ host }) => host),
          clock,
          random,
          counters,
          prefix: this.prefix,
        })
      : undefined
    this.descriptor = new OwnDescriptor({
      keyPair,
      clock,
      network,
      nickname: config.nickname,
      family: config.family,
      flags: descriptorFlagsOf(config.exit),
      websocket: () => this.websocketUrl,
      udp: () => this.publicAddresses,
      contact: config.contact,
      exit: () => exitSummaryOf(config.exit, this.publicAddresses ?? []),
      geo: (address) => this.running?.geo?.lookup(address),
      bandwidth: () => this.running?.bandwidth.bytesPerSecond ?? 0,
    })
    const own = () => this.descriptor.bytes()
    const neighbours = () => this.stockPeers()
    this.exchange = new DirectoryExchange({
      directory: this.directory,
      own,
      neighbours,
      tellsDrops: true,
      verdicts: () => book.opinions(),
      clock,
      random,
      counters,
      // Candidates are asked too, beside the partners of a round.
      settings: { maxFetches: 64 },
    })
  }

  /** `host:port` that the UDP socket is bound to. Empty before `start`. */
  get udpAddress(): string {
    return this.running ? formatAddress(this.running.udp.address) : ''
  }

  /** `http://host:port` of the gateway, if there is one. */
  get gatewayUrl(): string | undefined {
    return this.running?.gateway && `http://${formatAddress(this.running.gateway.address)}`
  }

  /** The search for relays; undefined before `start`. */
  get discovery(): RelayDiscovery | undefined {
    return this.running?.discovery
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
      udpLinks: running.udp.size,
      pages: running.gateway?.gateway.size ?? 0,
      router: running.router.stats(),
      counters: this.options.counters.snapshot(),
    }
  }

  /** Opens the sockets and begins. Throws a CulvertError if a port is busy or an address is not this machine's. */
  async start(): Promise<void> {
    const { config, keyPair, clock, random, counters, log } = this.options
    const aead = await loadNativeCrypto(log)
    const loaded = await loadGeo(config.geo)
    const { host, port, portRange, publicHost } = config.udp
    const linkOptions = {
      clock,
      random,
      counters,
      onPacket: this.receive,
      onDatagram: (from: IpAddress, datagram: Uint8Array) => this.running?.discovery.receive(from, datagram),
      onClosed: (link: Link) => this.running?.router.linkClosed(link),
      inUse: (link: Link) => (this.running?.router.table.legsOf(link).length ?? 0) > 0,
    }
    const udp = await UdpLinks.bind(host, port, linkOptions, portRange ? portRangeOf(portRange) : undefined)
    const own = new OwnAddresses({ bound: udp.address, families: udp.families, publicHost })
    const hidden = hiddenServices({
      publicKey: keyPair.publicKey,
      config,
      allowNetworks: config.lab ? LAB_NETWORKS : [],
      exit: this.exit,
      prefix: this.prefix,
      clock,
      random,
      counters,
      addresses: () => this.publicAddresses ?? [],
      join: (a, b) => router.join(a, b),
      directory: this.directory,
      linkTo: (address) => (this.mayReach(address) ? udp.linkTo(address) : undefined),
    })
    const { book } = this.trust
    const { avoidCountries, near } = config.geo
    const circuitLinks = new CircuitLinks(this.options, (link, packet) => this.exchange.receive(link, packet))
    const offered = offerJudge({ book, geo: loaded?.geo, avoidCountries })
    const weight = near ? nearFirst(loaded?.geo, () => this.publicAddresses?.[0]) : undefined
    const router: Router = new Router({
      keyPair,
      prefix: this.prefix,
      clock,
      random,
      aead,
      counters,
      flags: flagsOf(config.exit),
      linkTo: (address) => udp.linkTo(address),
      mayExtendTo: (address) => udp.reaches(address) && !own.isOwn(address) && this.mayReach(address),
      exit: hidden.port,
      services: hidden.services,
      directory: circuitLinks.receive,
      candidates: () => candidatesOf(walker.peers(), this.directory, random, offered, weight),
      isProven: (link) => walker.isVerified(link.address as IpAddress),
      limits: config.limits,
    })
    const report = new WalkReport(log)
    const walker = new Walker({
      keyPair,
      communityId: fromHex(config.community),
      clock,
      random,
      counters,
      flags: flagsOf(config.exit),
      addresses: own.forWalk(),
      families: udp.families,
      onStatus: (status) => {
        report.note(status)
        const peers = walker.peers().map(({ address }) => formatAddress(address))
        log.debug(`walk: ${status.state}; peers: ${peers.join(' ') || 'none'}`)
      },
      // All of a lab is one network.
      settings: config.lab ? { maxPeersPerNetwork: 30 } : {},
      // Strangers tell the walk where to go, unsigned in part: into our own network they shall not send us.
      mayReach: (address) => this.mayReach(address),
      // A relay that found others without any bootstrap node is in the overlay by them.
      alsoAsk: () => provenAddresses(this.directory),
      send: (address, packet) => {
        if (this.mayReach(address)) udp.linkTo(address)?.send(packet, 0)
        else counters.add('relay-private-address')
      },
    })
    const discovery = new RelayDiscovery({
      ...this.options,
      aead,
      directory: this.directory,
      exchange: this.exchange,
      trust: this.trust,
      udp,
      mayReach: (address) => this.mayReach(address),
      isOwn: (address) => own.isOwn(address) || this.isPublic(address) === true,
      publicAddresses: () => this.publicAddresses,
      own: () => this.descriptor.bytes(),
      onBootstrap: (addresses) => walker.addBootstrap(addresses),
      onCircuit: (key, ok) => (ok ? walker.recordSuccess(key) : walker.recordFailure(key)),
    })
    this.running = {
      udp,
      own,
      router,
      exit: hidden.exit,
      walker,
      discovery,
      bandwidth: new OwnBandwidth(clock, () => router.carriedBytes),
      geo: loaded?.geo,
      gateway: undefined,
      ports: undefined,
    }
    try {
      this.running.gateway = await startGateway(
        { ...this.options, geoTable: loaded?.table },
        {
          overlay: () => walker.status.state,
          status: () => this.status(),
          onPacket: this.receive,
          onClosed: (link) => router.linkClosed(link),
        },
      )
    } catch (error) {
      await udp.close()
      throw error
    }
    this.running.ports = new RelayPorts({
      config,
      clock,
      log,
      lan: own.lan,
      gateway: this.running.gateway?.address,
      onMapped: (address) => {
        own.setMapped(address)
        walker.setWan(address)
      },
    })
    this.running.ports.start()
    this.running.bandwidth.start()
    await discovery.start()
    walker.addBootstrap(defaultBootstrap(config).filter((address) => udp.reaches(address)))
    walker.start()
  }

  /** Destroys all circuits, closes all links and sockets; done within 2 seconds. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    const { running } = this
    if (!running) return
    const found = running.discovery.stop()
    running.bandwidth.stop()
    running.walker.stop()
    this.exchange.stop()
    running.router.stop()
    running.exit.stop()
    const unmapped = running.ports?.stop()
    await running.gateway?.gateway.stop()
    await found
    await running.udp.close()
    await unmapped
    this.running = undefined
  }

  /** Every packet of every link. Never throws. */
  private readonly receive = (link: Link, packet: Uint8Array): void => {
    const { running } = this
    if (!running) return
    const id = messageIdOf(packet, this.prefix)
    if (id === MESSAGE.cell || id === MESSAGE.destroy) running.router.receive(link, packet)
    else if (id === undefined && this.receiveOfDirectory(link, packet)) return
    else if (id !== undefined && isHiddenPacket(id)) running.router.receivePacket(link, packet)
    else if (link.kind === 'udp' && running.walker.receive(link.address as IpAddress, packet)) return
    else this.options.counters.add(id === undefined ? 'relay-foreign-packet' : 'relay-unknown-message')
  }

  /** Proofs, and what else there is of the directory's community. */
  private receiveOfDirectory(link: Link, packet: Uint8Array): boolean {
    return this.trust.proofs.receive(link, packet) || this.exchange.receive(link, packet)
  }

  private get websocketUrl(): string | undefined {
    const { gateway, lab } = this.options.config
    const address = this.running?.gateway?.address
    return gateway.publicUrl ?? (lab && address ? `ws://${formatAddress(address)}/relay` : undefined)
  }

  /** Where others reach us: undefined until given or told by neighbours, empty if nobody can (N-10). */
  private get publicAddresses(): readonly IpAddress[] | undefined {
    const { running } = this
    if (!running) return undefined
    return running.own.reachable(running.walker)
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

  /** Whether an address that a stranger named (in an extend, in a descriptor) is one that packets may be sent to. */
  private mayReach(address: IpAddress): boolean {
    return this.extendPolicy.judge(address, 'udp') === 'allowed'
  }
}

interface Running {
  readonly udp: UdpLinks
  readonly own: OwnAddresses
  readonly router: Router
  readonly exit: Exit
  readonly walker: Walker
  readonly discovery: RelayDiscovery
  readonly bandwidth: OwnBandwidth
  readonly geo: Geo | undefined
  gateway: StartedGateway | undefined
  ports: RelayPorts | undefined
}
