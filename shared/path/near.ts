import { distanceKm } from '../geo/distance.ts'
import type { Geo } from '../geo/geo.ts'
import { NEAR } from './constants.ts'

/** A factor in (0, 1] on the weight of a hop, by how far it is from the one beside it. */
export type Nearness = (relay: Somewhere, beside: Somewhere) => number

/** A country as `PathRelay` names it. */
interface Somewhere {
  readonly country?: string | undefined
}

/** By the middles of their countries: half the weight at `NEAR.halfWeightKm`, and what lies nowhere as if it lay far away. */
export function nearness(geo: Pick<Geo, 'centre'>): Nearness {
  const known = new Map<string, number>()
  return ({ country: a }, { country: b }) => {
    if (a === undefined || b === undefined) return factorOf(NEAR.unknownKm)
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    let factor = known.get(key)
    if (factor === undefined) {
      const [from, to] = [geo.centre(a), geo.centre(b)]
      factor = factorOf(from && to ? distanceKm(from, to) : NEAR.unknownKm)
      known.set(key, factor)
    }
    return factor
  }
}

const factorOf = (km: number) => NEAR.halfWeightKm / (NEAR.halfWeightKm + km)
