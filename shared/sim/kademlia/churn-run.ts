import type { FindNodeResult } from '../../kademlia/api.ts'
import { ID_BYTES } from '../../kademlia/constants.ts'
import { below, pick } from '../../world/random.ts'
import { CONTENT_KINDS, type Content, type ContentKind, makeContent } from './contents.ts'
import type { HonestNode } from './dht-nodes.ts'
import { type DhtTown, type DhtTownOptions, settledTown } from './dht-town.ts'
import { type LookupFigures, LookupTally, round } from './lookup-figures.ts'

export interface ChurnRunOptions extends DhtTownOptions {
  /** Measured so long, in hours. */
  readonly hours: number
  /** Lookups of each kind, evenly over that time. */
  readonly lookups: number
}

export interface ChurnFigures {
  readonly nodes: number
  /** Lookups for nodes: right if all of the 8 truly closest were found, where things are stored. */
  readonly findNode: LookupFigures
  /** How many of the 20 truly closest were found, as a share: nodes tell of the 8 that they know to be closest (BEP 5). */
  readonly closestTwentyFound: number
  /** Lookups for what a node that is there has left. */
  readonly contents: Readonly<Record<ContentKind, LookupFigures>>
  /** Of each node and second, while measured. */
  readonly datagramsPerSecond: number
  readonly bytesPerSecond: number
  /** Nodes in a table, on average. */
  readonly tableSize: number
}

/** Those who have come less than so long ago need not be found, nor do they look for anything. */
const MATURE_MS = 120_000
/** Announced and put anew: so many contents of each kind are kept up. */
const CONTENTS_OF_EACH_KIND = 30
/** An owner may leave: then others leave something else. */
const TICK_MS = 1_000
const MAINLINE_K = 8
const K = 20

interface Kept {
  readonly content: Content
  readonly owner: HonestNode
  /** Whether the last version is stored. */
  ready: boolean
}

/** Lookups in a DHT of that many nodes that come and go, and what they find. */
export function simulateChurn(
  options: ChurnRunOptions,
  progress?: (minutes: number, figures?: ChurnFigures) => void,
): ChurnFigures {
  const run = new ChurnRun(options, settledTown(options, progress))
  const { clock } = run.town
  const totalMs = options.hours * 3_600_000
  const startMs = clock.now()
  let begun = 0
  while (clock.now() - startMs < totalMs) {
    run.keepUp()
    const due = (options.lookups * (clock.now() - startMs)) / totalMs
    for (; begun < due; begun++) run.lookUp()
    clock.advance(TICK_MS)
    if (Math.round(clock.now() / TICK_MS) % (options.filled ? 20 : 300) === 0)
      progress?.(Math.round(clock.now() / 60_000), run.figures())
  }
  clock.advance(60_000)
  return run.figures()
}

class ChurnRun {
  readonly town: DhtTown
  private readonly options: ChurnRunOptions
  private readonly findNode = new LookupTally()
  /** Shares of the 20 closest found, added up. */
  private twenties = 0
  private readonly tallies = new Map(CONTENT_KINDS.map((kind) => [kind, new LookupTally()]))
  private kept: Kept[] = []
  private readonly start: { ms: number; datagrams: number; bytes: number }

  constructor(options: ChurnRunOptions, town: DhtTown) {
    this.options = options
    this.town = town
    const { datagrams, bytes } = town.wires
    this.start = { ms: town.clock.now(), datagrams, bytes }
  }

  /** Replaces what is of a node that has left. */
  keepUp(): void {
    const { nodes, random } = this.town
    this.kept = this.kept.filter(({ owner }) => nodes.isHere(owner))
    for (const kind of CONTENT_KINDS) {
      const count = this.kept.filter(({ content }) => content.kind === kind).length
      const owner = count < CONTENTS_OF_EACH_KIND && nodes.anyone(MATURE_MS)
      if (owner) this.leave({ content: makeContent(kind, random), owner, ready: false })
    }
    // Now and then a new version.
    const one = pick(random, this.kept)
    if (one?.ready && one.content.kind === 'mutable' && below(random, 10) === 0) this.renew(one)
  }

  private leave(kept: Kept): void {
    this.kept.push(kept)
    this.renew(kept)
  }

  private renew(kept: Kept): void {
    kept.ready = false
    kept.content.leave(kept.owner, () => {
      kept.ready = true
    })
  }

  /** One of each kind, each from a node of its own. */
  lookUp(): void {
    const { nodes, random } = this.town
    this.lookForNodes(nodes.anyone(MATURE_MS))
    for (const kind of CONTENT_KINDS) {
      const finder = nodes.anyone(MATURE_MS)
      const kept = pick(
        random,
        this.kept.filter(({ content, ready }) => ready && content.kind === kind),
      )
      if (!finder || !kept || finder === kept.owner) continue
      kept.content.find(finder, kept.owner, (right, result) => {
        // Who has left, or was leaving a new version meanwhile, is no judge.
        if (nodes.isHere(kept.owner) && kept.ready) this.tallies.get(kind)?.add(right, result)
      })
    }
  }

  private lookForNodes(finder: HonestNode | undefined): void {
    const target = this.town.random.bytes(ID_BYTES)
    finder?.machine.findNode(target, (result) => {
      if (!this.town.nodes.isHere(finder)) return
      this.findNode.add(this.shareFound(target, MAINLINE_K, result, finder) === 1, result)
      this.twenties += this.shareFound(target, K, result, finder)
    })
  }

  /** How many of the truly closest were found; those who have just come or gone may stand among them, or not. */
  private shareFound(
    target: Uint8Array,
    count: number,
    { closest }: FindNodeResult,
    finder: HonestNode,
  ): number {
    const { nodes, clock } = this.town
    const isMature = (node: HonestNode) => node !== finder && clock.now() - node.sinceMs >= MATURE_MS
    const found = new Set(closest.slice(0, count).map(({ address }) => nodes.at(address.host)))
    const counted = [...found].filter((node) => node !== undefined && isMature(node)).length
    const others = Math.min(count, closest.length) - counted
    const truly = nodes.closest(target, count - others, isMature)
    return truly.length === 0 ? 1 : truly.filter((node) => found.has(node)).length / truly.length
  }

  figures(): ChurnFigures {
    const { nodes, clock, wires } = this.town
    const nodeSeconds = (nodes.size * (clock.now() - this.start.ms)) / 1000
    const findNode = this.findNode.figures()
    const tables = nodes.all.reduce((sum, { machine }) => sum + machine.status().nodes.ipv4, 0)
    return {
      nodes: this.options.nodes,
      findNode,
      closestTwentyFound: round(this.twenties / findNode.lookups, 3),
      contents: Object.fromEntries(
        [...this.tallies].map(([kind, tally]) => [kind, tally.figures()]),
      ) as Record<ContentKind, LookupFigures>,
      datagramsPerSecond: round((wires.datagrams - this.start.datagrams) / nodeSeconds, 2),
      bytesPerSecond: round((wires.bytes - this.start.bytes) / nodeSeconds, 0),
      tableSize: round(tables / nodes.size, 0),
    }
  }
}
