/** Outlines of the world from Natural Earth's data, which the package world-atlas carries. Used when the project is built. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Feature, feature, type Ring, type Topology } from 'topojson-client'

export type { Ring }

function features(object: 'land' | 'countries'): readonly Feature[] {
  const path = fileURLToPath(new URL(`../node_modules/world-atlas/${object}-50m.json`, import.meta.url))
  const topology = JSON.parse(readFileSync(path, 'utf8')) as Topology
  return feature(topology, topology.objects[object]).features
}

const polygonsOf = ({ geometry }: Feature): readonly (readonly Ring[])[] =>
  geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates

/** Every coast within 180 degrees of Greenwich: the outer ring of an island or continent, and the rings of seas within. */
export function coasts(): readonly Ring[] {
  const rings = features('land').flatMap((land) => polygonsOf(land).flat())
  return rings.flatMap((ring) => cutAtDateLine(unwrapped(ring)))
}

export interface Outline {
  /** ISO 3166-1 numeric, three digits; a few places have none. */
  readonly id: string | undefined
  readonly name: string
  /** The outer ring of each part; longitudes go beyond 180 degrees rather than jump. */
  readonly parts: readonly Ring[]
}

export function countries(): readonly Outline[] {
  return features('countries').map((country) => ({
    id: country.id,
    name: country.properties.name,
    parts: polygonsOf(country).map(([outer]) => unwrapped(outer ?? [])),
  }))
}

/** With longitudes that go on beyond 180 degrees where the ring crosses the date line. */
function unwrapped(ring: Ring): Ring {
  let turn = 0
  return ring.map(([longitude, latitude], i) => {
    const before = ring[i - 1]?.[0] ?? longitude
    if (longitude - before > 180) turn -= 360
    if (before - longitude > 180) turn += 360
    return [longitude + turn, latitude]
  })
}

function cutAtDateLine(ring: Ring): readonly Ring[] {
  return [-360, 0, 360].flatMap((turn) => {
    const turned: Ring = ring.map(([longitude, latitude]) => [longitude + turn, latitude])
    const part = cut(cut(turned, -180, 1), 180, -1)
    return part.length < 3 ? [] : [part]
  })
}

/** What of a ring lies on one side of a meridian (Sutherland and Hodgman 1974). @param side 1 for the east of it, -1 for the west */
function cut(ring: Ring, meridian: number, side: 1 | -1): Ring {
  const isKept = (longitude: number) => (longitude - meridian) * side >= 0
  return ring.flatMap((point, i) => {
    const before = ring.at(i - 1) ?? point
    const kept = isKept(point[0]) ? [point] : []
    if (isKept(before[0]) === isKept(point[0])) return kept
    const share = (meridian - before[0]) / (point[0] - before[0])
    return [[meridian, before[1] + share * (point[1] - before[1])] as const, ...kept]
  })
}
