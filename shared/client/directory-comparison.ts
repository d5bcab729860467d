import { toHex } from '../bytes/bytes.ts'
import { directoryPacket, linkToLastHop } from '../directory/circuit-links.ts'
import { type DirectoryExchange, SINCE_EVER } from '../directory/exchange.ts'
import { VERDICTS_EVER } from '../directory/verdict-exchange.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Link } from '../link/link.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { Entry } from '../path/pool.ts'
import { type NetworkBits, networkOfRelay, type PathRelay, relayKey } from '../path/relay.ts'
import type { TrustJudge } from '../trust/trust-judge.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { fraction, type Random, shuffled } from '../world/random.ts'
import { COMPARISON, type ComparisonSettings } from './constants.ts'
import { OpinionsHeard } from './opinions-heard.ts'
import type { Sightings, Source } from './sightings.ts'

export interface DirectoryComparisonOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly networkBits: NetworkBits
  readonly exchange: DirectoryExchange
  readonly sightings: Sightings
  readonly book: TrustJudge
  readonly settings?: Partial<ComparisonSettings>
  /** Open links to relays that let us in. */
  entries(): readonly Entry[]
  /** All that could be asked, or be a hop. */
  relays(): readonly PathRelay[]
  /** Whether a relay is known, by the hex of its mid. */
  isListed(mid: string): boolean
  /** Whether one relay can send to another, by their versions of IP; both by the hex of their mids. */
  canReach(from: string, to: string): boolean
  /** A relay that has just failed is not asked. */
  isResting(relay: PathRelay): boolean
  /** A circuit of its own that ends at `last`; undefined if there is no such path now. */
  open(last: PathRelay, events: Partial<CircuitEvents>): Circuit | undefined
  /** A round is over, or an entry relay was found to hide others. */
  changed(): void
}

export interface ComparisonStatus {
  /** Relays of distinct networks and families that have told all they know, entries among them. */
  readonly asked: number
  /** Relays that others tell of and the entry that hides most does not. */
  readonly hidden: number
  readonly running: boolean
}

interface Round {
  readonly done: (added: number) => void
  readonly asked: Source[]
  left: PathRelay[]
  attempts: number
  answered: number
  underWay: number
  added: number
}

/**
 * Asks relays for all that they know, through circuits, so that neither the entry relay chooses who is asked nor the asked one
 * knows who asks; and compares. Whoever is known to one source alone, or kept back by one, shows. Verdicts come the same way.
 */
export class DirectoryComparison {
  private readonly options: DirectoryComparisonOptions
  private readonly settings: ComparisonSettings
  private readonly opinions: OpinionsHeard
  /** When each relay was asked last. */
  private readonly askedMs: BoundedMap<string, { readonly atMs: number }>
  private readonly circuits = new Set<Circuit>()
  private round: Round | undefined
  private timer: Timer | undefined
  private pauseMs: number
  private hidden = new Map<string, readonly string[]>()
  private enforcing = false
  private stopped = false

  constructor(options: DirectoryComparisonOptions) {
    this.options = options
    this.settings = { ...COMPARISON, ...options.settings }
    this.opinions = new OpinionsHeard(options.book, options.clock)
    this.askedMs = new BoundedMap(256)
    this.pauseMs = this.settings.soonMs
  }

  start(): void {
    this.after(this.settings.firstMs)
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    const round = this.round
    this.round = undefined
    for (const circuit of [...this.circuits]) circuit.destroy('unneeded')
    round?.done(round.added)
  }

  /** A round now, besides those that come by themselves. @param done with the number of relays that were new */
  now(done: (added: number) => void): void {
    if (this.stopped || this.round !== undefined || !this.begin(done)) done(0)
  }

  status(): ComparisonStatus {
    const hidden = [...this.hidden.values()].map((mids) => mids.length)
    return {
      asked: this.options.sightings.complete,
      hidden: Math.max(0, ...hidden),
      running: this.round !== undefined,
    }
  }

