import { distanceKm } from '../geo/distance.ts'
import type { GeoPoint } from '../geo/geo.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { below } from '../world/random.ts'
import { draw } from './draw.ts'
import { type Nearness, nearness } from './near.ts'
import { mayShareCircuit, NETWORK_BITS, type PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { selectPath } from './select.ts'
import { capped, fairShares } from './shares.ts'

/** What the relays of one owner have in common, and so gives them away. */
export type Crowd =
  | 'one network'
  | 'one system, twenty networks'
  | 'one family'
  | 'nothing, unproven'
  | 'nothing'

export const CROWDS: readonly Crowd[] = [
  'one network',
  'one system, twenty networks',
  'one family',
  'nothing, unproven',
  'nothing',
]

/** Where the honest relays of the model are: about as those of Tor, in percent. */
const COUNTRIES: readonly (readonly [country: string, percent: number])[] = [
  ...([
    ['DE', 28],
    ['US', 18],
    ['NL', 12],
    ['FR', 8],
    ['FI', 5],
    ['SE', 5],
    ['CH', 4],
    ['GB', 4],
    ['AT', 3],
  ] as const),
  ...([
    ['PL', 3],
    ['CA', 3],
    ['RO', 2],
    ['LU', 1],
    ['SG', 1],
    ['JP', 1],
    ['AU', 1],
    ['BR', 1],
  ] as const),
]

function countryOf(place: number): string {
  let left = place
  for (const [country, percent] of COUNTRIES) {
    left -= percent
    if (left < 0) return country
  }
  return 'DE'
}

/** Three hundred relays: a quarter exits, a third of them in five large systems, a tenth in families of three. */
export function honestRelays(): PathRelay[] {
  const random = new SeededRandom(21)
  return Array.from({ length: 300 }, (_, i) =>
    testRelay(`h${i}`, `${20 + (i % 5)}.${below(random, 250)}.0.${i % 250}`, {
      as: i % 3 === 0 ? 1 + (i % 5) : 1_000 + below(random, 90),
      family: i % 10 === 0 ? `f${Math.floor(i / 30)}` : '',
      exit: i % 4 === 0 ? 'stream' : 'none',
      standing: 'trusted',
      country: countryOf(below(random, 100)),
    }),
  )
}

/** As many of one owner, each as fast as the others, a quarter of them exits. */
export function sybils(count: number, crowd: Crowd): PathRelay[] {
  return Array.from({ length: count }, (_, i) =>
    testRelay(`s${i}`, `${120 + (i >> 7)}.${i & 127}.0.1`, {
      as: 50_000 + i,
      exit: i % 4 === 0 ? 'stream' : 'none',
      standing: 'trusted',
      country: 'DE',
      ...inCommon(crowd, i),
    }),
  )
}

function inCommon(crowd: Crowd, i: number): Partial<PathRelay> {
  const at = (host: string) => ({ kind: 'ipv4', host, port: 7_759 }) as const
  switch (crowd) {
    case 'one network':
      return { address: at(`120.1.0.${i}`) }
    case 'one system, twenty networks':
      return { address: at(`120.${i % 20}.0.${i}`), as: 50_000 }
    case 'one family':
      return { family: 'theirs' }
    case 'nothing, unproven':
      return { standing: 'unproven' }
    case 'nothing':
      return {}
  }
}

export interface Capture {
  /** Of 1: how often one of his is drawn as guard, as exit, and as both of one circuit. */
  readonly guard: number
  readonly exit: number
  readonly bothEnds: number
}

/** Each relay's chance, of 1. */
type Rule = (relays: readonly PathRelay[], factor: (relay: PathRelay) => number) => readonly number[]

const chances = (weights: readonly number[]): number[] => {
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / all)
}

export const RULES = {
  /** Every relay by itself, none above two even shares. */
  'relays alone': (relays, factor) => chances(capped(relays.map(factor))),
  /** Those of one network, system, family, and the unproven, together as well. */
  together: (relays, factor) => chances(fairShares(relays, relays.map(factor), NETWORK_BITS)),
} as const satisfies Record<string, Rule>

/** Exact, over all guards and exits; `near` as for `selectPath`. */
export function captured(
  honest: readonly PathRelay[],
  bad: readonly PathRelay[],
  rule: Rule,
  near?: Nearness,
): Capture {
  const isBad = new Set(bad)
  const all = [...honest, ...bad]
  const guards = all.filter((relay) => relay.exit === 'none')
  const exits = all.filter((relay) => relay.exit !== 'none')
  const gained = { guard: 0, exit: 0, bothEnds: 0 }
  const ofGuards = rule(guards, () => 1)
  for (const [i, guard] of guards.entries()) {
    const fits = exits.filter((exit) => mayShareCircuit(exit, guard, NETWORK_BITS))
    const ofExits = rule(fits, (exit) => near?.(exit, guard) ?? 1)
    const chance = ofGuards[i] as number
    const badExit = ofExits.reduce((sum, each, n) => sum + (isBad.has(fits[n] as PathRelay) ? each : 0), 0)
    gained.exit += chance * badExit
    if (!isBad.has(guard)) continue
    gained.guard += chance
    gained.bothEnds += chance * badExit
  }
  return gained
}

export interface Nearby {
  /** From the guard to the middle to the exit, kilometres between the middles of countries. */
  readonly km: number
  /** Of 1: guard and exit in one country, where one observer may see both ends. */
  readonly oneCountry: number
  /** So many exits, drawn evenly, would be as hard to guess for who knows the guard (two to the entropy). */
  readonly exits: number
}

/** What near-first gives and takes, over so many circuits. */
export function nearby(
  relays: readonly PathRelay[],
  centre: (country: string) => GeoPoint | undefined,
  isNear: boolean,
  circuits: number,
): Nearby {
  const random = new SeededRandom(5)
  const near = isNear ? nearness({ centre }) : undefined
  const rule = { factor: () => 1, avoid: [], random, networkBits: NETWORK_BITS }
  const wishes = { refused: () => false, near }
  const plain = relays.filter((relay) => relay.exit === 'none')
  const exits = relays.filter((relay) => relay.exit !== 'none')
  const total = { km: 0, oneCountry: 0, entropy: 0 }
  const point = ({ country }: PathRelay) => (country && centre(country)) || { latitude: 0, longitude: 0 }
  for (let i = 0; i < circuits; i++) {
    const entry = draw(rule, plain) as PathRelay
    const path = selectPath({ ...rule, entry, hops: 3, relays, wishes })
    if (typeof path === 'string') continue
    const [guard, middle, exit] = path as [PathRelay, PathRelay, PathRelay]
    total.km += distanceKm(point(guard), point(middle)) + distanceKm(point(middle), point(exit))
    if (guard.country === exit.country) total.oneCountry++
    const fits = exits.filter((each) => mayShareCircuit(each, guard, NETWORK_BITS))
    const ofExits = RULES.together(fits, (each) => near?.(each, guard) ?? 1)
    total.entropy -= ofExits.reduce((sum, chance) => sum + chance * Math.log2(chance), 0)
  }
  return {
    km: total.km / circuits,
    oneCountry: total.oneCountry / circuits,
    exits: 2 ** (total.entropy / circuits),
  }
}
