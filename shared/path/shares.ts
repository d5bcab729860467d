import { SELECT, SHARES } from './constants.ts'
import { type NetworkBits, networkOfRelay, type PathRelay } from './relay.ts'

/** Of each weight the number of its group, from 0; -1 for what is of no group, and is never cut. */
interface Grouping {
  readonly of: Int32Array
  readonly count: number
}

type Group = string | number | undefined

function grouping(groups: readonly Group[]): Grouping {
  const numbers = new Map<Group, number>()
  const of = new Int32Array(groups.length)
  for (const [i, group] of groups.entries()) {
    let number = group === undefined ? -1 : numbers.get(group)
    if (number === undefined) {
      number = numbers.size
      numbers.set(group, number)
    }
    of[i] = number
  }
  return { of, count: numbers.size }
}

const eachAlone = (count: number): Grouping => ({
  of: Int32Array.from({ length: count }, (_, i) => i),
  count,
})

/**
 * Cuts the heaviest groups to a common level, so that none is above `ceiling` of what all sum up to in the end: with k of them
 * cut and a sum S of all else, level = c S / (1 - k c) where c is the ceiling. Where all would have to be cut, nothing is: there
 * is nobody else to take it.
 */
function cut(weights: Float64Array, { of, count }: Grouping, ceiling: number): void {
  const totals = new Float64Array(count)
  let [rest, most] = [0, 0]
  for (let i = 0; i < weights.length; i++) {
    const [weight, group] = [weights[i] as number, of[i] as number]
    rest += weight
    if (group < 0) continue
    const total = (totals[group] as number) + weight
    totals[group] = total
    if (total > most) most = total
  }
  if (most <= ceiling * rest) return
  const sorted = totals.slice().sort().reverse()
  for (let k = 0; k * ceiling < 1; k++) {
    const level = (ceiling * rest) / (1 - k * ceiling)
    const largest = sorted[k] ?? 0
    if (largest <= level) {
      cutTo(level, weights, of, totals)
      return
    }
    rest -= largest
    // What is left of a sum after all of it was taken away: rounding, not weight.
    if (rest <= 1e-9 * largest) return
  }
}

function cutTo(level: number, weights: Float64Array, of: Int32Array, totals: Float64Array): void {
  for (let i = 0; i < weights.length; i++) {
    const total = totals[of[i] as number] ?? 0
    if (total > level) weights[i] = ((weights[i] as number) * level) / total
  }
}

/** Weights with no group above `ceiling` of what all sum up to in the end. @param groups undefined for what is of none */
export function limited(weights: readonly number[], groups: readonly Group[], ceiling: number): number[] {
  const fair = Float64Array.from(weights)
  if (ceiling < 1) cut(fair, grouping(groups), ceiling)
  return [...fair]
}

/** Weights with none above `maxShares` times the even share of what they sum up to in the end. */
export function capped(weights: readonly number[], maxShares: number = SELECT.maxShares): number[] {
  const fair = Float64Array.from(weights)
  if (maxShares < weights.length) cut(fair, eachAlone(weights.length), maxShares / weights.length)
  return [...fair]
}

/**
 * Weights such that nobody is drawn too often by being many (Sybil defence, issue 4): not relays of one network (/16 or /32),
 * one autonomous system or one family together, nor those whose worth nobody has seen; and such that no relay is above twice
 * an even share of its network's, nor of all that there are, where those that are cut count for what is left of them. The
 * bound on relays holds to the letter, those on groups as far as they leave it alone.
 */
export function fairShares(
  relays: readonly PathRelay[],
  weights: readonly number[],
  bits: NetworkBits,
): readonly number[] {
  const networks = relays.map((relay) => networkOfRelay(relay, bits))
  const ofNetworks = grouping(networks)
  const bounds = [...boundsOnOwners(relays, networks)]
  // How many there are is seen with even weights: a crowd that is cut makes the share of others no smaller.
  const even = new Float64Array(relays.length).fill(1)
  cutAll(even, bounds)
  const { network, passes } = SHARES
  bounds.push({
    grouping: ofNetworks,
    ceiling: Math.max(network, SELECT.maxShares / networksIn(even, ofNetworks)),
  })
  cutAll(even, bounds)
  const left = even.reduce((sum, each) => sum + each, 0)
  bounds.push({ grouping: eachAlone(relays.length), ceiling: SELECT.maxShares / left })
  const fair = withinNetworks(weights, ofNetworks)
  // What is taken from one kind of group falls to groups of others: again, for what came above its bound by that.
  for (let pass = 0; pass < passes; pass++) cutAll(fair, bounds)
  return [...fair]
}

interface Bound {
  readonly grouping: Grouping
  readonly ceiling: number
}

function cutAll(weights: Float64Array, bounds: readonly Bound[]): void {
  for (const { grouping: groups, ceiling } of bounds) if (ceiling < 1) cut(weights, groups, ceiling)
}

/** On those that are not proven, on families and on systems. */
function boundsOnOwners(relays: readonly PathRelay[], networks: readonly string[]): readonly Bound[] {
  const { unproven, provenNetwork, family, system } = SHARES
  const isProven = relays.map(({ standing }) => standing !== 'unproven')
  // Few that are proven do not get nearly everything for being the first.
  const toUnproven = Math.max(unproven, 1 - countOf(networks, isProven) * provenNetwork)
  // Those that are not proven make nobody's share smaller, unless there are no others.
  const counts = isProven.includes(true) ? isProven : relays.map(() => true)
  const owners = [
    [relays.map(familyOf), family],
    [relays.map(systemOf), system],
  ] as const
  return [
    bound(
      isProven.map((proven) => (proven ? undefined : 0)),
      toUnproven,
    ),
    ...owners.map(([groups, least]) =>
      bound(groups, Math.max(least, SELECT.maxShares / countOf(groups, counts))),
    ),
  ]
}

/** How many networks there are, those that are cut counted for what is left of them. */
function networksIn(even: Float64Array, { of, count }: Grouping): number {
  const most = new Float64Array(count)
  for (const [i, network] of of.entries()) most[network] = Math.max(most[network] ?? 0, even[i] ?? 0)
  return most.reduce((sum, each) => sum + each, 0)
}

const familyOf = ({ family }: PathRelay) => (family === '' ? undefined : family)
const systemOf = ({ as }: PathRelay) => as
const bound = (groups: readonly Group[], ceiling: number) => ({ grouping: grouping(groups), ceiling })

/** How many groups there are among those that count. Who is in none is one by himself. */
function countOf(groups: readonly Group[], counts: readonly boolean[]): number {
  const found = new Set<Group>()
  let alone = 0
  for (const [i, group] of groups.entries()) {
    if (!counts[i]) continue
    if (group === undefined) alone++
    else found.add(group)
  }
  return found.size + alone
}

/** Relays of one network share what it gets: none of them takes above twice an even share of that. */
function withinNetworks(weights: readonly number[], { of, count }: Grouping): Float64Array {
  const fair = Float64Array.from(weights)
  if (count === fair.length) return fair
  const members = Array.from({ length: count }, (): number[] => [])
  for (const [i, network] of of.entries()) members[network]?.push(i)
  for (const places of members) {
    if (places.length <= SELECT.maxShares) continue
    const share = capped(places.map((i) => weights[i] as number))
    for (const [n, i] of places.entries()) fair[i] = share[n] as number
  }
  return fair
}
