import { type Codec, decode, encode, struct, u8, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import type { Reader } from '../bytes/reader.ts'
import { GEO_FILE } from './constants.ts'

/**
 * All addresses of a family in runs of one value each, in order and without gaps. Addresses count in units: one address of
 * IPv4, a /48 of IPv6.
 */
export interface Layer {
  /** The first unit of each run; that of the first is 0. */
  readonly starts: Uint32Array | Float64Array
  /** Of each run: 0 for unknown, else the position in its list, counted from 1. */
  readonly values: Uint32Array
}

export interface Country {
  /** ISO 3166-1 alpha-2. */
  readonly code: string
  /** Degrees, kept to a hundredth. */
  readonly latitude: number
  readonly longitude: number
}

/** What a geo file holds. */
export interface GeoFile {
  /** Of the data, as a number like 20260617. */
  readonly date: number
  readonly countries: readonly Country[]
  /** AS numbers. */
  readonly systems: Uint32Array
  readonly countriesV4: Layer
  readonly countriesV6: Layer
  readonly systemsV4: Layer
  readonly systemsV6: Layer
}

const MAGIC = 0x43474e31
const VERSION = 1
const IPV4_UNITS = 2 ** 32
const IPV6_UNITS = 2 ** 48

function constant(codec: Codec<number>, expected: number, code: string): Codec<number> {
  return {
    write: (w) => codec.write(w, expected),
    read: (r) => {
      const found = codec.read(r)
      if (found !== expected) throw new CodecError(code, `${found} where a geo file has ${expected}`)
      return found
    },
  }
}

/** Seven bits a byte, the lowest first, the eighth set where more follow; at most eight bytes. */
const varint: Codec<number> = {
  write: (w, value) => {
    let left = value
    for (; left >= 128; left = Math.floor(left / 128)) w.u8((left % 128) + 128)
    w.u8(left)
  },
  read: (r) => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = r.u8()
      value += (byte & 127) * scale
      if (byte < 128) break
      scale *= 128
      if (scale > 2 ** 49) throw new CodecError('geo-varint', 'a number of more than eight bytes')
    }
    return value
  },
}

function degrees(limit: number): Codec<number> {
  return {
    write: (w, value) => u16.write(w, Math.round((value + limit) * 100)),
    read: (r) => {
      const value = u16.read(r) / 100 - limit
      if (value > limit) throw new CodecError('geo-country', `a place at ${value} degrees`)
      return value
    },
  }
}

const countryCode: Codec<string> = {
  write: (w, code) => {
    w.u8(code.charCodeAt(0)).u8(code.charCodeAt(1))
  },
  read: (r) => {
    const code = String.fromCharCode(r.u8(), r.u8())
    if (!/^[A-Z]{2}$/.test(code))
      throw new CodecError('geo-country', 'a country code of other than two letters')
    return code
  },
}

const country = struct({ code: countryCode, latitude: degrees(90), longitude: degrees(180) })

function list<T>(count: Codec<number>, item: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    write: (w, items) => {
      count.write(w, items.length)
      for (const each of items) item.write(w, each)
    },
    read: (r) => Array.from({ length: counted(r, count, max) }, () => item.read(r)),
  }
}

function counted(r: Reader, count: Codec<number>, max: number): number {
  const found = count.read(r)
  // Each item takes a byte at least.
  if (found > max || found > r.remaining)
    throw new CodecError('geo-count', `${found} items, or more than there are`)
  return found
}

const systems: Codec<Uint32Array> = {
  write: (w, items) => {
    w.u32(items.length)
    for (const each of items) w.u32(each)
  },
  read: (r) => {
    const items = new Uint32Array(counted(r, u32, GEO_FILE.maxSystems))
    for (let i = 0; i < items.length; i++) items[i] = r.u32()
    return items
  },
}

/**
 * count u32, then the length of each run, then its value. A length is a varint: twice the number of `usual` units, or twice the
 * number of units and one.
 */
function layer(units: number, usual: number): Codec<Layer> {
  return {
    write: (w, { starts, values }) => {
      w.u32(starts.length)
      for (let i = 0; i < starts.length; i++) {
        const length = (starts[i + 1] ?? units) - (starts[i] as number)
        varint.write(w, length % usual === 0 ? (length / usual) * 2 : length * 2 + 1)
      }
      for (const value of values) varint.write(w, value)
    },
    read: (r) => {
      const count = counted(r, u32, GEO_FILE.maxRuns)
      const starts = units > IPV4_UNITS ? new Float64Array(count) : new Uint32Array(count)
      let at = 0
      for (let i = 0; i < count; i++) {
        starts[i] = at
        const token = varint.read(r)
        at += token % 2 === 0 ? (token / 2) * usual : (token - 1) / 2
        if (token < 2 || at > units)
          throw new CodecError('geo-runs', 'a run that is empty or leads out of the family')
      }
      if (at !== units) throw new CodecError('geo-runs', 'the runs end before the family')
      return { starts, values: readValues(r, count) }
    },
  }
}

function readValues(r: Reader, count: number): Uint32Array {
  const values = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const value = varint.read(r)
    if (value > GEO_FILE.maxSystems) throw new CodecError('geo-value', `value ${value}`)
    values[i] = value
  }
  return values
}

const geoFile = struct({
  magic: constant(u32, MAGIC, 'geo-magic'),
  version: constant(u8, VERSION, 'geo-version'),
  date: u32,
  countries: list(u8, country, GEO_FILE.maxCountries),
  systems,
  countriesV4: layer(IPV4_UNITS, 2 ** 8),
  countriesV6: layer(IPV6_UNITS, 2 ** 16),
  systemsV4: layer(IPV4_UNITS, 2 ** 8),
  systemsV6: layer(IPV6_UNITS, 2 ** 16),
})

/**
 * Layout, version 1: "CGN1", version u8, date u32; countries (count u8: code 2, latitude u16 and longitude u16 in hundredths of a
 * degree from the south pole and the date line); AS numbers (count u32: u32 each); countries of IPv4, of IPv6, AS of IPv4, of
 * IPv6, each as `layer` says.
 */
export function encodeGeoFile(file: GeoFile): Uint8Array {
  return encode(geoFile, { ...file, magic: MAGIC, version: VERSION })
}

/** @throws CodecError `geo-*` or `codec-*` for what is no geo file, of another version, or out of bounds */
export function decodeGeoFile(bytes: Uint8Array): GeoFile {
  if (bytes.length > GEO_FILE.maxBytes)
    throw new CodecError('geo-size', `a geo file of ${bytes.length} bytes`)
  const file = decode(geoFile, bytes)
  checkValues([file.countriesV4, file.countriesV6], file.countries.length)
  checkValues([file.systemsV4, file.systemsV6], file.systems.length)
  return file
}

function checkValues(layers: readonly Layer[], max: number): void {
  for (const { values } of layers) {
    for (const value of values) if (value > max) throw new CodecError('geo-value', `value ${value} of ${max}`)
  }
}
