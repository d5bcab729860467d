import { sha1 } from '@noble/hashes/legacy.js'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { descriptorHead, type UnverifiedDescriptor } from '../directory/descriptor.ts'
import { type AddResult, Directory } from '../directory/directory.ts'
import { DirectoryExchange, SINCE_EVER } from '../directory/exchange.ts'
import { StockPeers } from '../directory/stock-peers.ts'
import type { Geo } from '../geo/geo.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { Entry } from '../path/pool.ts'
import type { NetworkBits, PathRelay } from '../path/relay.ts'
import { TrustBook } from '../trust/trust-book.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { type ComparisonSettings, DIRECTORY_FEW_MS, DIRECTORY_REFRESH_MS, KEEP_SOON_MS } from './constants.ts'
import { type ComparisonStatus, DirectoryComparison, sourceOf } from './directory-comparison.ts'
import { DirectoryKeeper } from './directory-keeper.ts'
import type { DirectoryStore } from './kept-directory.ts'
import { KnownRelays, midOf, type RelayView } from './known-relays.ts'
import { Sightings } from './sightings.ts'

export interface RelayKnowledgeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly network: string
  readonly networkBits: NetworkBits
  /** The directory is asked for more often while fewer relays are known. */
  readonly minRelays?: number
  readonly directoryRefreshMs?: number
  readonly parseDescriptor?: (bytes: Uint8Array) => UnverifiedDescriptor
  readonly comparison?: Partial<ComparisonSettings>
  readonly directoryStore?: DirectoryStore
  /** Relays known beforehand: they need nobody else's word. */
  readonly entries: readonly { readonly publicKey: PublicKey }[]
  extraRelays?(): readonly PathRelay[]
  geo?(): Geo | undefined
  /** Open links to relays that let us in. */
  links(): readonly Link[]
  /** Whose link it is. */
  keyOf(link: Link): PublicKey | undefined
  /** Of these links, those to guards. */
  guards(): readonly Entry[]
  isResting(relay: PathRelay): boolean
  /** Bytes per second that circuits with it carried, as measured here. */
  measured(relay: PathRelay): number | undefined
  /** A circuit outside of the pool that ends at `last`; undefined if there is no such path now. */
  circuitTo(last: PathRelay, events: Partial<CircuitEvents>): Circuit | undefined
  /** Relays have come, or are seen otherwise. @param complete whether a relay has told all that it knows */
  relaysChanged(complete: boolean): void
  /** An answer has come, whether or not it brought anything. */
  changed(): void
}

export type ComparisonView = ComparisonStatus & {
  /** Relays that only one of those asked tells of. */
  readonly unconfirmed: number
}

/** All that a client knows of relays: the directory, where it comes from, who confirms it, and what is thought of each. */
export class RelayKnowledge {
  /** Verified descriptors of relays. */
  readonly directory: Directory
  readonly book: TrustBook
  private readonly options: RelayKnowledgeOptions
  private readonly stock: StockPeers
  private readonly exchange: DirectoryExchange
  private readonly sightings = new Sightings()
  private readonly comparison: DirectoryComparison
  private readonly known: KnownRelays
  private readonly keeper: DirectoryKeeper | undefined
  /** Those that have told all that they know, by the hex of their mids. */
  private readonly askedAll = new Set<string>()
  /** Whether a relay has told all that it knows. */
  private hasDirectory = false
  private refreshTimer: Timer | undefined
  private stopped = false

  constructor(options: RelayKnowledgeOptions) {
    this.options = options
    const { clock, random, counters, network, parseDescriptor, directoryStore } = options
    const parse = parseDescriptor ? { parse: parseDescriptor } : {}
    const { sightings } = this
    const before = new Set(options.entries.map(midOf))
    // One guard may make up more relays than there is room for: whom others confirmed makes way for none of them.
    const isKept = (mid: string) => before.has(mid) || sightings.wasConfirmed(mid, clock.wall())
    const directory = new Directory({ network, clock, counters, isKept, ...parse })
    const book = new TrustBook({ clock })
    this.directory = directory
    this.book = book
    this.stock = new StockPeers(clock)
    this.exchange = new DirectoryExchange({ directory, own: () => undefined, clock, random, counters })
    this.comparison = new DirectoryComparison({
      ...options,
      settings: options.comparison ?? {},
      exchange: this.exchange,
      sightings,
      book,
      entries: () => options.guards(),
      relays: () => this.relays(),
      isListed: (mid) => directory.find(fromHex(mid)) !== undefined,
      canReach: (from, to) => canReach(this.kindsOf(from), this.kindsOf(to)),
      open: (last, events) => options.circuitTo(last, events),
      changed: () => this.update(),
    })
    this.known = new KnownRelays({
      ...options,
      directory,
      stock: this.stock,
      book,
      confirmations: {
        version: () => sightings.version,
        confirmedBy: (mid) => sightings.confirmedBy(mid),
        isHidden: (mid) => this.comparison.isHidden(mid),
        isUnconfirmed: (mid) =>
          this.comparison.isEnough && !before.has(mid) && !sightings.isConfirmed(mid, clock.wall()),
      },
    })
    if (directoryStore) {
      this.keeper = new DirectoryKeeper({
        clock,
        counters,
        store: directoryStore,
        directory,
        book,
        sightings,
      })
    }
  }

  /** Reads what was kept, which comes first, so that not all is the word of the entry relay; then comparisons begin. */
  async start(): Promise<void> {
    await this.keeper?.load()
    if (this.options.comparison && !this.stopped) this.comparison.start()
  }

