import type { Address, IpAddress } from '../shared/bytes/address.ts'
import type { RelayAddresses } from '../shared/directory/descriptor-addresses.ts'
import { Directory, type DirectoryEntry } from '../shared/directory/directory.ts'
import { DirectoryExchange } from '../shared/directory/exchange.ts'
import type { StockPeer } from '../shared/directory/stock-peers.ts'
import type { Geo } from '../shared/geo/geo.ts'
import type { Link } from '../shared/link/link.ts'
import type { VerificationResult } from '../shared/trust/verification.ts'
import { RelayTrust } from './discovery/verifier.ts'
import { exitSummaryOf, OwnDescriptor } from './own-descriptor.ts'
import { descriptorFlagsOf } from './relay-flags.ts'
import type { RelayOptions } from './relay-options.ts'
import { labNetworks } from './relay-reach.ts'

/** What there is once the relay runs; before that, nothing is known of it. */
export interface Surroundings {
  /** Where others reach us: undefined until given or told by neighbours, empty if nobody can (N-10). */
  publicAddresses(): readonly IpAddress[] | undefined
  isPublic(address: Address): boolean | undefined
  websocketUrl(): string | undefined
  /** The same by other kinds of link. */
  linkAddresses(): Pick<RelayAddresses, 'tcp' | 'onion' | 'webrtc'>
  linkTo(address: IpAddress): Link | undefined
  /** Peers of the walk that have no descriptor: pages cannot walk, and are told of them. */
  stockPeers(): readonly StockPeer[]
  geo(): Geo | undefined
  bytesPerSecond(): number
  onResult(result: VerificationResult): void
  onLearnt(entry: DirectoryEntry): void
  /** What came over this link, of the directory's community, was malformed. */
  onMalformed(link: Link): void
}

/** What a relay knows of others and says of itself: directory, trust, its own descriptor, and the exchange of all that. */
export class RelayKnowledge {
  readonly directory: Directory
  readonly trust: RelayTrust
  readonly exchange: DirectoryExchange
  readonly descriptor: OwnDescriptor

  constructor(options: RelayOptions, around: Surroundings) {
    const { config, keyPair, clock, random, counters } = options
    const { network } = config
    this.trust = new RelayTrust({
      ...options,
      allowNetworks: labNetworks(config),
      isOwn: (address) => around.isPublic(address),
      linkTo: (address) => around.linkTo(address),
      onResult: (result) => around.onResult(result),
      onMalformed: (link) => around.onMalformed(link),
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
      learnt: (entry) => around.onLearnt(entry),
    })
    this.descriptor = new OwnDescriptor({
      keyPair,
      clock,
      network,
      nickname: config.nickname,
      family: config.family,
      flags: descriptorFlagsOf(config.exit),
      websocket: () => around.websocketUrl(),
      links: () => around.linkAddresses(),
      udp: () => around.publicAddresses(),
      contact: config.contact,
      exit: () => exitSummaryOf(config.exit, around.publicAddresses() ?? []),
      geo: (address) => around.geo()?.lookup(address),
      bandwidth: () => around.bytesPerSecond(),
    })
    const own = () => this.descriptor.bytes()
    this.exchange = new DirectoryExchange({
      directory: this.directory,
      own,
      neighbours: () => around.stockPeers(),
      tellsDrops: true,
      onMalformed: (link) => around.onMalformed(link),
      verdicts: () => book.opinions(),
      clock,
      random,
      counters,
      // Candidates are asked too, beside the partners of a round.
      settings: { maxFetches: 64 },
    })
  }
}
