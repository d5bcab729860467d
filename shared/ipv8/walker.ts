import { formatAddress, type IpAddress, isNoAddress } from '../bytes/address.ts'
import { CodecError } from '../bytes/error.ts'
import type { KeyPair, PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { BoundedMap } from './bounded-map.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  PING,
  PONG,
  SIMILARITY_REQUEST,
  SIMILARITY_RESPONSE,
  WALK_DEFAULTS,
  type WalkSettings,
} from './constants.ts'
import { Contacts } from './contacts.ts'
import { extraOf } from './introduction.ts'
import type { Refusal } from './introduction-answers.ts'
import { Liveness } from './liveness.ts'
import { Nat, type NatType } from './nat.ts'
import { Overlay } from './overlay.ts'
import { type GivenAddresses, OwnAddresses } from './own-addresses.ts'
import { isOtherVersion, messageIdOf } from './packet.ts'
import { PeerRecords } from './peer-record.ts'
import type { KnownPeer, Peer } from './peer-table.ts'
import { type SideCommunity, SideOverlay } from './side-community.ts'
import { Similarity } from './similarity.ts'
import { SourceLimits } from './source-limits.ts'
import type { Surroundings } from './surroundings.ts'

export interface WalkerOptions {
  readonly keyPair: KeyPair
  readonly communityId: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** FLAG_... that we offer. */
  readonly flags: number
  /** Asked each time where they may change. */
  readonly addresses: GivenAddresses | (() => GivenAddresses)
  /** Families that the socket can send to; both unless given. */
  readonly families?: readonly IpAddress['kind'][]
  /**
   * Whether packets may go to an address that strangers told; all unless given. What `send` would refuse is better not
   * walked to: half of what introducers tell are addresses in private networks.
   */
  mayReach?(address: IpAddress): boolean
  /** Members of the community that are known from elsewhere, such as proven relays: asked while peers are wanting. */
  alsoAsk?(): readonly IpAddress[]
  readonly settings?: Partial<WalkSettings>
  /** Where the Lamport clock of the community starts. */
  readonly initialTime?: bigint
  /** Whether to walk the DiscoveryCommunity too; its pings and questions are answered anyway. True unless given. */
  readonly discovery?: boolean
  /** One more community, whose members are looked for and whose other packets its own machine takes. */
  readonly beside?: SideCommunity | undefined
  send(address: IpAddress, packet: Uint8Array): void
  /** Called when `state`, `nat` or `relayOnly` has changed. */
  onStatus?(status: WalkStatus): void
}

/**
 * 'starting': nobody known yet, but it is early, or bootstrap nodes answer; 'joined': peers are known; 'degraded': nobody
 * answers, and the bootstrap list is asked every 30 s (N-06).
 */
export type WalkState = 'starting' | 'joined' | 'degraded'

export interface WalkStatus {
  readonly state: WalkState
  readonly peers: number
  /** Bootstrap addresses, and how many of them answered within the last 45 s. */
  readonly bootstrapKnown: number
  readonly bootstrapAnswered: number
  readonly nat: NatType
  /** Behind a NAT that is likely symmetric: no direct ways to peers that need a puncture from both sides (N-10). */
  readonly relayOnly: boolean
  readonly puncturesTried: number
  readonly puncturesSucceeded: number
}

/** An invalid message from a peer's address counts once in this time. */
const SUSPICION_MS = 10_000
/** Tribler's: who shares our community is asked for an introduction there this often. */
const SHARED_MS = 300_000

/**
 * Finds the peers of one community and stays known to them: introductions, punctures, py-ipv8's random walk, pings
 * (IPV8-WIRE "Format", "Walking and staying known"), in the community and in the DiscoveryCommunity beside it. Bounded:
 * peers, addresses, open requests, and by source what packets may cost.
 */
export class Walker {
  private readonly options: WalkerOptions
  private readonly around: Surroundings
  private readonly main: Overlay
  private readonly discovery: Overlay
  private readonly side: SideOverlay | undefined
  private readonly liveness: Liveness
  private readonly similarity: Similarity
  private readonly shared = new BoundedMap<string, number>(WALK_DEFAULTS.maxContacts)
  private lastDiscoveryMs = Number.NEGATIVE_INFINITY
  /** When a packet was last taken, whoever sent it. */
  private lastHeardMs = Number.NEGATIVE_INFINITY
  private startedMs: number
  private timer: Timer | undefined
  private told: WalkStatus | undefined

