import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type {
  Dht,
  Family,
  FindNodeResult,
  GetItemResult,
  GetPeersResult,
  ItemQuery,
  KademliaOptions,
  KademliaStatus,
  Lookup,
  MutableItem,
  NodeAnswer,
  NodeContact,
  Publication,
  StoreResult,
} from './api.ts'
import { ID_BYTES, KADEMLIA_DEFAULTS, NODES_PER_ANSWER } from './constants.ts'
import type { KrpcResponse } from './krpc.ts'
import { Lookups } from './lookups.ts'
import { Meter } from './meter.ts'
import { Receiver } from './receiver.ts'
import { Routers } from './routers.ts'
import { type Asked, Rpc } from './rpc.ts'
import { Server } from './server.ts'
import { type Core, Side, sideOf } from './side.ts'
import { statusOf } from './status.ts'
import { byteStringOf } from './store-lookups.ts'
import type { NodeIdentity } from './table-node.ts'
import { Upkeep } from './upkeep.ts'

/** `CV`, and the version of what we speak. Not sent by read-only nodes, which need not be told apart (K-07). */
const VERSION = Uint8Array.of(0x43, 0x56, 0, 1)
/** Own items are asked for with so many bytes: more than any answer has. */
const OWN_ITEM_QUERY_BYTES = 1_200
/** If anybody answered within this time, those who did not are silent; else it may be we who are cut off. */
const ONLINE_MS = 20_000

/**
 * A node of the BitTorrent DHT (K-01 to K-10, D-02), the machine behind `Dht`. What it does is in the files beside: table.ts whom it
 * knows, walk.ts and gathering.ts how it looks, store-lookups.ts what for, server.ts what it answers, upkeep.ts how it gets in
 * and stays.
 */
export class Kademlia implements Dht {
  private readonly options: KademliaOptions
  private readonly core: Core
  private readonly meter: Meter
  private readonly rpc: Rpc
  private readonly routers = new Routers()
  private readonly server: Server
  private readonly receiver: Receiver
  private readonly upkeep: Upkeep
  private readonly lookups: Lookups
  /** Families whose address we were told for sure: others do not vote on it. */
  private readonly addressGiven = new Set<IpAddress['kind']>()
  private stopped = false

  constructor(options: KademliaOptions) {
    const { clock, random, counters, readOnly = false, events = {} } = options
    const settings = { ...KADEMLIA_DEFAULTS, ...options.settings }
    const isReadOnly = typeof readOnly === 'function' ? readOnly : () => readOnly
    const version = readOnly === true ? undefined : VERSION
    const sides = options.families.map((family) => new Side(family, settings, clock, random))
    const mayReach = (address: IpAddress) => options.mayReach(address)
    const send = (address: IpAddress, datagram: Uint8Array) => {
      if (!this.stopped) options.send(address, datagram)
    }
    this.options = options
    const meter = new Meter(clock)
    this.rpc = new Rpc({
      clock,
      random,
      counters,
      settings,
      meter,
      isReadOnly,
      version,
      ownId: ({ kind }) => (sideOf(sides, kind) ?? sides[0])?.id ?? new Uint8Array(ID_BYTES),
      mayReach: (address) => sideOf(sides, address.kind) !== undefined && mayReach(address),
      send,
      heard: (address, response, rttMs) => this.heard(address, response, rttMs),
      silent: (address) => this.silent(address),
    })
    const core: Core = {
      clock,
      random,
      counters,
      settings,
      rpc: this.rpc,
      sides,
      isReadOnly,
      isOwn: (contact) => this.isOwn(contact),
      seeds: (side, target, count) => this.seeds(side, target, count),
    }
    const server = new Server({ core, version, events, ownItem: (target) => options.ownItem?.(target) })
    this.core = core
    this.meter = meter
    this.server = server
    this.receiver = new Receiver({ core, server, meter, mayReach, send })
    this.upkeep = new Upkeep({
      core,
      routers: this.routers,
      settled: () => this.lookups.go(),
      completed: (summary) => this.lookups.completed(summary),
      round: () => this.expire(),
    })
    this.lookups = new Lookups({
      core,
      meter,
      items: server.items,
      events,
      ready: () => !this.upkeep.mayJoin || sides.some(({ table }) => table.size > 0),
    })
  }

