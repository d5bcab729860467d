import type { Address, IpAddress } from '../bytes/address.ts'
import type { AddResult, Directory } from '../directory/directory.ts'
import type { Geo } from '../geo/geo.ts'
import type { PublicKey } from '../identity/keys.ts'
import { prefixOf } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { Member } from '../path/member.ts'
import { CircuitPool, type Entry } from '../path/pool.ts'
import type { PathPreferences } from '../path/preferences.ts'
import type { PathRelay } from '../path/relay.ts'
import { Reliability } from '../path/reliability.ts'
import type { Hops } from '../path/select.ts'
import type { ByteStream, ByteStreamEvents } from '../stream/byte-stream.ts'
import type { TrustBook } from '../trust/trust-book.ts'
import { ClientCircuits } from './client-circuits.ts'
import { WAITING_STREAMS } from './constants.ts'
import { type DatagramSocket, Datagrams } from './datagrams.ts'
import { EntryAddresses } from './entry-addresses.ts'
import type { RelayView } from './known-relays.ts'
import type { NetworkStatus, OwnCircuitRequest, PrivateNetworkOptions } from './network-options.ts'
import { RelayKnowledge } from './relay-knowledge.ts'
import { WaitingStream } from './waiting-stream.ts'
import { WaysIn } from './ways-in.ts'
import { Wishes } from './wishes.ts'

export type { NetworkStatus, OwnCircuitRequest, PrivateNetworkOptions } from './network-options.ts'

/**
 * A client of the network: links to a first hop, a verified directory, a pool of circuits, and on them TCP streams and UDP
 * datagrams that leave at the exit (C-05, C-07, W-02). Runs in the page, and in Node for programs without one.
 */
export class PrivateNetwork {
  /** All ways to relays that let us in. */
  readonly entryAddresses: EntryAddresses
  private readonly options: PrivateNetworkOptions
  private readonly knowledge: RelayKnowledge
  private readonly wishes: Wishes
  private readonly reliability: Reliability
  private readonly pool: CircuitPool<Circuit>
  private readonly circuits: ClientCircuits
  private readonly ways: WaysIn
  private readonly udp: Datagrams
  private waiting: WaitingStream[] = []
  private stopped = false

  constructor(options: PrivateNetworkOptions) {
    this.options = options
    const { clock, random, counters } = options
    this.knowledge = new RelayKnowledge({
      ...options,
      links: () => this.ways.links(),
      keyOf: (link) => this.ways.keyOf(link),
      guards: () => this.ways.guards(),
      isResting: (relay) => this.isResting(relay),
      measured: (relay) => this.reliability.bytesPerSecond(relay),
      circuitTo: (last, events) => this.circuitTo(last, events),
      relaysChanged: (complete) => this.ways.directoryChanged(complete),
      changed: () => {
        this.pool.nudge()
        options.changed()
      },
    })
    this.wishes = new Wishes({
      geo: options.geo && (() => this.geo),
      preferences: options.preferences,
      isBlocked: (relay) => this.knowledge.isBlocked(relay),
      isUnfit: (path) => this.knowledge.isUnfit(path),
    })
    const { wishes } = this
    // One of two may be to blame: who does not answer, or who should have passed the question on.
    this.reliability = new Reliability(clock, ({ publicKey }, ok) =>
      this.knowledge.book.recordCircuit(publicKey.mid, ok, ok ? 1 : 0.5),
    )
    this.udp = new Datagrams((destination, data) => this.sendDatagram(destination, data), counters)
    this.circuits = new ClientCircuits({
      ...options,
      wishes,
      prefix: prefixOf(options.communityId),
      reliability: this.reliability,
      datagram: (circuit, origin, data) => {
        if (circuit === this.pool.primary?.circuit) this.udp.receive(origin, data)
        else counters.add('client-datagram-late')
      },
      suspected: (circuit) => this.ways.suspected(circuit.link),
    })
    this.entryAddresses = new EntryAddresses({
      entries: options.entries,
      directory: () => this.directory,
      webrtc: options.webrtc ?? false,
    })
    this.ways = new WaysIn({
      ...options,
      addresses: this.entryAddresses,
      wishes,
      directory: this.knowledge.directory,
      reliability: this.reliability,
      relayOf: (publicKey) => this.relayOf(publicKey),
      circuitsOf: (link) => this.circuits.of(link),
      receive: (link, packet) => {
        if (!this.knowledge.receive(link, packet)) this.circuits.receive(link, packet)
      },
      opened: (link) => this.knowledge.refresh(link),
      linkClosed: (link) => this.circuits.linkClosed(link),
      changed: () => this.pool.nudge(),
    })
    this.pool = new CircuitPool<Circuit>({
      clock,
      random,
      reliability: this.reliability,
      networkBits: options.networkBits,
      hops: options.hops,
      wishes,
      ...(options.standbys === undefined ? {} : { standbys: options.standbys }),
      entries: (hops) => this.entries(hops),
      relays: () => this.relays(),
      isSilent: (link) => this.ways.isSilent(link),
      guards: () => this.ways.guardRelays(),
      circuit: (path, link, events) => this.circuits.forPool(path, link, events),
      abandoned: (circuit) => this.circuits.abandon(circuit),
      primaryChanged: () => this.primaryChanged(),
      changed: () => options.changed(),
    })
  }

