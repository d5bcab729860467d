import { isControl } from '../link/control.ts'
import type { CoverBudget } from '../link/padding.ts'
import { CoverTraffic } from '../link/padding-cover.ts'
import { Counters } from '../world/counters.ts'
import { SeededRandom } from './seeded-random.ts'
import { Film } from './traffic-film.ts'
import { type Carriage, type WatchedLink, watchedLink } from './traffic-link.ts'
import { assign, type Labelled, positionAccuracy, sizeLikeness, timingLikeness } from './traffic-watcher.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Header and layer of a cell, as docs/protocol.md has them. */
const CELL_HEADER_BYTES = 29
const LAYER_BYTES = 24
const HOPS = 3

export interface TrafficOptions {
  readonly seed: number
  readonly circuits: number
  /** Links on which the circuits leave, a divisor of `circuits`. Each comes in on a link of its own. */
  readonly farLinks: number
  readonly seconds: number
  /** What each circuit carries on average. */
  readonly bytesPerSecond: number
  readonly carriage: Carriage
  readonly cover?: CoverBudget
}

/** What a watcher makes of it. Shares of 1. */
export interface TrafficFigures {
  /** Cells whose position the watcher guesses from their size; by chance 1/3. */
  readonly position: number
  /** Circuits that he follows through the relay by the sizes on its links... */
  readonly bySizes: number
  /** ...and by how much goes when; by chance 1 / `farLinks`, both. */
  readonly byTiming: number
  /** Bytes on the wires for each byte of the cells. */
  readonly cost: number
  /** Of these, bytes of cover traffic for each byte of the cells. */
  readonly cover: number
}

/** A relay with circuits through it, all of its links watched, for some seconds of virtual time. */
export class WatchedRelay {
  readonly near: WatchedLink[] = []
  readonly far: WatchedLink[] = []
  /** Bytes of the cells that were sent over links. */
  cellBytes = 0
  private readonly options: TrafficOptions
  private readonly clock = new VirtualClock()
  private readonly random: SeededRandom
  private readonly counters = new Counters()
  private readonly films: Film[] = []

  constructor(options: TrafficOptions) {
    this.options = options
    this.random = new SeededRandom(options.seed)
    for (let link = 0; link < options.farLinks; link++) this.far.push(this.farLink())
    for (let circuit = 0; circuit < options.circuits; circuit++) this.near.push(this.nearLink(circuit))
  }

  run(): void {
    for (let circuit = 0; circuit < this.options.circuits; circuit++) this.play(circuit)
    this.startCover()
    this.clock.advance(this.options.seconds * 1_000)
  }

  get coverBytes(): number {
    return this.counters.get('cover-sent-bytes')
  }

  /** Every message of the links of the circuits, with the position of its link. */
  labelled(): Labelled[] {
    const of = (link: WatchedLink, position: number) => link.seen.map(({ bytes }) => ({ bytes, position }))
    return this.near.flatMap((link, circuit) => [
      ...of(link, positionOf(circuit)),
      ...of(this.farOf(circuit), positionOf(circuit) + 1),
    ])
  }

  farOf(circuit: number): WatchedLink {
    return this.far[circuit % this.far.length] as WatchedLink
  }

  private play(circuit: number): void {
    const { clock, random, options } = this
    const send = (link: WatchedLink['relay'], position: number) => (messageBytes: number) =>
      this.send(link, circuit, cellBytes(position, messageBytes))
    const film = new Film({
      ...{ clock, random, bytesPerSecond: options.bytesPerSecond },
      toOwner: send(this.farOf(circuit).neighbour, positionOf(circuit) + 1),
      toExit: send((this.near[circuit] as WatchedLink).neighbour, positionOf(circuit)),
    })
    this.films.push(film)
    film.start()
  }

  private nearLink(circuit: number): WatchedLink {
    return this.link(
      (cell) => this.send(this.farOf(circuit).relay, circuit, cell.length - LAYER_BYTES),
      () => this.films[circuit]?.received(),
    )
  }

  private farLink(): WatchedLink {
    return this.link(
      (cell) => {
        const circuit = cell[0] as number
        this.send((this.near[circuit] as WatchedLink).relay, circuit, cell.length + LAYER_BYTES)
      },
      () => {},
    )
  }

  private link(
    onRelayPacket: (cell: Uint8Array) => void,
    onNeighbourPacket: (cell: Uint8Array) => void,
  ): WatchedLink {
    const unlessPadding = (handle: (cell: Uint8Array) => void) => (packet: Uint8Array) => {
      if (!isControl(packet)) handle(packet)
    }
    return watchedLink({
      ...{ clock: this.clock, random: this.random, carriage: this.options.carriage },
      conditions: { bytesPerSecond: 10_000_000, delayMs: 20, jitterMs: 2 },
      onRelayPacket: unlessPadding(onRelayPacket),
      onNeighbourPacket: unlessPadding(onNeighbourPacket),
    })
  }

  /** The first byte of a cell, which nothing else is in here, says whose it is. */
  private send(link: WatchedLink['relay'], circuit: number, bytes: number): void {
    const cell = new Uint8Array(bytes)
    cell[0] = circuit
    this.cellBytes += bytes
    link.send(cell, 1 + circuit)
  }

  /** The relay covers all its links, each neighbour his own. */
  private startCover(): void {
    const { cover: budget } = this.options
    if (budget === undefined) return
    const { clock, random, counters } = this
    const start = (links: readonly WatchedLink['relay'][], sent: readonly Counters[]) =>
      new CoverTraffic({
        ...{ clock, random, counters, budget, links: () => links },
        sentBytes: () => sent.reduce((sum, each) => sum + each.get('link-sent-bytes'), 0),
      }).start()
    const all = [...this.near, ...this.far]
    start(
      all.map(({ relay }) => relay),
      all.map(({ relayCounters }) => relayCounters),
    )
    for (const { neighbour, neighbourCounters } of all) start([neighbour], [neighbourCounters])
  }
}

/** The relay is the first hop of every other circuit, and the second of the rest: its links are at positions 1 to 3. */
function positionOf(circuit: number): number {
  return 1 + (circuit % 2)
}

function cellBytes(position: number, messageBytes: number): number {
  return CELL_HEADER_BYTES + (HOPS + 1 - position) * LAYER_BYTES + messageBytes
}

/** Width of the bins in which the watcher counts. */
const BIN_MS = 250

/** Runs it twice, the first time for the watcher to learn from, and lets him try. */
export function watchTraffic(options: TrafficOptions): TrafficFigures {
  const own = new WatchedRelay({ ...options, seed: options.seed + 1_000_000 })
  own.run()
  const relay = new WatchedRelay(options)
  relay.run()
  const near = relay.near.map(({ seen }) => seen)
  const far = relay.far.map(({ seen }) => seen)
  const untilMs = options.seconds * 1_000
  const followed = (likeness: readonly (readonly number[])[]) => {
    const guesses = assign(likeness, options.circuits / options.farLinks)
    return guesses.filter((link, circuit) => link === circuit % options.farLinks).length / options.circuits
  }
  const wireBytes = [...relay.near, ...relay.far]
    .flatMap(({ seen }) => seen)
    .reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    position: positionAccuracy(own.labelled(), relay.labelled()),
    bySizes: followed(sizeLikeness(near, far)),
    byTiming: followed(near.map((a) => far.map((b) => timingLikeness(a, b, untilMs, BIN_MS)))),
    cost: wireBytes / relay.cellBytes,
    cover: relay.coverBytes / relay.cellBytes,
  }
}