  start(routers: readonly IpAddress[]): void {
    if (this.stopped) return
    this.routers.set(routers)
    this.upkeep.start()
  }

  stop(): void {
    this.stopped = true
    this.lookups.stop()
    this.upkeep.stop()
    this.rpc.stop()
  }

  addNodes(addresses: readonly IpAddress[]): void {
    if (!this.stopped) this.upkeep.addNodes(addresses)
  }

  /**
   * Goes on with a table as it was, nobody asked: for one that has just been put together, as of a simulation that begins in the middle.
   * A relay that was away gives `addNodes` what it saved. Before `start`.
   * @param heardMs when each was heard of last, by the clock's `now`; the last look around us was then, too
   */
  restore(family: Family, nodes: readonly NodeIdentity[], heardMs: (index: number) => number): void {
    const side = sideOf(this.core.sides, family)
    for (const [i, node] of nodes.entries()) side?.table.restore(node, heardMs(i))
    this.upkeep.restored(heardMs(0))
  }

  receive(from: IpAddress, datagram: Uint8Array): boolean {
    return !this.stopped && this.receiver.receive(from, datagram)
  }

  setOwnAddress(address: IpAddress): void {
    this.addressGiven.add(address.kind)
    this.standAt(address)
  }

  findNode(target: Uint8Array, done: (result: FindNodeResult) => void): Lookup {
    return this.lookups.findNode(target, done)
  }

  getPeers(
    infoHash: Uint8Array,
    found: { peers?(peers: readonly IpAddress[]): void },
    done: (result: GetPeersResult) => void,
  ): Lookup {
    return this.lookups.getPeers(infoHash, found, done)
  }

  announcePeer(infoHash: Uint8Array, port: number | undefined, done: (result: StoreResult) => void): Lookup {
    return this.lookups.announcePeer(infoHash, port, done)
  }

  getItem(query: ItemQuery, done: (result: GetItemResult) => void): Lookup {
    return this.lookups.getItem(query, done)
  }

  putImmutable(value: Uint8Array, done: (result: StoreResult) => void): Lookup {
    return this.lookups.putImmutable(value, done)
  }

  putMutable(item: MutableItem, done: (result: StoreResult) => void): Lookup {
    return this.lookups.putMutable(item, done)
  }

  publish(publication: Publication, told?: (result: StoreResult) => void): Lookup {
    return this.lookups.publish(publication, told)
  }

  askNode(
    address: IpAddress,
    { target, samples }: { readonly target: Uint8Array; readonly samples: boolean },
    done: (answer: NodeAnswer | 'refused' | undefined) => void,
  ): Lookup {
    const { families } = this.options
    const method = samples ? 'sample_infohashes' : 'find_node'
    const asked = { method, target, ...(families.length > 1 && { want: families }) } as const
    return this.askOne(address, asked, 0, (response, refused) =>
      done(response ? this.answerOf(response) : refused ? 'refused' : undefined),
    )
  }

  askOwnItem(address: IpAddress, target: Uint8Array, done: (value: Uint8Array | undefined) => void): Lookup {
    return this.askOne(address, { method: 'get', target }, OWN_ITEM_QUERY_BYTES, (response) =>
      done(response?.item && byteStringOf(response.item.value)),
    )
  }

  ping(address: IpAddress, done: (id: Uint8Array | undefined) => void): Lookup {
    return this.askOne(address, { method: 'ping' }, 0, (response) =>
      done(response && Uint8Array.from(response.id)),
    )
  }

  nodes(): NodeContact[] {
    return this.core.sides.flatMap(({ table }) => table.nodes().map(({ contact }) => contact))
  }

