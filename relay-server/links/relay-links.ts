import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { RelayAddresses } from '../../shared/directory/descriptor-addresses.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { isControl } from '../../shared/link/control.ts'
import { Keeper } from '../../shared/link/keeper.ts'
import type { Link } from '../../shared/link/link.ts'
import { formatLinkAddress, type LinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import { NO_SIZE_CLASSES } from '../../shared/link/padding.ts'
import { CoverTraffic, canBeCovered } from '../../shared/link/padding-cover.ts'
import type { Wire } from '../../shared/link/wire.ts'
import type { RelayConfig } from '../config.ts'
import type { RelayKnowledge } from '../relay-knowledge.ts'
import type { RelayOptions } from '../relay-options.ts'
import { BridgeBroker } from './bridge-broker.ts'
import type { Certificates } from './certificates.ts'
import { circuitIdOf, linkOfCircuit } from './circuit-links.ts'
import type { LinkBandwidth } from './link-bandwidth.ts'
import { LinkKinds, type LinkKindsOptions } from './link-kinds.ts'
import { LinkProofs } from './link-proofs.ts'
import { LinkTargets } from './link-targets.ts'
import { type LinksStatus, linksStatusOf } from './links-status.ts'
import { signallingNeighbours } from './signalling-neighbours.ts'
import type { UdpLinks } from './udp.ts'
import type { UdpLink } from './udp-link.ts'

export interface RelayLinksOptions extends RelayOptions {
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly knowledge: Pick<RelayKnowledge, 'directory' | 'trust'>
  readonly udp: UdpLinks
  readonly certificates: Certificates | undefined
  readonly bandwidth: LinkBandwidth
  /** Whether an address that a stranger named is one that packets may be sent to. */
  mayReach(address: IpAddress): boolean
  readonly openGateway: LinkKindsOptions['openGateway']
  /** Whether others reach this relay without anybody's help. */
  isReachable(): boolean
  /** Where TCP to a port of this machine comes in from everywhere, if that is known. */
  tcpAt(port: number): Address | undefined
  /** How many circuits' ends are on a link, and whether one with this id is. */
  circuits(link: Link): number
  hasCircuit(link: Link, circuitId: number): boolean
  /** Everything that comes but link control. */
  onPacket(link: Link, packet: Uint8Array): void
  onClosed(link: Link): void
  /** A link with another relay is open, for the first time since it was closed. */
  onRelay(neighbour: Neighbour): void
}

/**
 * All links of a relay: the keeper, and every kind of wire that the configuration has switched on. Circuits see neighbours by
 * their keys here, or bare UDP addresses where nobody has proved a key.
 */
export class RelayLinks {
  readonly keeper: Keeper
  /** Pages that pass others on, for those who ask at the gateway. */
  readonly broker: BridgeBroker<Neighbour>
  private readonly options: RelayLinksOptions
  private readonly kinds: LinkKinds
  private readonly targets: LinkTargets
  private readonly cover: CoverTraffic | undefined
  /** Whose directory has been asked for. */
  private readonly greeted = new WeakSet<Neighbour>()
  private readonly proofs: LinkProofs

  constructor(options: RelayLinksOptions) {
    this.options = options
    const { config, keyPair, clock, random, counters, knowledge, bandwidth } = options
    this.targets = new LinkTargets({ config, directory: knowledge.directory, book: knowledge.trust.book })
    this.kinds = new LinkKinds({
      ...options,
      network: config.network,
      linkOptions: linkOptionsOf(config, bandwidth),
      signalling: signallingNeighbours({
        ...options,
        directory: knowledge.directory,
        targets: this.targets,
        keeper: () => this.keeper,
        isReachable: () => options.isReachable() || this.kinds.addressesOf('tcp').length > 0,
      }),
      onWire: (wire) => this.accept(wire),
    })
    const { signalling } = this.kinds.webrtc
    this.broker = new BridgeBroker<Neighbour>({
      ...{ clock, random, counters },
      limits: config.links.bridge.limits,
      allowPrivate: config.lab || config.links.webrtc.privateAddresses,
      call: (way, to, events) => signalling.end.call(way, to, events),
    })
    this.keeper = new Keeper({
      self: keyPair.publicKey,
      clock,
      random,
      counters,
      diallers: this.kinds.diallers,
      settings: keeperSettings(config),
      candidates: () => this.targets.list(),
      targetOf: (publicKey) => this.targets.of(publicKey),
      isBlocked: (publicKey) => this.targets.isBlocked(publicKey),
      inUse: (neighbour) => options.circuits(neighbour) > 0,
      onPacket: this.fromNeighbour,
      onMessage: ({ publicKey }, body) => options.onMessage?.(publicKey, body),
      onSignal: (neighbour, body) => signalling.receive(neighbour, body),
      onPlaces: (neighbour, places) => {
        // What relays offer is said in their descriptors.
        if (!this.targets.of(neighbour.publicKey)) this.broker.offered(neighbour, places)
      },
      onClosed: (neighbour) => {
        this.broker.lost(neighbour)
        signalling.lost(neighbour)
        options.onClosed(neighbour)
      },
      onChange: () => this.greet(),
      sleeping: () => bandwidth.sleeping,
    })
    this.cover = this.coverOf(config)
    this.proofs = new LinkProofs({
      clock,
      directory: knowledge.directory,
      diallers: this.kinds.diallers,
      udpWorks: () => this.udpWorks,
      wiresTo: (mid) => this.keeper.find(mid)?.wires ?? [],
      onWire: (wire) => this.acceptProof(wire),
    })
  }

  /** Opens the ports of all kinds, and begins to keep links. @throws CulvertError as of LinkKinds */
  async start(): Promise<void> {
    await this.kinds.start()
    this.keeper.start()
    this.cover?.start()
    this.proofs.start()
  }

  /** Closes every link with `shutdown`, then the ports. */
  async stop(): Promise<void> {
    this.cover?.stop()
    this.proofs.stop()
    this.broker.stop()
    this.keeper.stop()
    await this.kinds.stop()
  }

  /** Takes a wire that came in by itself: of a page, or of another relay. */
  accept(wire: Wire): void {
    const { neighbour, kind } = wire
    const { links } = this.options.config
    const isRelay = this.targets.of(neighbour) !== undefined
    const isUnwanted = kind === 'websocket' && isRelay && !links.websocket.enabled
    if (isUnwanted || this.targets.isBlocked(neighbour)) {
      this.options.counters.add('links-refused')
      wire.link.close('refused')
    } else this.keeper.accept(wire)
  }

  /** Every packet that comes over UDP. Never throws. */
  fromUdp(link: UdpLink, packet: Uint8Array): void {
    const { udpWires } = this.kinds
    if (isControl(packet)) {
      udpWires?.receive(link, packet)
      return
    }
    const id = udpWires?.has(link) ? circuitIdOf(packet, this.options.prefix) : undefined
    // All but circuits stay with the address: who is there, and what he is told, is about it.
    const isNeighbours = id !== undefined && !this.options.hasCircuit(link, id)
    if (!isNeighbours || !udpWires?.deliver(link, packet)) this.options.onPacket(link, packet)
  }

  /** The UDP socket has forgotten a neighbour. */
  udpClosed(link: Link): void {
    this.kinds.udpWires?.lost(link)
  }

  /** Whether an authenticated neighbour is at the other end of a UDP link, so that it must not be forgotten. */
  isNeighbour(link: Link): boolean {
    return this.kinds.udpWires?.has(link) === true
  }

  /**
   * The link to a relay, by its key: the one that is open; or, where its address is not known or nothing has ever come from
   * there, one that is dialled now. Undefined where the address does as well.
   */
  byKey(publicKey: PublicKey, address: IpAddress | undefined): Link | undefined {
    const open = this.keeper.find(publicKey.mid)
    if (open?.status === 'open') return open
    const { udp } = this.options
    if (address !== undefined && udp.hasHeard(address)) return undefined
    const dialled = this.keeper.neighbourTo(publicKey)
    return dialled ?? (address === undefined ? this.udpOf(publicKey) : undefined)
  }

  /** Where others reach this relay by other kinds than UDP and WebSocket, as it stands in its descriptor. */
  published(): Pick<RelayAddresses, 'tcp' | 'onion' | 'webrtc'> {
    const addresses = this.kinds.addresses()
    const of = (kind: LinkAddress['kind']) => addresses.find((each) => each.kind === kind)
    const text = (address: LinkAddress | undefined) => address && formatLinkAddress(address)
    return { tcp: text(of('tcp') ?? this.openTcp()), onion: text(of('tor')), webrtc: text(of('webrtc')) }
  }

  /** Whether a relay is to prove itself by a link, since UDP does not reach it. */
  isAskedByLink(mid: Uint8Array): boolean {
    const entry = this.options.knowledge.directory.find(mid)
    return entry !== undefined && (entry.descriptor.udp === undefined || !this.udpWorks)
  }

  /** Open links with other relays. */
  relays(): Neighbour[] {
    return this.keeper.relays().filter(({ status }) => status === 'open')
  }

  /**
   * Sends a message to one relay: at most once, and not confirmed (L-06).
   * @param mid 20 bytes, SHA-1 of its key
   * @returns false if there is no link with it
   * @throws CodecError `control-size` if the body is over 8,192 bytes
   */
  send(mid: Uint8Array, body: Uint8Array): boolean {
    return this.keeper.send(mid, body)
  }

  /** Sends a message to every relay that there is a link with. @returns to how many (L-06) @throws as `send` */
  broadcast(body: Uint8Array): number {
    return this.keeper.broadcast(body)
  }

  /** @param withAddresses adds addresses and ids, for an operator who asked for them */
  status(withAddresses = false): LinksStatus {
    return linksStatusOf(this.keeper.status({ withAddresses }), this.options.bandwidth.status())
  }

  private readonly fromNeighbour = (neighbour: Neighbour, packet: Uint8Array): void => {
    const { prefix, hasCircuit, onPacket } = this.options
    const bare = this.kinds.udpWires?.bareLinkOf(neighbour)
    const id = bare && circuitIdOf(packet, prefix)
    onPacket(id === undefined ? neighbour : linkOfCircuit(hasCircuit, id, neighbour, bare), packet)
  }

  /** Over UDP, at an address of its descriptor. */
  private udpOf(publicKey: PublicKey): Link | undefined {
    const { knowledge, udp, mayReach } = this.options
    const at = knowledge.directory.find(publicKey.mid)?.descriptor
    const addresses: (IpAddress | undefined)[] = [at?.udp, at?.udp6]
    const address = addresses.find((each) => each !== undefined && udp.reaches(each) && mayReach(each))
    return address && udp.linkTo(address)
  }

  private greet(): void {
    for (const neighbour of this.relays()) {
      if (this.greeted.has(neighbour)) continue
      this.greeted.add(neighbour)
      this.options.onRelay(neighbour)
    }
  }

  /** The TCP port, where the router sends it here, or no NAT is between us and everybody, as the way of our UDP packets shows. */
  private openTcp(): LinkAddress | undefined {
    const { enabled, port, publicPort = port } = this.options.config.links.tcp
    const at = enabled && publicPort !== 0 ? this.options.tcpAt(publicPort) : undefined
    return at && { kind: 'tcp', at }
  }

  /** Whether anything has ever come by UDP. */
  private get udpWorks(): boolean {
    return this.options.counters.get('udp-received') > 0
  }

  /** A wire to a relay that there is a link with is one more; others were to be seen, and no more. */
  private acceptProof(wire: Wire): void {
    if (this.keeper.find(wire.neighbour.mid)) this.keeper.accept(wire)
    else wire.link.close('unneeded')
  }

  private coverOf({ links }: RelayConfig): CoverTraffic | undefined {
    const { clock, random, counters } = this.options
    const { cover } = links.padding
    if (cover.bytesPerSecond === 0) return undefined
    return new CoverTraffic({
      clock,
      random,
      counters,
      budget: cover,
      links: () =>
        this.keeper
          .relays()
          .flatMap(({ wires }) => wires.map(({ link }) => link))
          .filter(canBeCovered),
      sentBytes: () => counters.get('link-sent-bytes'),
    })
  }
}

/** What all links keep to, pages' too. */
export function linkOptionsOf({ links }: Pick<RelayConfig, 'links'>, { bandwidth }: LinkBandwidth) {
  return { shaper: bandwidth, ...(links.padding.classes ? {} : { sizeClasses: NO_SIZE_CLASSES }) }
}

function keeperSettings({ links, gateway }: RelayConfig) {
  const ms = (seconds: number) => Math.round(seconds * 1000)
  return {
    maxLinks: links.max,
    minLinks: links.min,
    maxPages: gateway.limits.connections,
    reconnectMs: ms(links.reconnectSeconds),
    retryAttempts: links.tries,
    retryDelayMs: ms(links.retrySeconds),
    connectTimeoutMs: ms(links.connectSeconds),
    heartbeatMs: ms(links.heartbeatSeconds),
    rotateAfterMs: ms(links.rotationHours * 3600),
  }
}
