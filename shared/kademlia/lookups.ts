import type { IpAddress } from '../bytes/address.ts'
import type {
  Dht,
  FindNodeResult,
  GetItemResult,
  GetPeersResult,
  ItemQuery,
  KademliaEvents,
  Lookup,
  LookupSummary,
  MutableItem,
  Publication,
  StoreResult,
} from './api.ts'
import { byteStringValue, immutableTarget, mutableTarget, requireItemSize, signItem } from './item.ts'
import type { ItemStore } from './item-store.ts'
import { lookUp } from './lookup.ts'
import { LookupQueue } from './lookup-queue.ts'
import type { Meter } from './meter.ts'
import { Publications } from './publications.ts'
import { ResultCache } from './result-cache.ts'
import type { Core } from './side.ts'
import * as stores from './store-lookups.ts'

export interface LookupsOptions {
  readonly core: Core
  readonly meter: Meter
  readonly items: ItemStore
  readonly events: Partial<KademliaEvents>
  /** Whether lookups may begin: a node is known, or none will be soon. */
  ready(): boolean
}

type LookupMethods =
  | 'findNode'
  | 'getPeers'
  | 'announcePeer'
  | 'getItem'
  | 'putImmutable'
  | 'putMutable'
  | 'publish'

/** Lookups as asked for from outside: each waits its turn, is answered from the cache where one was just there, and is counted. */
export class Lookups implements Pick<Dht, LookupMethods> {
  private readonly options: LookupsOptions
  private readonly core: Core
  private readonly queue: LookupQueue
  private readonly publications: Publications
  private readonly nodesFound: ResultCache<FindNodeResult>
  private readonly peersFound: ResultCache<GetPeersResult>
  private readonly itemsFound: ResultCache<GetItemResult>

  constructor(options: LookupsOptions) {
    const { clock, settings } = options.core
    this.options = options
    this.core = options.core
    this.queue = new LookupQueue(settings.lookups, settings.lookupsWaiting, () => options.ready())
    this.publications = new Publications(options.core, this)
    this.nodesFound = new ResultCache(clock, settings)
    this.peersFound = new ResultCache(clock, settings)
    this.itemsFound = new ResultCache(clock, settings)
  }

  get running(): number {
    return this.queue.size
  }

  /** To be called when `ready` may have come true. */
  go(): void {
    this.queue.go()
  }

  stop(): void {
    this.publications.stop()
    this.queue.stop()
  }

  expire(): void {
    for (const cache of [this.nodesFound, this.peersFound, this.itemsFound]) cache.expire()
  }

  findNode(target: Uint8Array, done: (result: FindNodeResult) => void): Lookup {
    const { paths } = this.core.settings
    const plan = { kind: 'find-node', target, asked: { method: 'find_node', target }, paths } as const
    return this.cachedOr(this.nodesFound, target, done, nothing('find-node'), (finished) =>
      lookUp(this.core, plan, ({ result }) => {
        if (result.ok) this.nodesFound.set(target, result)
        finished(result)
      }),
    )
  }

  getPeers(
    infoHash: Uint8Array,
    found: { peers?(peers: readonly IpAddress[]): void },
    done: (result: GetPeersResult) => void,
  ): Lookup {
    const told = (result: GetPeersResult) => {
      if (result.cached) found.peers?.(result.peers)
      done(result)
    }
    const none = { ...nothing('get-peers'), peers: [] }
    return this.cachedOr(this.peersFound, infoHash, told, none, (finished) =>
      stores.getPeers(this.core, infoHash, found, (result) => {
        if (result.peers.length > 0) this.peersFound.set(infoHash, result)
        finished(result)
      }),
    )
  }

  announcePeer(infoHash: Uint8Array, port: number | undefined, done: (result: StoreResult) => void): Lookup {
    return this.queued(done, nothingStored('announce-peer'), (finished) => {
      this.peersFound.delete(infoHash)
      return stores.announcePeer(this.core, infoHash, port, finished)
    })
  }

  getItem(query: ItemQuery, done: (result: GetItemResult) => void): Lookup {
    const target = 'target' in query ? query.target : mutableTarget(query.publicKey, query.salt)
    const none = { ...nothing('get'), item: undefined }
    return this.cachedOr(this.itemsFound, target, done, none, (finished) =>
      stores.getItem(this.core, query, ({ result, wire }) => {
        if (wire) {
          this.itemsFound.set(target, result)
          this.options.items.cache(target, wire, this.core.clock.now())
        }
        finished(result)
      }),
    )
  }

  putImmutable(value: Uint8Array, done: (result: StoreResult) => void): Lookup {
    const encoded = byteStringValue(value)
    requireItemSize(encoded)
    return this.put(immutableTarget(encoded), { item: { value: encoded } }, done)
  }

  putMutable(item: MutableItem, done: (result: StoreResult) => void): Lookup {
    const { publicKey, salt, seq, cas } = item
    const signed = signItem({
      publicKey,
      sequence: seq,
      value: byteStringValue(item.value),
      sign: (message) => item.sign(message),
      ...(salt && { salt }),
    })
    const put = { item: signed, ...(salt && { salt }), ...(cas !== undefined && { cas }) }
    return this.put(mutableTarget(publicKey, salt), put, done)
  }

  publish(publication: Publication, told: (result: StoreResult) => void = () => {}): Lookup {
    return this.publications.add(publication, told)
  }

  /** A lookup is over, whoever asked for it. */
  completed(summary: LookupSummary): void {
    this.options.meter.lookup(summary.ok, summary.tookMs)
    if (!summary.ok) this.core.counters.add('kademlia-lookups-failed')
    this.options.events.lookupCompleted?.(summary)
  }

  private put(
    target: Uint8Array,
    put: Parameters<typeof stores.putItem>[2],
    done: (result: StoreResult) => void,
  ): Lookup {
    return this.queued(done, nothingStored('put'), (finished) => {
      this.itemsFound.delete(target)
      return stores.putItem(this.core, target, put, finished)
    })
  }

  /** What an earlier lookup found, if that is not long ago; else this one. */
  private cachedOr<R extends FindNodeResult>(
    cache: ResultCache<R>,
    target: Uint8Array,
    done: (result: R) => void,
    none: R,
    begin: (finished: (result: R) => void) => Lookup,
  ): Lookup {
    const cached = cache.get(target)
    if (!cached) {
      this.options.meter.cacheMisses++
      return this.queued(done, none, begin)
    }
    this.options.meter.cacheHits++
    return this.later(() => done({ ...cached, cached: true, tookMs: 0 }))
  }

  /** @param none the result if there are too many lookups already */
  private queued<R extends FindNodeResult>(
    done: (result: R) => void,
    none: R,
    begin: (finished: (result: R) => void) => Lookup,
  ): Lookup {
    const lookup = this.queue.add((finished) =>
      begin((result) => {
        this.completed(result)
        finished()
        done(result)
      }),
    )
    if (lookup) return lookup
    this.core.counters.add('kademlia-too-many-lookups')
    return this.later(() => done(none))
  }

  private later(run: () => void): Lookup {
    const timer = this.core.clock.after(0, run)
    return { cancel: () => timer.cancel() }
  }
}

function nothing(kind: LookupSummary['kind']): FindNodeResult {
  return { kind, ok: false, cached: false, asked: 0, answered: 0, hops: 0, tookMs: 0, closest: [] }
}

function nothingStored(kind: LookupSummary['kind']): StoreResult {
  return { ...nothing(kind), stored: 0, refused: new Map() }
}
