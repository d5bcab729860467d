/** The middle of each country, to place a dot on a map and to measure how far countries are apart. */
import iso from 'i18n-iso-countries'
import type { GeoPoint } from '../shared/geo/geo.ts'
import { countries, type Ring } from './natural-earth.ts'

/** Natural Earth counts these among others, or draws them without a code: degrees north and east. */
const MORE: Readonly<Record<string, readonly [latitude: number, longitude: number]>> = {
  BQ: [12.2, -68.3],
  BV: [-54.4, 3.4],
  CC: [-12.2, 96.8],
  CX: [-10.5, 105.6],
  GF: [4, -53.1],
  GI: [36.1, -5.4],
  GP: [16.2, -61.5],
  MQ: [14.6, -61],
  RE: [-21.1, 55.5],
  SJ: [78.7, 16],
  TK: [-9.2, -171.8],
  TV: [-8.5, 179.2],
  UM: [19.3, 166.6],
  XK: [42.6, 20.9],
  YT: [-12.8, 45.2],
}

/** By ISO 3166-1 alpha-2 code, in the order of codes: the middle of the largest part, so that France lies in Europe. */
export function countryCentres(): ReadonlyMap<string, GeoPoint> {
  const centres: [string, GeoPoint][] = Object.entries(MORE).map(([code, [latitude, longitude]]) => [
    code,
    { latitude, longitude },
  ])
  const placed = new Set(Object.keys(MORE))
  for (const { id, parts } of countries()) {
    const code = id && iso.numericToAlpha2(id)
    if (!code || placed.has(code)) continue
    placed.add(code)
    const middles = parts.map(middleOf)
    const largest = middles.reduce((a, b) => (b.area > a.area ? b : a))
    centres.push([code, largest.point])
  }
  return new Map(centres.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Centroid and size of a polygon, as on a map that keeps areas at its latitude. */
function middleOf(ring: Ring): { readonly point: GeoPoint; readonly area: number } {
  let [doubled, x, y] = [0, 0, 0]
  for (let i = 0; i < ring.length; i++) {
    const [x0, y0] = ring[i] as Ring[number]
    const [x1, y1] = ring[(i + 1) % ring.length] as Ring[number]
    const cross = x0 * y1 - x1 * y0
    doubled += cross
    x += (x0 + x1) * cross
    y += (y0 + y1) * cross
  }
  const latitude = y / (3 * doubled)
  const point = { latitude, longitude: withinHalfTurn(x / (3 * doubled)) }
  return { point, area: Math.abs(doubled / 2) * Math.cos((latitude * Math.PI) / 180) }
}

const withinHalfTurn = (longitude: number) => ((((longitude + 180) % 360) + 360) % 360) - 180
