import type { Plugin } from 'vite'
import { countryCentres } from '../../scripts/country-centres.ts'
import { coasts, type Ring } from '../../scripts/natural-earth.ts'
import type { GeoPoint } from '../../shared/geo/geo.ts'
import { naturalEarth, simplified } from './map-projection.ts'

/** What `virtual:world-map` exports: see web/map/world.d.ts. */
export interface WorldMap {
  readonly viewBox: string
  readonly land: string
  readonly countries: Readonly<Record<string, readonly [x: number, y: number]>>
}

const NAME = 'virtual:world-map'
const WIDTH = 1_000
/** No relay stands in the Antarctic: the map ends here, and at the north of Greenland. */
const SOUTH = -57
const NORTH = 84
/** In units of the map: details below this are not drawn, nor islands whose coast would be shorter than eight of them. */
const TOLERANCE = 0.4

/** Makes the map that the page draws when it is built, so that nothing of it is asked for from anywhere. */
export function worldMap(): Plugin {
  return {
    name: 'culvert:world-map',
    resolveId: (source) => (source === NAME ? `\0${NAME}` : null),
    load(id) {
      if (id !== `\0${NAME}`) return null
      return Object.entries(drawWorld())
        .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}`)
        .join('\n')
    },
  }
}

export function drawWorld(): WorldMap {
  const scale = WIDTH / (2 * naturalEarth({ latitude: 0, longitude: 180 })[0])
  const top = naturalEarth({ latitude: NORTH, longitude: 0 })[1]
  const bottom = naturalEarth({ latitude: SOUTH, longitude: 0 })[1]
  const place = (point: GeoPoint) => {
    const [x, y] = naturalEarth(point)
    return [tenths(WIDTH / 2 + x * scale), tenths((top - y) * scale)] as const
  }
  return {
    viewBox: `0 0 ${WIDTH} ${Math.round((top - bottom) * scale)}`,
    land: coasts()
      .map((ring) => coastPath(ring, place))
      .join(''),
    countries: Object.fromEntries([...countryCentres()].map(([code, centre]) => [code, place(centre)])),
  }
}

const tenths = (value: number) => Math.round(value * 10) / 10

/** A closed path of relative steps, in tenths; empty for what is too small to be seen or too far south. */
function coastPath(ring: Ring, place: (point: GeoPoint) => readonly [number, number]): string {
  if (ring.every(([, latitude]) => latitude < SOUTH)) return ''
  const points = simplified(
    ring.map(([longitude, latitude]) => place({ latitude, longitude })),
    TOLERANCE,
  )
  const [first] = points
  if (first === undefined || points.length < 3 || lengthOf(points) < 8 * TOLERANCE) return ''
  let [atX, atY] = first
  let path = `M${first[0]} ${first[1]}l`
  for (const [x, y] of points.slice(1)) {
    const step = `${short(x - atX)} ${short(y - atY)}`.replace(' -', '-')
    path += step.startsWith('-') || path.endsWith('l') ? step : ` ${step}`
    ;[atX, atY] = [x, y]
  }
  return `${path}z`
}

const short = (value: number) => String(tenths(value)).replace(/^(-?)0\./, '$1.')

function lengthOf(points: readonly (readonly [number, number])[]): number {
  return points.reduce((sum, [x, y], i) => {
    const [px, py] = points.at(i - 1) ?? [x, y]
    return sum + Math.hypot(x - px, y - py)
  }, 0)
}
