import { fraction, type Random } from '../world/random.ts'
import { SELECT } from './constants.ts'
import { mayShareCircuit, type NetworkBits, type PathRelay, relayKey } from './relay.ts'

export type Hops = 1 | 2 | 3

export interface PathRequest {
  /** The relay that we have a link to; always the first hop. */
  readonly entry: PathRelay
  readonly hops: Hops
  readonly relays: readonly PathRelay[]
  readonly networkBits: NetworkBits
  /** A factor in (0, 1] on a relay's weight: reliability. */
  factor(relay: PathRelay): number
  /** Has failed just now: drawn only where nobody else fits. */
  resting?(relay: PathRelay): boolean
  /** As measured from here; undefined if it was not. */
  measured?(relay: PathRelay): number | undefined
  /** Relays of other circuits at hand: used only where there is no other choice, so that one failure does not end all. */
  readonly avoid: readonly PathRelay[]
  /** Guards: set aside before those to avoid, since each is the first hop of all circuits of its link. */
  readonly guards?: readonly PathRelay[]
  /** The last hop, if it is not to be chosen; it need not be an exit then. */
  readonly last?: PathRelay
  readonly random: Random
}

type Test = (relay: PathRelay) => boolean

/**
 * A path of `hops` relays: the entry as given, an exit at the end, no two of one network, family, AS or key, nor two that only
 * one relay vouches for; the exit first, since exits are fewest, then what lies between. Chosen by weight: bandwidth times
 * reliability, no relay above its share. The rule in full: docs/path-selection.md.
 */
export function selectPath(request: PathRequest): PathRelay[] | 'no-exit' | 'no-relay' {
  const { entry, hops, last } = request
  if (hops === 1) return oneHop(request)
  const reachable = last ? [last] : request.relays.filter((relay) => relay.exit !== 'none')
  const exits = reachable.filter((relay) => mayShareCircuit(relay, entry, request.networkBits))
  let left = exits
  while (left.length > 0) {
    const exit = draw(request, preferring(awake(request, left), endsStreams))
    if (exit === undefined) break
    if (hops === 2) return [entry, exit]
    const middle = draw(request, middlesFor(request, exit))
    if (middle) return [entry, middle, exit]
    left = left.filter((relay) => relay !== exit)
  }
  return exits.length === 0 ? 'no-exit' : 'no-relay'
}

function oneHop({ entry, last }: PathRequest): PathRelay[] | 'no-exit' {
  const fits = last ? relayKey(last) === relayKey(entry) : entry.exit !== 'none'
  return fits ? [entry] : 'no-exit'
}

/** Ours before stock peers, which do not repeat what was lost; and exits, which are scarce, only where nobody else can. */
function middlesFor(request: PathRequest, exit: PathRelay): readonly PathRelay[] {
  const { entry, networkBits, relays } = request
  const fits = relays.filter(
    (relay) => mayShareCircuit(relay, entry, networkBits) && mayShareCircuit(relay, exit, networkBits),
  )
  return preferring(choosable(request, preferring(awake(request, fits), isCulvert)), isNoExit)
}

const endsStreams: Test = (relay) => relay.exit === 'stream'
const isCulvert: Test = (relay) => relay.culvert
const isNoExit: Test = (relay) => relay.exit === 'none'

function preferring(relays: readonly PathRelay[], better: Test): readonly PathRelay[] {
  const preferred = relays.filter(better)
  return preferred.length > 0 ? preferred : relays
}

/** Before kind counts: the one Culvert relay that there is may be gone, and would be drawn time and again. */
function awake(request: Pick<PathRequest, 'resting'>, relays: readonly PathRelay[]): readonly PathRelay[] {
  return preferring(relays, (relay) => !request.resting?.(relay))
}

/** Without those set aside, as far as there are others: those that just failed, then guards, then those that serve elsewhere. */
function choosable(
  request: Pick<PathRequest, 'resting' | 'avoid' | 'guards'>,
  relays: readonly PathRelay[],
): readonly PathRelay[] {
  const isNone = (of: readonly PathRelay[]): Test => {
    const keys = new Set(of.map(relayKey))
    return (relay) => !keys.has(relayKey(relay))
  }
  return preferring(preferring(awake(request, relays), isNone(request.guards ?? [])), isNone(request.avoid))
}

/** The weight of a relay before any bound on its share: what it carries, as measured, or else as promised within reason, times how well it served. */
function weightOf(relay: PathRelay, { factor, measured }: Pick<PathRequest, 'factor' | 'measured'>): number {
  const { unknownBytesPerSecond, minBytesPerSecond, maxBytesPerSecond } = SELECT
  const promised = Math.min(relay.bytesPerSecond || unknownBytesPerSecond, unknownBytesPerSecond)
  const rate = measured?.(relay) ?? promised
  return Math.min(Math.max(rate, minBytesPerSecond), maxBytesPerSecond) * factor(relay)
}

/** One of `relays` by chance, each with its weight's share of all, but none with more than `SELECT.maxShares` even ones. */
export function draw(
  request: Pick<PathRequest, 'factor' | 'measured' | 'resting' | 'avoid' | 'guards' | 'random'>,
  fitting: readonly PathRelay[],
): PathRelay | undefined {
  // Before the bound, lest relays that are set aside take what the bound takes from others.
  const relays = choosable(request, fitting)
  const weights = capped(relays.map((relay) => weightOf(relay, request)))
  let point = fraction(request.random) * weights.reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < relays.length; i++) {
    point -= weights[i] as number
    if (point < 0) return relays[i]
  }
  return relays.at(-1)
}

/**
 * Weights with none above `maxShares` times the even share of what they sum up to in the end. The heaviest are cut to a common
 * level: with k of n cut and a sum S of the others, level = c S / (1 - k c) where c is the largest share allowed.
 */
export function capped(weights: readonly number[], maxShares: number = SELECT.maxShares): number[] {
  const largest = maxShares / weights.length
  if (largest >= 1) return [...weights]
  const sorted = [...weights].sort((a, b) => b - a)
  let rest = sorted.reduce((sum, weight) => sum + weight, 0)
  for (let k = 0; k * largest < 1; k++) {
    const level = (largest * rest) / (1 - k * largest)
    if ((sorted[k] as number) <= level) return weights.map((weight) => Math.min(weight, level))
    rest -= sorted[k] as number
  }
  return [...weights]
}
