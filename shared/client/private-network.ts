import type { Address, IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { Aead } from '../crypto/aead.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import { Directory } from '../directory/directory.ts'
import { DirectoryExchange } from '../directory/exchange.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_EXIT_STREAM, FLAG_RELAY } from '../ipv8/constants.ts'
import { prefixOf } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import { Circuit } from '../onion/circuit.ts'
import { OwnedCircuits } from '../onion/owned-circuits.ts'
import { CircuitPool, type Member, type PoolEvents } from '../path/pool.ts'
import type { NetworkBits, PathRelay } from '../path/relay.ts'
import { Reliability } from '../path/reliability.ts'
import type { Hops } from '../path/select.ts'
import type { ByteStream, ByteStreamEvents } from '../stream/byte-stream.ts'
import { StreamClient } from '../stream/stream-client.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { DIRECTORY_REFRESH_MS, WAITING_STREAMS } from './constants.ts'
import { type DatagramSocket, Datagrams } from './datagrams.ts'
import { EntryLink, type EntryRelay, type EntryState } from './entry-links.ts'
import { gatewayJudge } from './gateways.ts'
import { WaitingStream } from './waiting-stream.ts'

export interface PrivateNetworkOptions {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** The network's name: signed into descriptors and link proofs. */
  readonly network: string
  /** 20 bytes. */
  readonly communityId: Uint8Array
  readonly networkBits: NetworkBits
  readonly hops: Hops
  /** Relays known beforehand to let us in; those of the directory come after them. */
  readonly entries: readonly EntryRelay[]
  openLink(
    relay: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link) => void,
  ): Promise<Link>
  /** Something that a view shows has changed. Called often. */
  changed(): void
  /** Another circuit serves now, or none does. */
  primaryChanged(): void
}

export interface NetworkStatus {
  readonly entry: EntryState
  readonly entryName: string
  readonly relays: number
  readonly exits: number
  /** The primary first. */
  readonly circuits: readonly Member<Circuit>[]
  readonly primary: Member<Circuit> | undefined
  readonly hops: Hops
  readonly problem: 'no-relay' | 'no-exit' | 'no-circuit' | undefined
}

/**
 * A client of the network: links to a first hop, a verified directory, a pool of circuits, and on them TCP streams and UDP
 * datagrams that leave at the exit (C-05, C-07, W-02). Runs in the page, and in Node for programs without one.
 */
export class PrivateNetwork {
  private readonly options: PrivateNetworkOptions
  private readonly prefix: Uint8Array
  private readonly directory: Directory
  private readonly exchange: DirectoryExchange
  private readonly pool: CircuitPool<Circuit>
  private readonly circuits: OwnedCircuits
  private readonly streams = new Map<Circuit, StreamClient>()
  private readonly mayEnterAt: (url: string) => boolean
  private readonly guard: EntryLink
  /** For circuits of one hop, when the guard is no exit. */
  private readonly exitEntry: EntryLink
  private readonly udp: Datagrams
  private waiting: WaitingStream[] = []
  private refreshTimer: Timer | undefined
  private stopped = false

  constructor(options: PrivateNetworkOptions) {
    this.options = options
    const { clock, random, counters, network } = options
    this.prefix = prefixOf(options.communityId)
    this.circuits = new OwnedCircuits(this.prefix, counters)
    this.directory = new Directory({ network, clock, counters })
    this.exchange = new DirectoryExchange({
      directory: this.directory,
      own: () => undefined,
      clock,
      random,
      counters,
    })
    this.mayEnterAt = gatewayJudge(options.entries)
    this.guard = this.entryLink(() => [...options.entries, ...this.gateways(() => true)])
    this.exitEntry = this.entryLink(() => this.gateways((relay) => relay.exit))
    this.udp = new Datagrams(
      (destination, data) => this.pool.primary?.circuit.sendDatagram(destination, data) ?? false,
      counters,
    )
    this.pool = new CircuitPool<Circuit>({
      clock,
      random,
      reliability: new Reliability(clock),
      networkBits: options.networkBits,
      hops: options.hops,
      entry: (hops) => this.entryFor(hops),
      relays: () => this.pathRelays(),
      circuit: (path, link, events) => this.circuit(path, link, events),
      primaryChanged: () => this.primaryChanged(),
      changed: () => options.changed(),
    })
  }

  start(): void {
    this.guard.want()
  }

  /** Ends circuits and links; streams close with `circuit-lost`, those that wait for a circuit with `no-circuit`. */
  stop(): void {
    this.stopped = true
    this.refreshTimer?.cancel()
    for (const stream of this.waiting) stream.giveUp()
    this.waiting = []
    this.pool.stop()
    this.exchange.stop()
    this.guard.stop()
    this.exitEntry.stop()
  }

  status(): NetworkStatus {
    const relays = this.pathRelays()
    const { guard, pool } = this
    return {
      entry: guard.state,
      entryName: guard.relay ? (this.descriptorOf(guard.relay.publicKey)?.nickname ?? '') : '',
      relays: relays.length,
      exits: relays.filter((relay) => relay.exit).length,
      circuits: pool.list(),
      primary: pool.primary,
      hops: pool.hops,
      problem: pool.primary ? undefined : this.problem(),
    }
  }

  setHops(hops: Hops): void {
    this.pool.setHops(hops)
  }

