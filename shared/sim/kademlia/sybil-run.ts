import type { IpAddress } from '../../bytes/address.ts'
import type { FindNodeResult } from '../../kademlia/api.ts'
import { CONTENT_KINDS, type ContentKind, makeContent } from './contents.ts'
import { type DhtTown, type DhtTownOptions, settledTown } from './dht-town.ts'
import { type LookupFigures, LookupTally, round } from './lookup-figures.ts'
import { type SybilIds, SybilRing } from './sybils.ts'

/** How the hostile nodes of some trials are. */
export interface SybilCase {
  /** Share of all nodes that are hostile, all of them around the one target that is looked for. */
  readonly share: number
  readonly ids: SybilIds
  /** Hostile nodes in one /24. */
  readonly perNetwork: number
}

/** `nodes`: the honest ones. */
export interface SybilRunOptions extends DhtTownOptions {
  /** One after the other, with the same honest nodes. */
  readonly cases: readonly SybilCase[]
  /** Targets of each case, one after the other; for each the hostile nodes come anew. */
  readonly trials: number
  /** Of each target. */
  readonly lookups: number
  /** The ring has so long to enter tables, before anything is stored; 5 minutes. */
  readonly siegeMs?: number
}

export interface SybilFigures {
  readonly nodes: number
  readonly sybils: number
  readonly ids: SybilIds
  readonly perNetwork: number
  readonly all: { readonly lookups: number; readonly correct: number; readonly share: number }
  readonly contents: Readonly<Record<ContentKind, LookupFigures>>
  /** Share of hostile nodes among the closest that lookups ended with. */
  readonly hostileAmongClosest: number
}

const SIEGE_MS = 5 * 60_000
const STORING_MS = 20_000
const PAUSE_MS = 20_000
const LOOKUP_EACH_MS = 250
const MATURE_MS = 120_000
const CLOSEST_MS = 60_000

/** Lookups for what was left where hostile nodes stand around it: figures of each case. */
export function simulateSybils(
  options: SybilRunOptions,
  progress?: (done: string, figures?: readonly SybilFigures[]) => void,
): SybilFigures[] {
  const town = settledTown(options, (minutes) => progress?.(`${minutes} min`))
  const done: SybilFigures[] = []
  for (const each of options.cases) {
    const tally = new CaseTally(each, options.nodes)
    for (let trial = 0; trial < options.trials; trial++) {
      const kind = CONTENT_KINDS[trial % CONTENT_KINDS.length] as ContentKind
      besiege(town, options, tally, kind)
      progress?.(`${each.share} ${each.ids}, target ${trial + 1}`, [...done, tally.figures()])
    }
    done.push(tally.figures())
  }
  return done
}

/** What the trials of one case came to. */
class CaseTally {
  readonly case: SybilCase
  readonly sybils: number
  private readonly honest: number
  private readonly tallies = new Map(CONTENT_KINDS.map((kind) => [kind, new LookupTally()]))
  private closest = 0
  private hostile = 0

  constructor(each: SybilCase, honest: number) {
    this.case = each
    this.honest = honest
    this.sybils = Math.round((honest * each.share) / (1 - each.share))
  }

  judge(kind: ContentKind, right: boolean, result: FindNodeResult, ring: SybilRing): void {
    this.tallies.get(kind)?.add(right, result)
    this.closest += result.closest.length
    this.hostile += ring.among(result.closest)
  }

  figures(): SybilFigures {
    const contents = Object.fromEntries([...this.tallies].map(([kind, tally]) => [kind, tally.figures()]))
    const all = Object.values(contents)
    const lookups = all.reduce((sum, each) => sum + each.lookups, 0)
    const correct = all.reduce((sum, each) => sum + each.correct, 0)
    return {
      nodes: this.honest + this.sybils,
      sybils: this.sybils,
      ids: this.case.ids,
      perNetwork: this.case.perNetwork,
      all: { lookups, correct, share: round(correct / lookups, 4) },
      contents: contents as Record<ContentKind, LookupFigures>,
      hostileAmongClosest: round(this.hostile / this.closest, 3),
    }
  }
}

/** One target: the ring comes, somebody leaves something, others look for it. */
function besiege(
  town: DhtTown,
  { lookups, siegeMs }: SybilRunOptions,
  tally: CaseTally,
  kind: ContentKind,
): void {
  const { clock, random, wires, nodes } = town
  const content = makeContent(kind, random)
  const { target } = content
  const honest = closestFirst(town, target)
  const ring = new SybilRing({
    clock,
    random,
    wires,
    count: tally.sybils,
    ids: tally.case.ids,
    perNetwork: tally.case.perNetwork,
    target,
    honest,
  })
  clock.advance(siegeMs ?? SIEGE_MS)
  const owner = nodes.anyone(MATURE_MS)
  if (owner) {
    // Of what has versions the ring has seen the first.
    for (let version = 0; version < (kind === 'mutable' ? 2 : 1); version++) {
      content.leave(owner, () => undefined)
      clock.advance(STORING_MS)
    }
    for (let i = 0; i < lookups; i++) {
      const finder = nodes.anyone(MATURE_MS)
      if (finder && finder !== owner) {
        content.find(finder, owner, (right, result) => {
          if (nodes.isHere(owner)) tally.judge(kind, right, result, ring)
        })
      }
      clock.advance(LOOKUP_EACH_MS)
    }
    clock.advance(PAUSE_MS)
  }
  ring.leave()
  clock.advance(PAUSE_MS)
}

/** Addresses of honest nodes by distance from the target, looked up anew each minute. */
function closestFirst({ nodes, clock }: DhtTown, target: Uint8Array): () => readonly IpAddress[] {
  let known: readonly IpAddress[] = []
  let sinceMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.now() - sinceMs >= CLOSEST_MS) {
      known = nodes.byDistance(target).map(({ place }) => place.address)
      sinceMs = clock.now()
    }
    return known
  }
}
