import { SELECT, SHARES } from './constants.ts'
import { type NetworkBits, networkOfRelay, type PathRelay } from './relay.ts'

/**
 * Weights with no group above `ceiling` of what all sum up to in the end. The heaviest groups are cut to a common level: with k
 * of them cut and a sum S of all else, level = c S / (1 - k c) where c is the ceiling. Where all would have to be cut, nothing
 * is: there is nobody else to take it.
 * @param groups of each weight; undefined for what is of no group, and is never cut
 */
export function limited(
  weights: readonly number[],
  groups: readonly unknown[],
  ceiling: number,
): readonly number[] {
  if (ceiling >= 1) return weights
  const totals = new Map<unknown, number>()
  let rest = 0
  for (let i = 0; i < weights.length; i++) {
    const [weight, group] = [weights[i] as number, groups[i]]
    rest += weight
    if (group !== undefined) totals.set(group, (totals.get(group) ?? 0) + weight)
  }
  const sorted = [...totals.values()].sort((a, b) => b - a)
  for (let k = 0; k * ceiling < 1; k++) {
    const level = (ceiling * rest) / (1 - k * ceiling)
    const largest = sorted[k] ?? 0
    if (largest <= level) return k === 0 ? weights : cutTo(level, weights, groups, totals)
    rest -= largest
    // What is left of a sum after all of it was taken away: rounding, not weight.
    if (rest <= 1e-9 * largest) return weights
  }
  return weights
}

function cutTo(
  level: number,
  weights: readonly number[],
  groups: readonly unknown[],
  totals: ReadonlyMap<unknown, number>,
): number[] {
  return weights.map((weight, i) => {
    const total = totals.get(groups[i])
    return total === undefined || total <= level ? weight : (weight * level) / total
  })
}

/** Weights with none above `maxShares` times the even share of what they sum up to in the end. */
export function capped(weights: readonly number[], maxShares: number = SELECT.maxShares): readonly number[] {
  return limited(weights, [...weights.keys()], maxShares / weights.length)
}

/**
 * Weights such that nobody is drawn too often by being many (Sybil defence, issue 4): not relays of one network (/16 or /32),
 * one autonomous system or one family together, not those whose worth nobody has seen, and no relay above its share of its
 * network's. The bounds of networks hold to the letter; those of systems and families as far as they leave networks alone.
 */
export function fairShares(
  relays: readonly PathRelay[],
  weights: readonly number[],
  bits: NetworkBits,
): readonly number[] {
  const networks = relays.map((relay) => networkOfRelay(relay, bits))
  const unproven = relays.map(({ standing }) => (standing === 'unproven' ? standing : undefined))
  const counts = unproven.map((each) => each === undefined)
  const bounds: Bound[] = [
    { groups: unproven, ceiling: unprovenShare(new Set(networks.filter((_, i) => counts[i])).size) },
    bound(relays.map(familyOf), counts, SHARES.family),
    bound(relays.map(systemOf), counts, SHARES.system),
    bound(networks, counts, SHARES.network),
  ].filter(({ ceiling }) => ceiling < 1)
  let fair = withinNetworks(weights, networks)
  // What is taken from one kind of group falls to groups of others: again, for what came above its bound by that.
  for (let pass = 0; pass < SHARES.passes; pass++) {
    for (const { groups, ceiling } of bounds) fair = limited(fair, groups, ceiling)
  }
  return fair
}

/** Few proven networks do not get nearly everything for being the first. */
const unprovenShare = (provenNetworks: number) =>
  Math.max(SHARES.unproven, 1 - provenNetworks * SHARES.provenNetwork)

interface Bound {
  readonly groups: readonly unknown[]
  readonly ceiling: number
}

/**
 * Twice an even share of as many groups as there are, or `least` where they are very many. Who is in none is one by himself.
 * @param counts whose groups count: those that are not proven make nobody's share smaller, unless there are no others
 */
function bound(
  groups: readonly (string | number | undefined)[],
  counts: readonly boolean[],
  least: number,
): Bound {
  const counted = counts.includes(true) ? groups.filter((_, i) => counts[i]) : groups
  const alone = counted.filter((group) => group === undefined).length
  const count = new Set(counted).size + (alone > 0 ? alone - 1 : 0)
  return { groups, ceiling: Math.max(least, SELECT.maxShares / count) }
}

const familyOf = ({ family }: PathRelay) => (family === '' ? undefined : family)
const systemOf = ({ as }: PathRelay) => as

/** Relays of one network share what it gets: none of them takes above twice an even share of that. */
function withinNetworks(weights: readonly number[], networks: readonly string[]): readonly number[] {
  const members = new Map<string, number[]>()
  for (const [i, network] of networks.entries()) {
    const known = members.get(network)
    if (known) known.push(i)
    else members.set(network, [i])
  }
  const fair = [...weights]
  for (const places of members.values()) {
    if (places.length <= SELECT.maxShares) continue
    const cut = capped(places.map((i) => weights[i] as number))
    for (const [n, i] of places.entries()) fair[i] = cut[n] as number
  }
  return fair
}