  start(): void {
    void this.begin()
  }

  private async begin(): Promise<void> {
    await this.knowledge.start()
    if (!this.stopped) await this.ways.start()
  }

  /** Verified descriptors of relays. */
  get directory(): Directory {
    return this.knowledge.directory
  }

  /** Countries and networks of addresses, once they are known. */
  get geo(): Geo | undefined {
    return this.options.geo?.()
  }

  /** What this client thinks of relays. After a change from outside `trustChanged` is to be called. */
  get trustBook(): TrustBook {
    return this.knowledge.book
  }

  /** Ends circuits and links; streams close with `circuit-lost`, those that wait for a circuit with `no-circuit`. */
  stop(): void {
    this.stopped = true
    this.knowledge.stop()
    this.giveUpWaiting()
    this.pool.stop()
    this.circuits.stop()
    this.ways.stop()
  }

  status(): NetworkStatus {
    const relays = this.relays()
    const { ways, pool } = this
    const entry = pool.primary?.path[0]?.publicKey ?? ways.guards()[0]?.relay.publicKey
    return {
      entry: ways.state,
      entryName: entry ? (this.relayOf(entry)?.name ?? '') : '',
      relays: relays.length,
      minRelays: this.minRelays,
      exits: relays.filter((relay) => relay.exit !== 'none').length,
      circuits: pool.list(),
      primary: pool.primary,
      hops: pool.hops,
      problem: pool.primary ? undefined : this.problem(relays.length),
      comparison: this.knowledge.status(),
    }
  }

  /**
   * For clients with a socket of their own: asks whoever is at the other end of a link for relays. What comes over links that
   * this did not open is to be handed to `receive`.
   */
  learnFrom(link: Link): void {
    if (!this.stopped) this.knowledge.refresh(link)
  }

  /** Takes a packet of the directory's. @returns whether it was one */
  receive(link: Link, packet: Uint8Array): boolean {
    return this.knowledge.receive(link, packet)
  }

  /** To be called when a link has lost what it runs over, or has it again. */
  linksChanged(): void {
    if (!this.stopped) this.ways.linksChanged()
  }

  /** There is a new way to entries that could not be reached: they are tried at once. */
  hurry(): void {
    if (!this.stopped) this.ways.hurry()
  }

  /** Whether circuits go over a link. */
  carriesCircuits(link: Link): boolean {
    return this.circuits.of(link).length > 0
  }

  /** The name that a relay gives itself; empty if it is not known. */
  nameOf(publicKey: PublicKey): string {
    return this.relayOf(publicKey)?.name ?? ''
  }

  /** To be called when `extraRelays` has changed. */
  relaysChanged(): void {
    this.knowledge.update(true)
  }

  /** The circuits of the pool, the primary first. */
  pooled(): readonly Member<Circuit>[] {
    return this.pool.list()
  }

  /** All that could be hops now: relays of the directory, and stock peers that relays or this client's own walk know. */
  relays(): readonly PathRelay[] {
    return this.knowledge.relays()
  }

  /** The same and those that are blocked, with what is thought of each. */
  relayViews(): readonly RelayView[] {
    return this.knowledge.views()
  }

  /** The trust book was changed from outside, by hand: circuits through relays that are blocked now end. */
  trustChanged(): void {
    this.knowledge.update()
    this.knowledge.keepSoon()
  }

  /** What is wanted of hops from now on: circuits with others end. */
  setPreferences(preferences: PathPreferences): void {
    this.wishes.set(preferences)
    this.knowledge.update()
  }

  /** Asks those that let us in for what is new. @param done with the number of relays that were new */
  askEntries(done: (added: number) => void): void {
    this.knowledge.askEntries(done)
  }

  /** Asks several relays for all that they know now. @param done with the number of relays that were new */
  compareNow(done: (added: number) => void): void {
    this.knowledge.compareNow(done)
  }

  /**
   * Takes a descriptor that was found through a circuit.
   * @param method the way in which it was found, such as `dht`: one voice among those that confirm relays, but no other voice than
   *   that of the exit, which may have made it up
   */
  learn(bytes: Uint8Array, method: string): AddResult {
    const exit = this.pool.primary?.path.at(-1)
    return this.knowledge.learn(bytes, method, exit)
  }

