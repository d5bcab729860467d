import type { RelayRow } from '../engine/relays-protocol.ts'

/** Where relays and circuits are drawn on the map. Lengths in units of the map's view box. */

export type Point = readonly [x: number, y: number]

export interface Dot {
  /** A country's code; `?` for relays whose country is not known. */
  readonly country: string
  readonly at: Point
  readonly count: number
  readonly radius: number
  /** No relay there may be used: all are blocked, or the country is avoided. */
  readonly shunned: boolean
}

export interface Line {
  readonly circuit: number
  readonly primary: boolean
  /** Path data, entry first. */
  readonly path: string
  readonly stops: readonly Point[]
}

export interface MapPlaces {
  readonly dots: readonly Dot[]
  readonly lines: readonly Line[]
}

export interface MapGround {
  readonly countries: Readonly<Record<string, Point>>
  readonly width: number
  readonly height: number
}

/** Dots of relays without a country stand in a row at the foot of the map; further ones share a place. */
const ROW_PLACES = 12
const ROW_FROM_FOOT = 30
const ROW_STEP = 46

/**
 * @param scale units of the map for one CSS pixel: dots keep their size on small screens
 * @param avoided codes of countries that no circuit passes
 */
export function mapPlaces(
  relays: readonly RelayRow[],
  ground: MapGround,
  { scale, avoided }: { readonly scale: number; readonly avoided: readonly string[] },
): MapPlaces {
  const byPlace = new Map<string, { at: Point; country: string; rows: RelayRow[] }>()
  const placeOfRow = new Map<number, Point>()
  let unplaced = 0
  const homeless = Math.min(ROW_PLACES, relays.filter((row) => !knownCountry(row, ground)).length)
  for (const row of relays) {
    const country = knownCountry(row, ground)
    const slot = country === undefined ? unplaced++ % ROW_PLACES : 0
    const at = country === undefined ? rowPoint(slot, homeless, ground) : (ground.countries[country] as Point)
    const key = country ?? `? ${slot}`
    const place = byPlace.get(key) ?? { at, country: country ?? '?', rows: [] }
    place.rows.push(row)
    byPlace.set(key, place)
    placeOfRow.set(row.id, at)
  }
  const dots = [...byPlace.values()].map(
    ({ at, country, rows }): Dot => ({
      country,
      at,
      count: rows.length,
      radius: scale * Math.min(15, 3.4 + 1.5 * Math.sqrt(rows.length - 1)),
      shunned: avoided.includes(country) || rows.every((row) => row.verdict.standing === 'blocked'),
    }),
  )
  // Small ones last, so that large ones do not cover them.
  dots.sort((a, b) => b.radius - a.radius || a.country.localeCompare(b.country, 'en'))
  return { dots, lines: linesOf(relays, placeOfRow, scale) }
}

function knownCountry({ country }: RelayRow, { countries }: MapGround): string | undefined {
  return country !== undefined && Object.hasOwn(countries, country) ? country : undefined
}

function rowPoint(slot: number, places: number, { width, height }: MapGround): Point {
  return [width / 2 + (slot - (places - 1) / 2) * ROW_STEP, height - ROW_FROM_FOOT]
}

function linesOf(
  relays: readonly RelayRow[],
  places: ReadonlyMap<number, Point>,
  scale: number,
): readonly Line[] {
  const circuits = new Map<number, { primary: boolean; stops: Point[] }>()
  for (const row of relays) {
    const at = places.get(row.id)
    for (const { circuit, position, primary } of at === undefined ? [] : row.circuits) {
      const line = circuits.get(circuit) ?? { primary, stops: [] }
      if (at) line.stops[position] = at
      circuits.set(circuit, line)
    }
  }
  return [...circuits]
    .map(([circuit, { primary, stops }]): Line => {
      // A hop that is not listed leaves a hole.
      const there = stops.filter((stop) => stop !== undefined)
      return { circuit, primary, stops: there, path: arcs(there, scale) }
    })
    .filter(({ stops }) => stops.length > 1)
    .sort((a, b) => Number(a.primary) - Number(b.primary) || a.circuit - b.circuit)
}

/** From stop to stop, each stretch bent upwards; a small loop where both are in one place. */
function arcs(stops: readonly Point[], scale: number): string {
  const [first] = stops
  if (first === undefined) return ''
  let path = `M${text(first)}`
  stops.slice(1).forEach((to, i) => {
    const from = stops[i] ?? first
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
    const length = Math.hypot(dx, dy)
    if (length < 1) {
      const r = 16 * scale
      path += `c${text([-r, -1.6 * r])} ${text([r, -1.6 * r])} 0 0`
      return
    }
    const lift = Math.min(0.22 * length, 90)
    const middle: Point = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 - lift]
    path += `Q${text(middle)} ${text(to)}`
  })
  return path
}

const text = ([x, y]: Point) => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`