  /** Whether enough have told all that they know: what one alone tells of is set aside then. */
  get isEnough(): boolean {
    this.enforcing ||= this.options.sightings.complete >= this.settings.enoughVoices
    return this.enforcing
  }

  /** Whether others tell of a relay that an entry has kept back. */
  isHidden(mid: string): boolean {
    return [...this.hidden.values()].some((mids) => mids.includes(mid))
  }

  /** What an entry relay has told over its own link. @param complete whether that was all it knows */
  entryTold(entry: PathRelay, mids: readonly Uint8Array[], complete: boolean): void {
    const source = this.sourceOf(entry)
    const { sightings, clock } = this.options
    sightings.told(source, mids, clock.now())
    if (complete) sightings.completed(source)
    this.lookForHidden(source)
  }

  private after(delayMs: number): void {
    this.timer?.cancel()
    this.timer = this.options.clock.after(delayMs, () => {
      if (this.round === undefined && !this.begin(() => undefined)) this.after(this.settings.firstMs)
    })
  }

  /** @returns false if there is nobody to ask, or no way to */
  private begin(done: (added: number) => void): boolean {
    const entries = this.options.entries()
    const asked = entries.map(({ relay }) => this.sourceOf(relay))
    const left = this.askable(asked)
    if (entries.length === 0 || left.length === 0) return false
    const round: Round = { done, asked, left, attempts: 0, answered: 0, underWay: 0, added: 0 }
    this.round = round
    for (const { link, relay } of entries) this.askVerdicts(link, this.sourceOf(relay), () => undefined)
    this.goOn(round)
    return true
  }

  /** Those that were asked longest ago, or never, first. */
  private askable(entries: readonly Source[]): PathRelay[] {
    const { relays, isResting, random } = this.options
    const keys = new Set(entries.map(({ key }) => key))
    const fits = relays().filter((relay) => relay.culvert && !keys.has(relayKey(relay)) && !isResting(relay))
    const ranked = shuffled(random, fits).map((relay) => ({
      relay,
      rank: this.isKnownElsewhere(relay, keys) ? 0 : 1,
      atMs: this.askedMs.get(relayKey(relay))?.atMs ?? Number.NEGATIVE_INFINITY,
    }))
    // A stable sort: by chance among equals. Those that others than the entry told of come before its own choice.
    ranked.sort((a, b) => a.rank - b.rank || compare(a.atMs, b.atMs))
    return ranked.map(({ relay }) => relay)
  }

  private isKnownElsewhere(relay: PathRelay, entries: ReadonlySet<string>): boolean {
    const { sightings, clock } = this.options
    return sightings.isToldBesides(toHex(relay.publicKey.mid), entries, clock.wall())
  }

  private goOn(round: Round): void {
    if (this.round !== round) return
    const { sources, atOnce, attempts } = this.settings
    while (
      round.underWay < atOnce &&
      round.answered + round.underWay < sources &&
      round.attempts < attempts &&
      this.askNext(round)
    ) {
      round.attempts++
    }
    if (round.underWay === 0) this.end(round)
  }

  /** @returns false if nobody is left who speaks with another voice than those that were asked */
  private askNext(round: Round): boolean {
    for (;;) {
      const relay = round.left.shift()
      if (relay === undefined) return false
      const source = this.sourceOf(relay)
      const isOther = round.asked.every(
        ({ network, family }) => network !== source.network && (family === '' || family !== source.family),
      )
      if (isOther && this.ask(round, relay, source)) return true
    }
  }

  private ask(round: Round, relay: PathRelay, source: Source): boolean {
    const { clock, exchange, open } = this.options
    let link: Link | undefined
    let isOver = false
    const over = (answered: boolean) => {
      if (isOver) return
      isOver = true
      timer.cancel()
      if (answered) {
        round.answered++
        round.asked.push(source)
      }
      round.underWay--
      circuit?.destroy('unneeded')
      // Not from within the circuit's own event.
      clock.after(0, () => this.goOn(round))
    }
    const circuit = open(relay, {
      ready: (ready) => {
        link = linkToLastHop(ready)
        this.fetch(round, link, relay, source, over)
      },
      message: (_, id, cell, at, end) => {
        const packet = directoryPacket(id, cell, at, end)
        if (packet && link) exchange.receive(link, packet)
      },
      closed: (closed) => {
        this.circuits.delete(closed)
        over(false)
      },
    })
    if (circuit === undefined) return false
    this.circuits.add(circuit)
    const timer = clock.after(this.settings.sourceMs, () => over(false))
    round.underWay++
    return true
  }

