import type { IpAddress } from '../../bytes/address.ts'
import { CONTENT_KINDS, type ContentKind, makeContent } from './contents.ts'
import { type DhtTown, type DhtTownOptions, settledTown } from './dht-town.ts'
import { type LookupFigures, LookupTally, round } from './lookup-figures.ts'
import { type SybilIds, SybilRing } from './sybils.ts'

export interface SybilRunOptions extends Omit<DhtTownOptions, 'nodes'> {
  /** Of all, the hostile ones with them. */
  readonly nodes: number
  /** Share of the nodes that are hostile, all of them around the one target that is looked for. */
  readonly share: number
  readonly ids: SybilIds
  /** Hostile nodes in one /24. */
  readonly perNetwork: number
  /** Targets, one after the other; for each the hostile nodes come anew. */
  readonly trials: number
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

/** Lookups for what was left where hostile nodes stand around it. */
export function simulateSybils(
  options: SybilRunOptions,
  progress?: (done: string, figures?: SybilFigures) => void,
): SybilFigures {
  const sybils = Math.round(options.share * options.nodes)
  const town = settledTown({ ...options, nodes: options.nodes - sybils }, (minutes) =>
    progress?.(`${minutes} min`),
  )
  const tallies = new Map(CONTENT_KINDS.map((kind) => [kind, new LookupTally()]))
  const closest = { all: 0, hostile: 0 }
  const figures = (): SybilFigures => {
    const contents = Object.fromEntries([...tallies].map(([kind, tally]) => [kind, tally.figures()]))
    const all = Object.values(contents)
    const lookups = all.reduce((sum, each) => sum + each.lookups, 0)
    const correct = all.reduce((sum, each) => sum + each.correct, 0)
    return {
      nodes: options.nodes,
      sybils,
      ids: options.ids,
      perNetwork: options.perNetwork,
      all: { lookups, correct, share: round(correct / lookups, 4) },
      contents: contents as Record<ContentKind, LookupFigures>,
      hostileAmongClosest: round(closest.hostile / closest.all, 3),
    }
  }
  for (let trial = 0; trial < options.trials; trial++) {
    const kind = CONTENT_KINDS[trial % CONTENT_KINDS.length] as ContentKind
    besiege(town, options, sybils, kind, (right, result, ring) => {
      tallies.get(kind)?.add(right, result)
      closest.all += result.closest.length
      closest.hostile += ring.among(result.closest)
    })
    progress?.(`target ${trial + 1}`, figures())
  }
  return figures()
}

/** One target: the ring comes, somebody leaves something, others look for it. */
function besiege(
  town: DhtTown,
  { ids, perNetwork, lookups, siegeMs }: SybilRunOptions,
  count: number,
  kind: ContentKind,
  judged: (
    right: boolean,
    result: Parameters<Parameters<ReturnType<typeof makeContent>['find']>[2]>[1],
    ring: SybilRing,
  ) => void,
): void {
  const { clock, random, wires, nodes } = town
  const content = makeContent(kind, random)
  const { target } = content
  const honest = closestFirst(town, target)
  const ring = new SybilRing({ clock, random, wires, count, ids, perNetwork, target, honest })
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
          if (nodes.isHere(owner)) judged(right, result, ring)
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
