/** The table of countries and networks, made from the packages that carry them. */
import { encodeGeoFile, type Layer } from '../shared/geo/geo-file.ts'
import { countryCentres } from './country-centres.ts'
import { asSpans, countrySpans, type Family, type Span, sourceVersions, UNITS, used } from './geo-sources.ts'

/** What the values of a layer stand for, the commonest first, so that they have the shortest codes. */
function ranked<T>(layers: readonly (readonly Span<T>[])[], less: (a: T, b: T) => boolean): T[] {
  const counts = new Map<T, number>()
  for (const { value } of layers.flat()) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a, m], [b, n]) => n - m || (less(a, b) ? -1 : 1)).map(([value]) => value)
}

/** Spans side by side of one value as one run, and runs of nothing between those that are apart. */
function layerOf<T>(family: Family, spans: readonly Span<T>[], list: readonly T[]): Layer {
  const numbers = new Map(list.map((value, i) => [value, i + 1]))
  const starts: number[] = []
  const values: number[] = []
  const begin = (start: number, value: number) => {
    if (start >= UNITS[family] || values.at(-1) === value) return
    starts.push(start)
    values.push(value)
  }
  let at = 0
  for (const { from, to, value } of spans) {
    if (from > at) begin(at, 0)
    begin(from, numbers.get(value) ?? 0)
    at = to
  }
  begin(at, 0)
  const Starts = family === 'ipv4' ? Uint32Array : Float64Array
  return { starts: Starts.from(starts), values: Uint32Array.from(values) }
}

/** Of the older of two packages, whose versions end in year, month, day and hour. */
function dateOf(versions: readonly string[]): number {
  const dates = versions.map((version) => Number(/\.(\d{8})\d*$/.exec(version)?.[1] ?? 0))
  return Math.min(...dates)
}

export function buildGeo(): Uint8Array {
  const systems = { ipv4: [...used('ipv4', asSpans('ipv4'))], ipv6: [...used('ipv6', asSpans('ipv6'))] }
  const countries = {
    ipv4: [...used('ipv4', countrySpans('ipv4'))],
    ipv6: [...used('ipv6', countrySpans('ipv6'))],
  }
  const centres = countryCentres()
  const isPlace = (code: string) => centres.has(code)
  const codes = ranked([countries.ipv4, countries.ipv6], (a, b) => a < b).filter(isPlace)
  const numbers = ranked([systems.ipv4, systems.ipv6], (a, b) => a < b)
  return encodeGeoFile({
    date: dateOf(sourceVersions()),
    countries: codes.map((code) => ({ code, ...(centres.get(code) ?? { latitude: 0, longitude: 0 }) })),
    systems: Uint32Array.from(numbers),
    countriesV4: layerOf('ipv4', countries.ipv4, codes),
    countriesV6: layerOf('ipv6', countries.ipv6, codes),
    systemsV4: layerOf('ipv4', systems.ipv4, numbers),
    systemsV6: layerOf('ipv6', systems.ipv6, numbers),
  })
}