  /** Another circuit in place of the present one. */
  renew(): void {
    this.pool.renew()
  }

  /** Opens a TCP connection from the exit; waits for a circuit if there is none. */
  readonly connect = (destination: Address, events: ByteStreamEvents): ByteStream => {
    const streams = this.currentStreams()
    if (streams) return streams.open(destination, events)
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

  private currentStreams(): StreamClient | undefined {
    const primary = this.pool.primary
    return primary && this.streams.get(primary.circuit)
  }

  private problem(): NetworkStatus['problem'] {
    if (this.guard.unreachable) return 'no-relay'
    // While the link is on its way a pool without one has nothing to complain about.
    return this.guard.state === 'open' && this.guardRelay() ? this.pool.problem : undefined
  }

  private primaryChanged(): void {
    const streams = this.currentStreams()
    if (streams) {
      const waiting = this.waiting
      this.waiting = []
      for (const stream of waiting) stream.proceed(streams.open)
    }
    this.options.primaryChanged()
    this.options.changed()
  }

  private entryLink(candidates: () => readonly EntryRelay[]): EntryLink {
    const { clock, random, changed } = this.options
    return new EntryLink({
      clock,
      random,
      candidates,
      changed,
      open: (relay) =>
        this.options.openLink(
          relay,
          (link, packet) => this.receive(link, packet),
          (link) => this.linkClosed(link),
        ),
      opened: (link) => this.refresh(link),
    })
  }

  private linkClosed(link: Link): void {
    this.circuits.linkClosed(link)
    this.guard.closed(link)
    this.exitEntry.closed(link)
  }

  /** Asks for the directory over `link` now, and from time to time over whichever link is open then. */
  private refresh(link: Link): void {
    this.exchange.fetchFrom(link, () => {
      this.pool.nudge()
      this.options.changed()
    })
    this.refreshTimer?.cancel()
    this.refreshTimer = this.options.clock.after(DIRECTORY_REFRESH_MS, () => {
      const open = [this.guard.link, this.exitEntry.link].find((each) => each?.open)
      if (open) this.refresh(open)
    })
  }

  private entryFor(hops: Hops): { link: Link; relay: PathRelay } | undefined {
    const guard = this.guardRelay()
    if (hops > 1 || guard?.relay.exit) return guard
    if (guard) this.exitEntry.want()
    return this.relayOf(this.exitEntry)
  }

  private guardRelay(): { link: Link; relay: PathRelay } | undefined {
    return this.relayOf(this.guard)
  }

  private relayOf({ link, relay }: EntryLink): { link: Link; relay: PathRelay } | undefined {
    const descriptor = relay && this.descriptorOf(relay.publicKey)
    const entry = descriptor && pathRelay(descriptor)
    return link?.open && entry ? { link, relay: entry } : undefined
  }

  private descriptorOf(publicKey: PublicKey): RelayDescriptor | undefined {
    return this.directory.find(publicKey.mid)?.descriptor
  }

  private pathRelays(): PathRelay[] {
    return this.directory.list().flatMap(({ descriptor }) => pathRelay(descriptor) ?? [])
  }

  private gateways(fits: (relay: PathRelay) => boolean): EntryRelay[] {
    return this.directory.list().flatMap(({ descriptor }) => {
      const relay = pathRelay(descriptor)
      const { publicKey, websocket: url } = descriptor
      return relay && url !== undefined && this.mayEnterAt(url) && fits(relay) ? [{ publicKey, url }] : []
    })
  }

  private circuit(path: readonly PathRelay[], link: Link, pool: PoolEvents): Circuit {
    const { clock, random, aead, counters } = this.options
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path,
      link,
      prefix: this.prefix,
      clock,
      random,
      aead,
      counters,
      events: {
        changed: () => pool.changed(),
        ready: () => pool.ready(),
        datagram: (from, origin, data) => {
          if (from === this.pool.primary?.circuit) this.udp.receive(origin, data)
          else counters.add('client-datagram-late')
        },
        stream: (_, destination, packet) => streams.receive(destination, packet),
        streamReset: (_, destination, connectionId, reason) =>
          streams.reset(destination, connectionId, reason),
        closed: (_, reason) => {
          counters.add(`client-circuit-${reason}`)
          this.circuits.remove(circuit)
          this.streams.delete(circuit)
          pool.closed()
          streams.circuitClosed()
        },
      },
    })
    const streams = new StreamClient({
      clock,
      random,
      counters,
      send: (destination, packet) => circuit.sendStream(destination, packet),
    })
    this.circuits.add(circuit)
    this.streams.set(circuit, streams)
    return circuit
  }

  private receive(link: Link, packet: Uint8Array): void {
    if (this.exchange.receive(link, packet)) return
    this.circuits.receive(link, packet)
  }
}

/** A descriptor as path selection sees it; undefined if it cannot be a hop. */
function pathRelay(descriptor: RelayDescriptor): PathRelay | undefined {
  const { flags, udp } = descriptor
  if ((flags & FLAG_RELAY) === 0 || udp === undefined) return undefined
  return {
    publicKey: descriptor.publicKey,
    name: descriptor.nickname,
    address: udp,
    family: toHex(descriptor.family),
    exit: (flags & FLAG_EXIT_BITTORRENT) !== 0 && (flags & FLAG_EXIT_STREAM) !== 0,
    bytesPerSecond: descriptor.bandwidth,
  }
}