  status(): KademliaStatus {
    return statusOf(this.core.sides, this.meter, this.server, this.lookups.running)
  }

  /** A copy, fit to be kept. Some name even those who are read-only. */
  private answerOf({ id, nodes = [], nodes6 = [], ...response }: KrpcResponse): NodeAnswer {
    const { samples, sampleTotal = 0, sampleIntervalSeconds = 0 } = response
    return {
      id: Uint8Array.from(id),
      nodes: [...nodes, ...nodes6].filter((node) => !this.isOwn(node)),
      samples: samples && {
        infoHashes: samples.map((infoHash) => Uint8Array.from(infoHash)),
        total: sampleTotal,
        intervalMs: 1000 * sampleIntervalSeconds,
      },
    }
  }

  private askOne(
    address: IpAddress,
    asked: Asked,
    padToBytes: number,
    done: (response: KrpcResponse | undefined, refused: boolean) => void,
  ): Lookup {
    let wanted = true
    this.rpc.ask({
      address,
      asked,
      padToBytes,
      done: (reply) => {
        if (wanted) done(reply.kind === 'response' ? reply.response : undefined, reply.kind === 'error')
      },
    })
    return {
      cancel: () => {
        wanted = false
      },
    }
  }

  /** A node answered: it may be one for the table, and tells how it sees us. */
  private heard(address: IpAddress, { id, ip }: KrpcResponse, rttMs: number): void {
    const side = sideOf(this.core.sides, address.kind)
    if (!side) return
    if (this.routers.has(address)) this.routers.heard(address, id)
    else this.offer(side, { id, address }, rttMs)
    if (!ip || this.addressGiven.has(address.kind)) return
    const seen = side.votes.vote(address, ip)
    if (seen && !(side.ownAddress && sameAddress(side.ownAddress, seen))) this.standAt(seen)
  }

  private offer(side: Side, { id, address }: NodeContact, rttMs: number): void {
    const { clock } = this.core
    const offer = side.table.offer(id, address, clock.now(), rttMs)
    if (offer.kind === 'added') {
      this.options.events?.nodeDiscovered?.({ id: Uint8Array.from(id), address })
      this.options.events?.tableUpdated?.(side.family, side.table.size)
    } else if (offer.kind === 'spare' && offer.ask) {
      // Once more if it is silent, for one datagram may be lost; then the table lets it go.
      const { address: old } = offer.ask
      this.receiver.challenge(old, () => this.receiver.challenge(old))
    }
  }

  private silent(address: IpAddress): void {
    const side = sideOf(this.core.sides, address.kind)
    if (!side) return
    this.routers.silent(address)
    const before = side.table.size
    side.table.failed(address, this.core.clock.now() - this.rpc.heardMs < ONLINE_MS)
    if (side.table.size !== before) this.options.events?.tableUpdated?.(side.family, side.table.size)
  }

  /** Our address is known, or another than before: our id follows it (BEP 42), and our neighbours are others then. */
  private standAt(address: IpAddress): void {
    const side = sideOf(this.core.sides, address.kind)
    if (!side?.setOwnAddress(address, this.core.random, this.core.clock.now())) return
    this.core.counters.add('kademlia-own-id-changed')
    if (side.table.size > 0) this.upkeep.lookAround([])
  }

  private isOwn({ id, address }: NodeContact): boolean {
    const side = sideOf(this.core.sides, address.kind)
    if (!side) return false
    return equalBytes(id, side.id) || (side.ownAddress !== undefined && sameAddress(address, side.ownAddress))
  }

  private seeds(side: Side, target: Uint8Array, count: number): readonly NodeContact[] {
    const { unfitInLookup } = this.core.settings
    const known = side.table.closest(target, count, unfitInLookup).map(({ contact }) => contact)
    return side.table.size < NODES_PER_ANSWER ? [...known, ...this.routers.contacts(side.family)] : known
  }

  private expire(): void {
    this.server.expire(this.core.clock.now())
    this.lookups.expire()
  }
}