  stop(): void {
    this.stopped = true
    this.refreshTimer?.cancel()
    this.comparison.stop()
    this.keeper?.stop()
    this.exchange.stop()
  }

  /** Takes a packet of the directory's. @returns whether it was one */
  receive(link: Link, packet: Uint8Array): boolean {
    return this.exchange.receive(link, packet)
  }

  /** All that could be hops now. */
  relays(): readonly PathRelay[] {
    return this.known.list()
  }

  views(): readonly RelayView[] {
    return this.known.views()
  }

  relayOf(publicKey: PublicKey): PathRelay | undefined {
    return this.known.of(publicKey)
  }

  status(): ComparisonView {
    const { comparison } = this
    return { ...comparison.status(), unconfirmed: comparison.unconfirmed }
  }

  /** @param done with the number of relays that were new */
  compareNow(done: (added: number) => void): void {
    this.comparison.now(done)
  }

  /** Whether circuits are to keep away from a relay. */
  isBlocked(relay: PathRelay): boolean {
    return this.known.isBlocked(relay)
  }

  /**
   * Whether a path would not be chosen now for its last hop: an exit that only one source tells of, where there are others. The
   * circuit may be older than the comparison.
   */
  isUnfit(path: readonly PathRelay[]): boolean {
    const last = path.at(-1)
    return path.length > 1 && last !== undefined && this.known.isNoExit(last)
  }

  /** Asks those that let us in for what is new. @param done with the number of relays that were new */
  askEntries(done: (added: number) => void): void {
    const links = this.options.links()
    let left = links.length
    let sum = 0
    if (left === 0) done(0)
    for (const link of links) {
      this.fetch(link, this.options.keyOf(link), (added) => {
        sum += added
        if (--left === 0) done(sum)
      })
    }
  }

  /**
   * Takes a descriptor that was found otherwise than by asking relays.
   * @param exit who it came through, and so may have made it up
   */
  learn(bytes: Uint8Array, method: string, exit: PathRelay | undefined): AddResult {
    const { networkBits, clock } = this.options
    const result = this.directory.add(bytes)
    if (result !== 'refused') {
      const voice = exit && sourceOf(exit, networkBits)
      const source = {
        key: `${method} ${voice?.network ?? ''}`,
        mid: '',
        network: voice?.network ?? method,
        family: voice?.family ?? '',
      }
      this.sightings.told(source, [sha1(descriptorHead(bytes).publicKey)], clock.now())
    }
    if (result === 'new' || result === 'renewed') this.update()
    return result
  }

  /** What was changed by hand is to survive even if the page is closed now. */
  keepSoon(): void {
    this.keeper?.changed(KEEP_SOON_MS)
  }

  /** Something that relays are judged by has changed, or their number from elsewhere has. */
  update(complete = this.hasDirectory): void {
    if (this.stopped) return
    this.known.changed()
    this.options.relaysChanged(complete)
    this.keeper?.changed()
    this.options.changed()
  }

  /** Asks for the directory over `link` now, and from time to time over whichever link is open then. */
  refresh(link: Link): void {
    const { clock, keyOf, links, minRelays = 1, directoryRefreshMs = DIRECTORY_REFRESH_MS } = this.options
    const teller = keyOf(link)
    this.fetch(link, teller)
    if (teller) {
      this.exchange.askNeighbours(link, (peers) => {
        this.stock.tell(teller, peers)
        if (peers.length > 0) this.known.changed()
        this.options.changed()
      })
    }
    this.refreshTimer?.cancel()
    const pauseMs = this.relays().length < minRelays ? DIRECTORY_FEW_MS : directoryRefreshMs
    this.refreshTimer = clock.after(pauseMs, () => {
      for (const open of links()) this.refresh(open)
    })
  }

  /** The versions of IP that a relay speaks. */
  private kindsOf(mid: string): readonly string[] {
    const descriptor = this.directory.find(fromHex(mid))?.descriptor
    return [descriptor?.udp, descriptor?.udp6].flatMap((address) => address?.kind ?? [])
  }

  private fetch(link: Link, teller: PublicKey | undefined, told?: (added: number) => void): void {
    const isCompared = this.options.comparison !== undefined
    // To be compared, each has to tell all once, whatever others have told.
    const isFirst = isCompared && teller !== undefined && !this.askedAll.has(toHex(teller.mid))
    const mids: Uint8Array[] = []
    const done = (added: number, answered: boolean) => {
      told?.(added)
      if (this.stopped) return
      const isAll = answered && isFirst
      if (isAll) this.askedAll.add(toHex(teller.mid))
      // Nothing new, most times: a thousand relays need not be looked through for that.
      if (added > 0 || !this.hasDirectory) {
        this.known.changed()
        this.options.relaysChanged(answered)
        this.keeper?.changed()
      }
      this.hasDirectory ||= answered
      const relay = isCompared && teller && this.relayOf(teller)
      if (relay) this.comparison.entryTold(relay, mids, isAll)
      this.options.changed()
    }
    this.exchange.fetchFrom(link, done, {
      ...(isFirst && { since: SINCE_EVER }),
      ...(isCompared && { told: (mid: Uint8Array) => mids.push(mid) }),
    })
  }
}

/** A relay proves others before it tells of them, and those of another version of IP it cannot. */
function canReach(from: readonly string[], to: readonly string[]): boolean {
  return from.some((kind) => to.includes(kind))
}
