import { fraction, type Random } from '../world/random.ts'
import { SELECT } from './constants.ts'
import { type NetworkBits, type PathRelay, relayKey } from './relay.ts'
import { fairShares } from './shares.ts'

/** What a relay is drawn by. */
export interface DrawRequest {
  readonly networkBits: NetworkBits
  /** A factor in (0, 1] on a relay's weight: reliability. */
  factor(relay: PathRelay): number
  /** Has failed just now: drawn only where nobody else fits. */
  resting?(relay: PathRelay): boolean
  /** As measured from here; undefined if it was not. */
  measured?(relay: PathRelay): number | undefined
  /** Relays of other circuits at hand: used only where there is no other choice, so that one failure does not end all. */
  readonly avoid: readonly PathRelay[]
  /** Set aside after those, where there are still others. */
  readonly alsoAvoid?: readonly PathRelay[]
  /** Guards: set aside before those to avoid, since each is the first hop of all circuits of its link. */
  readonly guards?: readonly PathRelay[]
  readonly random: Random
}

export type Test = (relay: PathRelay) => boolean

/** Those that are `better`, or all where none is. */
export function preferring(relays: readonly PathRelay[], better: Test): readonly PathRelay[] {
  const preferred = relays.filter(better)
  return preferred.length > 0 ? preferred : relays
}

const isSound: Test = ({ standing }) => standing !== 'suspect'

/**
 * Those that are not suspected of anything, and of these those that have not just failed. Before kind counts: the one Culvert
 * relay that there is may be gone, and would be drawn time and again.
 */
export function serving(
  request: Pick<DrawRequest, 'resting'>,
  relays: readonly PathRelay[],
): readonly PathRelay[] {
  return preferring(preferring(relays, isSound), (relay) => !request.resting?.(relay))
}

/** Without those set aside, as far as there are others: those not serving, then guards, then those to avoid. */
export function choosable(
  request: Pick<DrawRequest, 'resting' | 'avoid' | 'alsoAvoid' | 'guards'>,
  relays: readonly PathRelay[],
): readonly PathRelay[] {
  const isNone = (of: readonly PathRelay[]): Test => {
    const keys = new Set(of.map(relayKey))
    return (relay) => !keys.has(relayKey(relay))
  }
  const { guards = [], avoid, alsoAvoid = [] } = request
  let left = serving(request, relays)
  for (const aside of [guards, avoid, alsoAvoid]) left = preferring(left, isNone(aside))
  return left
}

/**
 * The weight of a relay before any bound on its share: what it carries, as measured, or else as promised within reason, times
 * how well it served, times how far it is trusted.
 */
function weightOf(relay: PathRelay, { factor, measured }: DrawRequest): number {
  const { unknownBytesPerSecond, minBytesPerSecond, maxBytesPerSecond, minTrust } = SELECT
  const promised = Math.min(relay.bytesPerSecond || unknownBytesPerSecond, unknownBytesPerSecond)
  const rate = measured?.(relay) ?? promised
  const trust = Math.max(minTrust, relay.trust ?? 1)
  return Math.min(Math.max(rate, minBytesPerSecond), maxBytesPerSecond) * factor(relay) * trust
}

/** One of `relays` by chance, each with its weight's share of all, within the bounds of `fairShares`. */
export function draw(request: DrawRequest, fitting: readonly PathRelay[]): PathRelay | undefined {
  // Before the bound, lest relays that are set aside take what the bound takes from others.
  const relays = choosable(request, fitting)
  const raw = relays.map((relay) => weightOf(relay, request))
  const weights = fairShares(relays, raw, request.networkBits)
  let point = fraction(request.random) * weights.reduce((sum, weight) => sum + weight, 0)
  for (let i = 0; i < relays.length; i++) {
    point -= weights[i] as number
    if (point < 0) return relays[i]
  }
  return relays.at(-1)
}