  constructor(options: WalkerOptions) {
    const { clock, communityId, addresses, keyPair, random, counters } = options
    const settings = { ...WALK_DEFAULTS, ...options.settings }
    const given = typeof addresses === 'function' ? addresses : () => addresses
    const own = new OwnAddresses(clock, settings.evidenceMs, given)
    const contacts = new Contacts(clock, settings.maxContacts)
    this.options = options
    this.startedMs = clock.now()
    this.around = {
      keyPair,
      clock,
      random,
      counters,
      settings,
      own,
      contacts,
      nat: new Nat(clock, settings.evidenceMs, () => own.ports()),
      limits: new SourceLimits(clock, settings),
      records: new PeerRecords(2 * settings.maxContacts),
      reaches: (address) =>
        (options.families?.includes(address.kind) ?? true) && (options.mayReach?.(address) ?? true),
      send: (address, packet) => {
        contacts.sentTo(address)
        options.send(address, packet)
      },
    }
    const events = {
      onPeerFailed: (peer: KnownPeer) => this.giveUp(peer),
      onUnproven: (source: IpAddress) => this.liveness.ping(source),
    }
    this.main = new Overlay(
      this.around,
      {
        communityId,
        extra: extraOf(options.flags),
        initialTime: options.initialTime ?? 0n,
        targetPeers: settings.targetPeers,
        alsoAsk: () => (this.main.walk.wanting ? (options.alsoAsk?.() ?? []) : []),
      },
      { ...events, onAnswer: () => this.announce(), isMember: ({ extra }) => extra.length >= 2 },
    )
    const { table } = this.main.community
    this.discovery = new Overlay(
      this.around,
      {
        communityId: DISCOVERY_COMMUNITY_ID,
        extra: new Uint8Array(),
        initialTime: 0n,
        targetPeers: settings.discoveryPeers,
        alsoAsk: () => table.list().map((peer) => peer.address),
      },
      {
        ...events,
        onAnswer: (_, source, peer) => peer && this.similarity.ask(source),
        isMember: (_, source) => table.at(source) !== undefined,
      },
    )
    const alsoAsk = () => table.list().map((peer) => peer.address)
    this.side =
      options.beside &&
      new SideOverlay(this.around, options.beside, alsoAsk, {
        ...events,
        isMember: (_, source) => table.at(source) !== undefined,
      })
    const tables = this.overlays.map(({ community }) => community.table)
    const { community } = this.discovery
    this.liveness = new Liveness(this.around, community, tables, events.onPeerFailed)
    this.similarity = new Similarity(this.around, community, tables, communityId, (address) =>
      this.meet(address),
    )
  }

  /** Our own. */
  get publicKey(): PublicKey {
    return this.options.keyPair.publicKey
  }

  /** Our WAN address, IPv4 if there is one: given, or as most others see us; NO_ADDRESS until one said so. */
  get wan(): IpAddress {
    const ipv4 = this.around.own.wan('ipv4')
    return isNoAddress(ipv4) ? this.wan6 : ipv4
  }

  /** The IPv6 one; NO_ADDRESS if none is known. */
  get wan6(): IpAddress {
    return this.around.own.wan('ipv6')
  }

  get status(): WalkStatus {
    const { nat } = this.around
    const { type } = nat
    return {
      state: this.state,
      peers: this.main.community.table.size,
      bootstrapKnown: this.main.bootstrap.known,
      bootstrapAnswered: this.main.bootstrap.answered,
      nat: type,
      relayOnly: type === 'likely-symmetric',
      puncturesTried: nat.puncturesTried,
      puncturesSucceeded: nat.puncturesSucceeded,
    }
  }

  peers(): readonly Peer[] {
    return this.main.community.table.list()
  }

  /** Addresses that introducers told and that were not heard from yet. */
  walkable(): readonly IpAddress[] {
    return this.main.community.told.list().map((each) => each.address)
  }

  /** Whether somebody there signed a packet, and answered one of ours, within the last 2 minutes. */
  isVerified(address: IpAddress): boolean {
    return this.around.contacts.at(address)?.proven === true
  }

  /** A circuit through this peer came about. Nothing for keys that are no peer's. */
  recordSuccess(key: PublicKey): void {
    this.around.records.find(key)?.circuitSuccess()
  }

  /** A circuit failed at this peer. After five in a row it is left alone for a while (N-11). */
  recordFailure(key: PublicKey): void {
    const record = this.around.records.find(key)
    record?.circuitFailure()
    const peer = this.main.community.table.find(key)
    const { failuresUntilUnreachable } = this.around.settings
    if (peer && peer.record.consecutiveCircuitFailures >= failuresUntilUnreachable) this.giveUp(peer)
  }

  /**
   * Asked on start, and again while peers are wanting.
   * @param replaced given before, and not asked any more
   */
  addBootstrap(addresses: readonly IpAddress[], replaced: readonly IpAddress[] = []): void {
    for (const { bootstrap } of this.overlays) {
      if (bootstrap === this.discovery.bootstrap && !this.walksDiscovery) continue
      bootstrap.drop(replaced)
      bootstrap.add(addresses)
    }
  }

  /** Starts walking at once. Idempotent. */
  start(): void {
    if (this.timer) return
    this.startedMs = this.options.clock.now()
    const tick = () => {
      this.timer = this.options.clock.after(this.around.settings.tickMs, tick)
      this.tick()
    }
    tick()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.main.stop()
    this.discovery.stop()
    this.side?.stop()
  }