  /**
   * Builds a circuit outside of the pool, over the link of a guard. It is the caller's: to be destroyed by it, at the latest by
   * `stop`. Undefined if there is no link or no such path now, or there are too many of them.
   */
  buildCircuit({ hops, last, events }: OwnCircuitRequest): Circuit | undefined {
    if (this.stopped) return undefined
    const entries = hops === 1 && last ? this.ways.guards() : this.entries(hops)
    return this.circuits.own(entries, this.relays(), { hops, last, avoid: this.pooledRelays(), events })
  }

  /** One of `relays` for a circuit to end at, where another's end is to meet it: by chance, within the bounds of all hops. */
  rendezvousPoint(relays: readonly PathRelay[]): PathRelay | undefined {
    return this.circuits.rendezvousPoint(relays, {
      guards: this.ways.guardRelays(),
      avoid: this.pooledRelays(),
    })
  }

  /** What the pool's circuits go through beyond their guards. */
  private pooledRelays(): readonly PathRelay[] {
    return this.pool.list().flatMap((member) => member.path.slice(1))
  }

  /** Whether a relay has failed just now, so that another is better asked first. */
  isResting(relay: PathRelay): boolean {
    return this.reliability.resting(relay)
  }

  setHops(hops: Hops): void {
    this.pool.setHops(hops)
  }

  /** Another circuit in place of the present one. */
  renew(): void {
    this.pool.renew()
  }

  /**
   * For what shall have nothing in common with what went before: what is opened from now on goes by no circuit that carried
   * anything, and waits until there is another. What was opened before ends.
   */
  startAnew(): void {
    this.giveUpWaiting()
    this.udp.closeAll()
    this.pool.startAnew()
  }

  /** Opens a TCP connection from the exit; waits for a circuit if there is none. */
  readonly connect = (destination: Address, events: ByteStreamEvents): ByteStream => {
    const open = this.opener()
    if (open) return open(destination, events)
    const { clock, counters } = this.options
    const stream = new WaitingStream(clock, destination, events)
    this.waiting = this.waiting.filter((other) => other.waiting)
    if (this.stopped || this.waiting.length >= WAITING_STREAMS) {
      counters.add(this.stopped ? 'client-stopped' : 'client-too-many-waiting')
      clock.after(0, () => stream.giveUp())
    } else {
      this.waiting.push(stream)
    }
    return stream
  }

  /** A UDP socket at the exit. */
  datagrams(receive: (origin: IpAddress, data: Uint8Array) => void): DatagramSocket {
    return this.udp.open(receive)
  }

  /**
   * Has an exit that ends no streams ask `destination` one thing by HTTP (messages 28 and 29), as those of Tribler's network
   * do for trackers.
   * @param request its head, as it goes over the wire
   * @returns the whole response; undefined if there is no circuit, its exit asks nothing, or no answer came
   */
  async httpRequest(destination: Address, request: Uint8Array): Promise<Uint8Array | undefined> {
    const { primary } = this.pool
    return primary && this.circuits.httpRequest(primary.circuit, primary.path.at(-1), destination, request)
  }

  /** For a question to a relay: past the entry relay, so that it does not learn whom we ask. */
  private circuitTo(last: PathRelay, events: Partial<CircuitEvents>): Circuit | undefined {
    return this.buildCircuit({ hops: 3, last, events }) ?? this.buildCircuit({ hops: 2, last, events })
  }

  private sendDatagram(destination: Address, data: Uint8Array): boolean {
    return this.pool.primary?.circuit.sendDatagram(destination, data) ?? false
  }

  private giveUpWaiting(): void {
    const { waiting } = this
    this.waiting = []
    for (const stream of waiting) stream.giveUp()
  }

  private get minRelays(): number {
    return this.options.minRelays ?? 1
  }

  private entries(hops: Hops): readonly Entry[] {
    if (this.relays().length < this.minRelays) return []
    return hops === 1 ? this.ways.exits() : this.ways.guards()
  }

  private problem(relays: number): NetworkStatus['problem'] {
    if (this.ways.unreachable) return 'no-relay'
    // While the link is on its way, or relays are being found, a pool without them has nothing to complain about.
    return this.ways.guards().length > 0 && relays >= this.minRelays ? this.pool.problem : undefined
  }

  private primaryChanged(): void {
    const open = this.opener()
    if (open) {
      const waiting = this.waiting
      this.waiting = []
      for (const stream of waiting) stream.proceed(open)
    }
    this.options.primaryChanged()
    this.options.changed()
  }

  private opener() {
    const primary = this.pool.primary
    return primary && this.circuits.opener(primary.circuit, primary.path.at(-1))
  }

  private relayOf(publicKey: PublicKey): PathRelay | undefined {
    return this.knowledge.relayOf(publicKey)
  }
}
