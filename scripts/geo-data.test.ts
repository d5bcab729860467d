import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { GeoTable } from '../shared/geo/geo-table.ts'
import { buildGeo } from './geo-data.ts'

const ip = (host: string) => addressOf(host, 0) as IpAddress

describe('the table of countries and networks that is built with the project (K-08)', () => {
  const bytes = buildGeo()
  const table = GeoTable.read(bytes)

  it('is small enough to be loaded by a page', () => {
    expect(bytes.length).toBeLessThan(4 * 2 ** 20)
    expect(table.date).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(table.countries.length).toBeGreaterThan(230)
  })

  it.each([
    ['8.8.8.8', 'US', 15_169],
    ['2001:4860:4860::8888', 'US', 15_169],
    ['193.0.6.139', 'NL', 3_333],
    ['2001:67c:2e8:22::c100:68b', 'NL', 3_333],
    // SURF, for the university of Delft.
    ['131.180.77.82', 'NL', 1_128],
    ['141.1.1.1', 'GB', 1_273],
    ['202.12.27.33', 'JP', 7_500],
    ['200.160.2.3', 'BR', 22_548],
    ['::ffff:8.8.8.8', 'US', 15_169],
  ])('knows %s', (host, country, as) => {
    expect(table.lookup(ip(host))).toEqual({ country, as })
  })

  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '192.168.1.1',
    '0.0.0.0',
    '255.255.255.255',
    '::1',
    'fe80::1',
    'fc00::1',
  ])('knows nothing of %s', (host) => {
    expect(table.lookup(ip(host))).toBeUndefined()
  })

  it('has a middle for every country in it', () => {
    for (const code of table.countries) expect(table.centre(code)).toBeDefined()
    expect(table.centre('NL')?.latitude).toBeCloseTo(52.2, 0)
    expect(table.centre('XX')).toBeUndefined()
  })
})