  /** Sends an introduction request; in old style unless the address is IPv6 or known to understand the new one. */
  walkTo(address: IpAddress, newStyle = false): void {
    this.main.requests.ask(address, { newStyle })
  }

  /**
   * Takes a packet. True if it is of the DiscoveryCommunity, or an introduction or puncture of ours; false if it is
   * somebody else's (a cell, another community). Never throws: what is malformed or forged is counted and dropped.
   */
  receive(source: IpAddress, packet: Uint8Array): boolean {
    try {
      const refused = this.handle(source, packet)
      if (refused === false) return false
      if (refused) this.options.counters.add(refused)
      else this.lastHeardMs = this.options.clock.now()
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`ipv8-refused-${error.code}`)
      this.suspect(source)
    }
    return true
  }

  private tick(): void {
    this.main.tick()
    const now = this.options.clock.now()
    if (this.walksDiscovery && now - this.lastDiscoveryMs >= this.around.settings.discoveryTickMs) {
      this.lastDiscoveryMs = now
      this.discovery.tick()
      this.similarity.tick()
    }
    this.side?.tick()
    this.liveness.tick()
    this.announce()
  }

  private get overlays(): readonly Overlay[] {
    return [this.main, this.discovery, ...(this.side ? [this.side.overlay] : [])]
  }

  private get walksDiscovery(): boolean {
    return this.options.discovery ?? true
  }

  private get state(): WalkState {
    const { community, bootstrap } = this.main
    // One that only sent us something may have forged his address.
    const answering = community.table.list().some((peer) => peer.proven)
    if (answering) return 'joined'
    const early = this.options.clock.now() - this.startedMs < this.around.settings.handshakeTimeoutMs
    return early || bootstrap.answered > 0 ? 'starting' : 'degraded'
  }

  /** False for packets of others. */
  private handle(source: IpAddress, packet: Uint8Array): Refusal | false {
    const id = messageIdOf(packet, this.main.community.prefix)
    if (id !== undefined) return this.main.handles(id) ? this.main.receive(id, source, packet) : false
    const sideId = this.side?.idOf(packet)
    if (this.side && sideId !== undefined) return this.side.receive(sideId, source, packet)
    const { prefix } = this.discovery.community
    const beside = messageIdOf(packet, prefix)
    if (beside === undefined) {
      const ours = this.overlays.some(({ community }) => isOtherVersion(packet, community.prefix))
      return ours ? 'ipv8-other-version' : false
    }
    if (this.discovery.handles(beside)) return this.discovery.receive(beside, source, packet)
    if (beside === PING) return this.liveness.onPing(source, packet)
    if (beside === PONG) return this.liveness.onPong(source, packet)
    if (beside === SIMILARITY_REQUEST) return this.similarity.onRequest(source, packet)
    if (beside === SIMILARITY_RESPONSE) return this.similarity.onResponse(source, packet)
    this.suspect(source)
    return 'ipv8-unhandled-message'
  }

  /** Somebody shares our community: an introduction there makes him ours, and us his. */
  private meet(address: IpAddress): void {
    const { clock, settings } = this.around
    const { community, requests } = this.main
    const key = formatAddress(address)
    if (community.table.at(address) || community.table.full) return
    if (clock.now() - (this.shared.get(key) ?? Number.NEGATIVE_INFINITY) < SHARED_MS) return
    this.shared.set(key, clock.now())
    if (this.timer && requests.handshakes.pending < settings.window && requests.mayAsk(address))
      requests.ask(address)
    else community.told.add(address, false)
  }

  /** An invalid message came from where a peer is (N-11): it may answer a ping to show that it is well. */
  suspect(source: IpAddress): void {
    const peer = this.main.community.table.at(source)
    const now = this.options.clock.now()
    if (!peer || now - peer.suspectedMs < SUSPICION_MS) return
    peer.suspectedMs = now
    peer.record.invalid()
    if (peer.consecutiveFailures >= this.around.settings.failuresUntilUnreachable) this.giveUp(peer)
  }

  /** Unreachable, or no good: leaves all tables and is left alone for a while. */
  private giveUp(peer: KnownPeer): void {
    const { clock, settings, counters } = this.around
    peer.state = 'unreachable'
    // When nobody at all is heard, it is our own network that is gone: then nobody is to blame.
    const cutOff = clock.now() - this.lastHeardMs >= settings.handshakeTimeoutMs
    if (!cutOff) peer.record.rest(clock.now(), settings)
    for (const { community } of this.overlays) {
      community.table.remove(peer)
      if (!cutOff) community.resting.rest(peer.address)
    }
    counters.add('ipv8-peer-unreachable')
  }

  private announce(): void {
    const { status, told } = this
    if (told && told.state === status.state && told.nat === status.nat && told.relayOnly === status.relayOnly)
      return
    this.told = status
    if (told?.state !== status.state) this.options.counters.add(`ipv8-${status.state}`)
    this.options.onStatus?.(status)
  }
}
