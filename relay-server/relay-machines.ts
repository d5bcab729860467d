import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import type { Aead } from '../shared/crypto/aead.ts'
import { CircuitLinks } from '../shared/directory/circuit-links.ts'
import type { Geo } from '../shared/geo/geo.ts'
import type { SideCommunity } from '../shared/ipv8/side-community.ts'
import { Walker } from '../shared/ipv8/walker.ts'
import { DhtCommunity } from '../shared/ipv8-dht/dht-community.ts'
import { Router } from '../shared/onion/router.ts'
import { RelayDiscovery } from './discovery/relay-discovery.ts'
import type { Exit } from './exit/exit.ts'
import { hiddenServices } from './hidden-services.ts'
import type { RelayLinks } from './links/relay-links.ts'
import type { UdpLinks } from './links/udp.ts'
import type { OwnAddresses } from './own-addresses.ts'
import { candidatesOf, nearFirst, offerJudge, provenAddresses } from './relay-candidates.ts'
import { flagsOf } from './relay-flags.ts'
import type { RelayKnowledge } from './relay-knowledge.ts'
import type { RelayOptions } from './relay-options.ts'
import { labNetworks } from './relay-reach.ts'
import { WalkReport } from './walk-report.ts'

export interface MachinesOptions extends RelayOptions {
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly knowledge: RelayKnowledge
  readonly aead: Aead
  readonly geo: Geo | undefined
  readonly udp: UdpLinks
  readonly own: OwnAddresses
  /** If the relay is configured as one. */
  readonly exit: Exit | undefined
  /** Whether packets may go to an address that a stranger named. */
  mayReach(address: IpAddress): boolean
  publicAddresses(): readonly IpAddress[] | undefined
  isPublic(address: IpAddress): boolean | undefined
  /** Neighbours by their keys; there once the machines run. */
  links(): Pick<RelayLinks, 'byKey' | 'relays' | 'isAskedByLink'>
  /** Whether no new circuits are taken: the month's bytes are used up. */
  sleeping(): boolean
}

/** What runs above the links of a relay. */
export interface RelayMachines {
  readonly router: Router
  /** Also of a relay that is no exit: for hidden swarms alone. */
  readonly exit: Exit
  readonly walker: Walker
  readonly discovery: RelayDiscovery
  readonly ipv8Dht: DhtCommunity
}

/** Makes them, each with what it needs of the others; nothing is started. */
export function makeMachines(options: MachinesOptions): RelayMachines {
  const { config, keyPair, clock, random, counters, knowledge, prefix, udp, own, aead, mayReach } = options
  const { directory, exchange, trust, descriptor } = knowledge
  const ipv8Dht = new DhtCommunity()
  const hidden = hiddenServices({
    publicKey: keyPair.publicKey,
    config,
    allowNetworks: labNetworks(config),
    exit: options.exit,
    prefix,
    clock,
    random,
    counters,
    addresses: () => options.publicAddresses() ?? [],
    join: (a, b) => router.join(a, b),
    directory,
    linkTo: (address) => (mayReach(address) ? udp.linkTo(address) : undefined),
    dht: { node: () => ipv8Dht.node, mayReach },
  })
  const circuitLinks = new CircuitLinks(options, (link, packet) => exchange.receive(link, packet))
  const candidates = candidateSource(options)
  const router: Router = new Router({
    keyPair,
    prefix,
    clock,
    random,
    aead,
    counters,
    flags: flagsOf(config.exit),
    linkTo: (address) => udp.linkTo(address),
    linkByKey: (key, address) => options.links().byKey(key, address),
    sleeping: options.sleeping,
    mayExtendTo: (address) => udp.reaches(address) && !own.isOwn(address) && mayReach(address),
    exit: hidden.port,
    services: hidden.services,
    directory: circuitLinks.receive,
    candidates: () => candidates(walker),
    isProven: (link) => walker.isVerified(link.address as IpAddress),
    limits: config.limits,
  })
  const walker = makeWalker(options, ipv8Dht)
  const discovery = new RelayDiscovery({
    ...options,
    directory,
    exchange,
    trust,
    isOwn: (address) => own.isOwn(address) || options.isPublic(address) === true,
    own: () => descriptor.bytes(),
    neighbours: () => options.links().relays(),
    isAskedByLink: (mid) => options.links().isAskedByLink(mid),
    onBootstrap: (addresses, replaced) => walker.addBootstrap(addresses, replaced),
    onCircuit: (key, ok) => (ok ? walker.recordSuccess(key) : walker.recordFailure(key)),
  })
  return { router, exit: hidden.exit, walker, discovery, ipv8Dht }
}

/** Next hops for owners that let this relay choose. */
function candidateSource({ config, knowledge, random, geo, publicAddresses }: MachinesOptions) {
  const { avoidCountries, near } = config.geo
  const judge = offerJudge({ book: knowledge.trust.book, geo, avoidCountries })
  const weight = near ? nearFirst(geo, () => publicAddresses()?.[0]) : undefined
  const order = { judge, weight, verifies: config.trust.verify }
  return (walker: Walker) => candidatesOf(walker.peers(), knowledge.directory, random, order)
}

function makeWalker(
  { config, keyPair, clock, random, counters, log, ...options }: MachinesOptions,
  beside: SideCommunity,
): Walker {
  const { udp, own, mayReach, knowledge } = options
  const report = new WalkReport(log)
  const walker: Walker = new Walker({
    keyPair,
    communityId: fromHex(config.community),
    clock,
    random,
    counters,
    flags: flagsOf(config.exit),
    addresses: () => own.forWalk(),
    families: udp.families,
    beside,
    onStatus: (status) => {
      report.note(status)
      const peers = walker.peers().map(({ address }) => formatAddress(address))
      log.debug(`walk: ${status.state}; peers: ${peers.join(' ') || 'none'}`)
    },
    // All of a lab is one network.
    settings: config.lab ? { maxPeersPerNetwork: 30 } : {},
    // Strangers tell the walk where to go, unsigned in part: into our own network they shall not send us.
    mayReach,
    // A relay that found others without any bootstrap node is in the overlay by them.
    alsoAsk: () => provenAddresses(knowledge.directory),
    send: (address, packet) => {
      if (mayReach(address)) udp.linkTo(address)?.send(packet, 0)
      else counters.add('relay-private-address')
    },
  })
  return walker
}
