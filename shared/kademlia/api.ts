import type { IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { KademliaSettings } from './constants.ts'

/** The two tables of BEP 32. */
export type Family = IpAddress['kind']

/** A node of the DHT: its id (20 bytes) and the address that it answers at. */
export interface NodeContact {
  readonly id: Uint8Array
  readonly address: IpAddress
}

/** What a `Kademlia` tells of itself (K-10). Handlers must not throw; they run within the machine. */
export interface KademliaEvents {
  /** A node answered for the first time and is in the table now. */
  nodeDiscovered(node: NodeContact): void
  lookupCompleted(summary: LookupSummary): void
  /** Somebody stored something here: a peer under an info hash, or an item. */
  dataStored(kind: 'peer' | 'immutable' | 'mutable', target: Uint8Array): void
  /** Nodes in the table of that family now; told when the number changes. */
  tableUpdated(family: Family, size: number): void
}

/** What a `Kademlia` is given. */
export interface KademliaOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** Families that the socket can send to; each has its own table. */
  readonly families: readonly Family[]
  /** Sends one KRPC datagram, at most 1,400 bytes. */
  send(address: IpAddress, datagram: Uint8Array): void
  /** Whether a datagram may be sent there: false for private addresses in the open network, true for them in a lab. */
  mayReach(address: IpAddress): boolean
  /**
   * BEP 43: we ask, and are never asked nor passed on. For pages, and relays that cannot be reached; a function where that shows only later,
   * or may change.
   */
  readonly readOnly?: boolean | (() => boolean)
  readonly settings?: Partial<KademliaSettings>
  /** What this node itself gives for a target, e.g. its relay descriptor under the network's info hash: at most 995 bytes. */
  ownItem?(target: Uint8Array): Uint8Array | undefined
  readonly events?: Partial<KademliaEvents>
}

/** How a lookup went. */
export interface LookupSummary {
  readonly kind: 'find-node' | 'get-peers' | 'announce-peer' | 'get' | 'put' | 'refresh'
  /** Whether enough nodes near the target answered for the result to mean something. */
  readonly ok: boolean
  /** Whether it was answered from what an earlier lookup found. */
  readonly cached: boolean
  /** Nodes asked, and those of them that answered. */
  readonly asked: number
  readonly answered: number
  /** The longest chain of answers that led to one of the closest nodes. */
  readonly hops: number
  readonly tookMs: number
}

export interface FindNodeResult extends LookupSummary {
  /** The k nodes closest to the target that answered, closest first; of all families. */
  readonly closest: readonly NodeContact[]
}

export interface GetPeersResult extends FindNodeResult {
  /** All peers found, each once. */
  readonly peers: readonly IpAddress[]
}

/** Of announce_peer and put. */
export interface StoreResult extends FindNodeResult {
  /** Nodes that say that they keep it. */
  readonly stored: number
  /** KRPC error codes of those that refused, by number of nodes, e.g. 302 (BEP 44: sequence number too low). */
  readonly refused: ReadonlyMap<number, number>
}

/** What a BEP 44 item is found by: SHA-1 of the encoded value, or the key (32 bytes) and salt (at most 64 bytes) it is signed with. */
export type ItemQuery =
  | { readonly target: Uint8Array }
  | { readonly publicKey: Uint8Array; readonly salt?: Uint8Array }

/** An item as found: hash or signature were checked. */
export interface FoundItem {
  /** The bencoded value as it travels, at most 1,000 bytes. */
  readonly encoded: Uint8Array
  /** The value's bytes, if it is a byte string. */
  readonly value: Uint8Array | undefined
  /** Only of mutable items; the highest found. */
  readonly seq?: number
}

export interface GetItemResult extends FindNodeResult {
  readonly item: FoundItem | undefined
}

/** A mutable item to be stored (BEP 44). `value` is bencoded as a byte string: at most 996 bytes. */
export interface MutableItem {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
  /** Gives the signature (64 bytes) of these bytes under that key. */
  sign(message: Uint8Array): Uint8Array
  /** At most 64 bytes. */
  readonly salt?: Uint8Array
  readonly seq: number
  readonly value: Uint8Array
  /** Store only where this is the sequence number there now. */
  readonly cas?: number
}

/** What one node says to one question. */
export interface NodeAnswer {
  /** As it says itself, 20 bytes. */
  readonly id: Uint8Array
  /** The nodes closest to the target that it knows, of all families of ours, without ourselves. */
  readonly nodes: readonly NodeContact[]
  /** What it keeps peers for; undefined if it does not know BEP 51, or was not asked for it. */
  readonly samples: NodeSamples | undefined
}

export interface NodeSamples {
  /** 20 bytes each, at most 64. */
  readonly infoHashes: readonly Uint8Array[]
  /** How many it says that it has in all. */
  readonly total: number
  /** Before this time has passed it is not to be asked for samples again (BEP 51): 0 to 6 hours. */
  readonly intervalMs: number
}