  private fetch(
    round: Round,
    link: Link,
    relay: PathRelay,
    source: Source,
    over: (answered: boolean) => void,
  ): void {
    const { clock, exchange, sightings } = this.options
    const beganMs = clock.now()
    const before = this.askedMs.get(source.key)
    const since = before ? Math.ceil((beganMs - before.atMs + this.settings.slackMs) / 1000) : SINCE_EVER
    const told: Uint8Array[] = []
    const fetched = (added: number, answered: boolean) => {
      sightings.told(source, told, clock.now())
      round.added += added
      if (!answered) {
        over(false)
        return
      }
      sightings.completed(source)
      this.askedMs.set(relayKey(relay), { atMs: beganMs })
      this.askVerdicts(link, source, () => over(true))
    }
    exchange.fetchFrom(link, fetched, { since, told: (mid) => told.push(mid) })
  }

  private askVerdicts(link: Link, source: Source, done: () => void): void {
    this.options.exchange.askVerdicts(link, VERDICTS_EVER, (records) => {
      if (records.length > 0) this.opinions.told(source, records, (mid) => this.options.isListed(mid))
      done()
    })
  }

  private end(round: Round): void {
    const { counters, random, sightings, changed, entries } = this.options
    this.round = undefined
    sightings.keepOnly((mid) => this.options.isListed(mid))
    this.opinions.settle()
    for (const { relay } of entries()) this.lookForHidden(this.sourceOf(relay))
    counters.add('client-comparisons')
    const { sources, soonMs, everyMs, jitter } = this.settings
    const isWell = round.answered >= sources - 1 && this.unconfirmed === 0 && !this.isAnyUnjudged()
    const pauseMs = isWell ? everyMs : this.pauseMs
    this.pauseMs = isWell ? soonMs : Math.min(2 * pauseMs, everyMs)
    this.after(pauseMs * (1 - jitter * fraction(random)))
    changed()
    round.done(round.added)
  }

  /** Relays that too few tell of. */
  get unconfirmed(): number {
    return this.options.relays().filter((relay) => relay.unconfirmed).length
  }

  /** Whether too few have said what they found of a relay that others could look at: those without an address nobody checks. */
  private isAnyUnjudged(): boolean {
    const { relays, book } = this.options
    return relays().some(
      ({ culvert, address, publicKey }) =>
        culvert && address !== undefined && book.verdict(publicKey.mid).by === undefined,
    )
  }

  private lookForHidden(entry: Source): void {
    const { clock, counters, sightings, isListed, canReach, changed } = this.options
    const hidden = sightings
      .hiddenBy(entry.key, clock.now())
      .filter((mid) => isListed(mid) && canReach(entry.mid, mid))
    const share = hidden.length / Math.max(1, hidden.length + sightings.count(entry.key))
    const { hiddenAtLeast, hiddenShare } = this.settings
    const before = this.hidden.get(entry.key)?.length ?? 0
    if (hidden.length < hiddenAtLeast || share < hiddenShare) this.hidden.delete(entry.key)
    else this.hidden.set(entry.key, hidden)
    const now = this.hidden.get(entry.key)?.length ?? 0
    if (now > 0 && before === 0) counters.add('client-entry-hides')
    if (now !== before) changed()
  }

  private sourceOf(relay: PathRelay): Source {
    return sourceOf(relay, this.options.networkBits)
  }
}

export function sourceOf(relay: PathRelay, bits: NetworkBits): Source {
  return {
    key: relayKey(relay),
    mid: toHex(relay.publicKey.mid),
    network: networkOfRelay(relay, bits),
    family: relay.family,
  }
}

/** Also of two infinities. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
