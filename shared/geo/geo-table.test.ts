import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, formatIpv4, type IpAddress } from '../bytes/address.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { distanceKm } from './distance.ts'
import { encodeGeoFile, type GeoFile, type Layer } from './geo-file.ts'
import { GeoTable } from './geo-table.ts'

const ip = (host: string) => addressOf(host, 7_000) as IpAddress

function layer(kind: 'ipv4' | 'ipv6', runs: readonly (readonly [start: number, value: number])[]): Layer {
  const Starts = kind === 'ipv4' ? Uint32Array : Float64Array
  return {
    starts: Starts.from(runs.map(([start]) => start)),
    values: Uint32Array.from(runs.map(([, value]) => value)),
  }
}

const FILE: GeoFile = {
  date: 20_260_617,
  countries: [
    { code: 'NL', latitude: 52.1, longitude: 5.3 },
    { code: 'NZ', latitude: -41.25, longitude: 172.5 },
  ],
  systems: Uint32Array.of(1_103, 4_200_000_001),
  countriesV4: layer('ipv4', [
    [0, 0],
    [0x0100_0000, 1],
    [0x0100_0101, 2],
    [0x0200_0000, 0],
  ]),
  countriesV6: layer('ipv6', [
    [0, 0],
    [0x2001_0db8_0000, 1],
    [0x2001_0db8_0001, 2],
    [0x2001_0db9_0000, 0],
  ]),
  systemsV4: layer('ipv4', [
    [0, 0],
    [0x0100_0100, 2],
    [0x0300_0000, 1],
  ]),
  systemsV6: layer('ipv6', [[0, 0]]),
}

describe('country and network of an address (K-08)', () => {
  const table = GeoTable.read(encodeGeoFile(FILE))

  it('is exact to the address of IPv4 and to the /48 of IPv6', () => {
    expect(table.lookup(ip('0.255.255.255'))).toBeUndefined()
    expect(table.lookup(ip('1.0.0.0'))).toEqual({ country: 'NL' })
    expect(table.lookup(ip('1.0.1.0'))).toEqual({ country: 'NL', as: 4_200_000_001 })
    expect(table.lookup(ip('1.0.1.1'))).toEqual({ country: 'NZ', as: 4_200_000_001 })
    expect(table.lookup(ip('2.0.0.0'))).toEqual({ as: 4_200_000_001 })
    expect(table.lookup(ip('255.255.255.255'))).toEqual({ as: 1_103 })
    expect(table.lookup(ip('2001:db8:0:ffff::1'))).toEqual({ country: 'NL' })
    expect(table.lookup(ip('2001:db8:1::'))).toEqual({ country: 'NZ' })
    expect(table.lookup(ip('2001:db9::'))).toBeUndefined()
  })

  it('takes an IPv4 address in the form of IPv6 for what it is, and no other for one', () => {
    expect(table.lookup(ip('::ffff:1.0.1.1'))).toEqual({ country: 'NZ', as: 4_200_000_001 })
    expect(table.lookup(ip('::1.0.1.1'))).toBeUndefined()
  })

  it('tells dates and places', () => {
    expect(table.date).toBe('2026-06-17')
    expect(table.countries).toEqual(['NL', 'NZ'])
    expect(table.centre('NZ')).toMatchObject({ latitude: -41.25, longitude: 172.5 })
    expect(table.centre('DE')).toBeUndefined()
  })

  it('finds what a search from the start would find', () => {
    const starts = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 30 })
    fc.assert(
      fc.property(starts, fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 })), (bounds, asked) => {
        const sorted = [0, ...bounds.sort((a, b) => a - b)]
        const systems = Uint32Array.from(sorted, (_, i) => 1_000 + i)
        const runs = sorted.map((start, i) => [start, i + 1] as const)
        const read = GeoTable.read(encodeGeoFile({ ...FILE, systems, systemsV4: layer('ipv4', runs) }))
        for (const each of [...asked, ...sorted]) {
          const host = formatIpv4(Uint8Array.of(each >>> 24, each >>> 16, each >>> 8, each))
          const expected = 1_000 + sorted.findLastIndex((start) => start <= each)
          expect(read.lookup(ip(host))?.as).toBe(expected)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('geo files of strangers (K-08)', () => {
  const bytes = encodeGeoFile(FILE)
  const refusal = (file: Uint8Array) => codeOf(() => GeoTable.read(file))
  const changed = (more: Partial<GeoFile>) => refusal(encodeGeoFile({ ...FILE, ...more }))

  it('are refused with the reason', () => {
    expect(refusal(new Uint8Array(0))).toBe('codec-short')
    expect(refusal(Uint8Array.of(0x4d, ...bytes.slice(1)))).toBe('geo-magic')
    expect(refusal(Uint8Array.of(...bytes.slice(0, 4), 2, ...bytes.slice(5)))).toBe('geo-version')
    expect(refusal(Uint8Array.of(...bytes, 0))).toBe('codec-leftover')
    expect(refusal(new Uint8Array(17 * 2 ** 20))).toBe('geo-size')
    expect(changed({ countries: [{ code: 'n1', latitude: 0, longitude: 0 }] })).toBe('geo-country')
    expect(changed({ countries: [{ code: 'NL', latitude: 95, longitude: 0 }] })).toBe('geo-country')
    expect(changed({ countriesV6: layer('ipv6', [[0, 3]]) })).toBe('geo-value')
    expect(changed({ systemsV4: layer('ipv4', [[0, 2 ** 19]]) })).toBe('geo-value')
    expect(changed({ systemsV4: layer('ipv4', []) })).toBe('geo-runs')
    const twice = [
      [0, 0],
      [0, 1],
    ] as const
    expect(changed({ systemsV4: layer('ipv4', twice) })).toBe('geo-runs')
  })

  it('that name more than they hold take no memory', () => {
    // The count of AS numbers stands after the header and two countries of six bytes.
    const at = 9 + 1 + 2 * 6
    const counts = [0, 3, 255, 255]
    expect(refusal(Uint8Array.of(...bytes.slice(0, at), ...counts, ...bytes.slice(at + 4)))).toBe('geo-count')
  })

  it('that were cut or changed are read or refused, and do no more', () => {
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(changes, fc.nat(bytes.length), (edits, length) => {
        const copy = bytes.slice(0, length)
        for (const [at, value] of edits) if (at < length) copy[at] = value
        refusal(copy)
      }),
      { numRuns: 500 },
    )
  })
})

describe('distances (K-08)', () => {
  const point = (latitude: number, longitude: number) => ({ latitude, longitude })

  it('are those of the great circle', () => {
    expect(distanceKm(point(52.37, 4.9), point(52.37, 4.9))).toBe(0)
    expect(Math.abs(distanceKm(point(52.37, 4.9), point(40.71, -74.01)) - 5_860)).toBeLessThan(30)
    expect(Math.abs(distanceKm(point(0, 179), point(0, -179)) - 222)).toBeLessThan(2)
    expect(distanceKm(point(90, 0), point(-90, 0))).toBeCloseTo(Math.PI * 6_371, 0)
  })
})