/** What is to stay in the DHT: put again and again until cancelled. `item` is asked anew each time, for a higher `seq`. */
export type Publication =
  | { readonly kind: 'peer'; readonly infoHash: Uint8Array; readonly port?: number }
  | { readonly kind: 'immutable'; readonly value: Uint8Array }
  | { readonly kind: 'mutable'; item(): MutableItem }

/** A lookup under way. */
export interface Lookup {
  /** Ends it; `done` is not called any more. */
  cancel(): void
}

/** Numbers of K-10; those over time are since `start`, rates over the last minute. */
export interface KademliaStatus {
  /** 20 bytes; changes with our address (BEP 42). */
  readonly nodeId: Uint8Array
  /** Our address as others see it, by family, as far as it is known. */
  readonly ownAddresses: readonly IpAddress[]
  /** Nodes in the tables. */
  readonly nodes: Readonly<Record<Family, number>>
  readonly buckets: Readonly<Record<Family, number>>
  /** Estimated number of nodes in the whole DHT; 0 if unknown. */
  readonly networkSize: number
  readonly lookups: {
    readonly running: number
    readonly completed: number
    /** Share of completed lookups that succeeded, 0..1. */
    readonly successRate: number
    readonly meanMs: number
  }
  /** Mean round-trip time of answered queries. */
  readonly meanLatencyMs: number
  /** Share of queries sent that were answered, 0..1. */
  readonly availability: number
  readonly queriesPerSecond: { readonly in: number; readonly out: number }
  /** Share of lookups answered from the cache, 0..1. */
  readonly cacheHitRate: number
  /** Share of queries sent that were answered with an error, or with nonsense, 0..1. */
  readonly errorRate: number
  /** What we keep for others. */
  readonly stored: {
    readonly infoHashes: number
    readonly peers: number
    readonly items: number
    readonly itemBytes: number
  }
}

/** A node of the BitTorrent DHT. `Kademlia` is the one; others may be handed in for tests. */
export interface Dht {
  /** Asks the routers, and again until the table has nodes. Idempotent; routers given later take the place of the ones before. */
  start(routers: readonly IpAddress[]): void
  /** Ends all lookups and timers. */
  stop(): void
  /** Nodes known from elsewhere (saved ones, peers with a DHT port): asked, and taken into the table if they answer. */
  addNodes(addresses: readonly IpAddress[]): void
  /**
   * A datagram from the socket. Never throws.
   * @returns whether it is KRPC (first byte `d`) and so was for us
   */
  receive(from: IpAddress, datagram: Uint8Array): boolean
  /** Our address as others see it, when it is known for sure; our node id becomes one that fits it (BEP 42). */
  setOwnAddress(address: IpAddress): void

  findNode(target: Uint8Array, done: (result: FindNodeResult) => void): Lookup
  /** `found.peers` is called with peers not told before, as they come in. */
  getPeers(
    infoHash: Uint8Array,
    found: { peers?(peers: readonly IpAddress[]): void },
    done: (result: GetPeersResult) => void,
  ): Lookup
  /** `port` undefined: the port that our datagrams come from (implied_port). */
  announcePeer(infoHash: Uint8Array, port: number | undefined, done: (result: StoreResult) => void): Lookup
  getItem(query: ItemQuery, done: (result: GetItemResult) => void): Lookup
  /**
   * `value` is bencoded as a byte string, at most 996 bytes; its target is `immutableTarget` of that.
   * @throws CulvertError `item-too-large`
   */
  putImmutable(value: Uint8Array, done: (result: StoreResult) => void): Lookup
  /** @throws CulvertError `item-too-large` */
  putMutable(item: MutableItem, done: (result: StoreResult) => void): Lookup
  /** Puts it now and each `republishMs`, sooner after a failure, until cancelled (K-05). `told` is called after each time. */
  publish(publication: Publication, told?: (result: StoreResult) => void): Lookup
  /**
   * Asks one node for the nodes closest to `target`, and with `samples` for info hashes, too. `done` gets `refused` for a KRPC
   * error, as of a node that does not know BEP 51, and undefined for no answer.
   */
  askNode(
    address: IpAddress,
    asked: { readonly target: Uint8Array; readonly samples: boolean },
    done: (answer: NodeAnswer | 'refused' | undefined) => void,
  ): Lookup
  /** Asks one node for what it gives itself under `target` (`ownItem`); padded, so the answer is never larger than the question. */
  askOwnItem(address: IpAddress, target: Uint8Array, done: (value: Uint8Array | undefined) => void): Lookup
  /** One ping; `done` gets the node's id, or undefined if it did not answer. */
  ping(address: IpAddress, done: (id: Uint8Array | undefined) => void): Lookup

  /** The table's good nodes, to be saved and given to `addNodes` after a restart. */
  nodes(): NodeContact[]
  status(): KademliaStatus
}
