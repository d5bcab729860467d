import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { encodeGeoFile } from '../../shared/geo/geo-file.ts'
import { loadGeo } from './load-geo.ts'
import { recordOf } from './mmdb.ts'

const MMDB = join(
  import.meta.dirname,
  '../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-ipv4.mmdb',
)
const ip = (host: string) => addressOf(host, 0) as IpAddress

/** Everybody is in Utopia, in AS 64,500. */
function everybodysTable(): Uint8Array {
  const all = (Starts: typeof Uint32Array | typeof Float64Array) => ({
    starts: Starts.from([0]),
    values: Uint32Array.from([1]),
  })
  return encodeGeoFile({
    date: 20_260_101,
    countries: [{ code: 'UT', latitude: 0, longitude: 0 }],
    systems: Uint32Array.of(64_500),
    countriesV4: all(Uint32Array),
    countriesV6: all(Float64Array),
    systemsV4: all(Uint32Array),
    systemsV6: all(Float64Array),
  })
}

describe('the geography of a relay (K-08)', () => {
  let folder: string
  let table: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'culvert-geo-'))
    table = join(folder, 'geo.bin')
    await writeFile(table, everybodysTable())
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('is that of the table', async () => {
    const loaded = await loadGeo({ table })
    expect(loaded?.geo.lookup(ip('193.0.6.139'))).toEqual({ country: 'UT', as: 64_500 })
    expect(loaded?.geo.centre('UT')).toMatchObject({ latitude: 0 })
    expect(loaded?.table).toEqual(await readFile(table))
  })

  it('is that of an MMDB file for what the file is there for', async () => {
    const countries = await loadGeo({ table, country: MMDB })
    expect(countries?.geo.lookup(ip('193.0.6.139'))).toEqual({ country: 'NL', as: 64_500 })
    // Of IPv4 alone: the table tells the rest.
    expect(countries?.geo.lookup(ip('2001:67c:2e8:22::1'))).toEqual({ country: 'UT', as: 64_500 })
    const systems = await loadGeo({ table, as: MMDB })
    expect(systems?.geo.lookup(ip('193.0.6.139'))).toEqual({ country: 'UT', as: 64_500 })
  })

  it('says what to do about files that are not there or damaged', async () => {
    const missing = join(folder, 'missing.mmdb')
    await expect(loadGeo({ table, country: missing })).rejects.toMatchObject({
      code: 'geo-file-missing',
      message: expect.stringContaining(`geo.country: ${missing}`) as string,
    })
    await expect(loadGeo({ table, as: table })).rejects.toMatchObject({ code: 'geo-file-damaged' })
    await expect(loadGeo({ table: MMDB })).rejects.toMatchObject({ code: 'geo-file-damaged' })
    const cut = join(folder, 'cut.mmdb')
    const bytes = await readFile(MMDB)
    await writeFile(cut, bytes.subarray(0, 100_000))
    await expect(loadGeo({ table, country: cut })).rejects.toMatchObject({ code: 'geo-file-damaged' })
  })

  it.each([
    ['MaxMind and DB-IP', { country: { iso_code: 'NL', geoname_id: 1 } }, { country: 'NL' }],
    [
      'MaxMind, of a network without a country',
      { registered_country: { iso_code: 'FR' } },
      { country: 'FR' },
    ],
    ['MaxMind ASN', { autonomous_system_number: 1_103 }, { as: 1_103 }],
    [
      'combined',
      { country: { iso_code: 'NL' }, traits: { autonomous_system_number: 1_103 } },
      { country: 'NL', as: 1_103 },
    ],
    ['IPinfo', { country: 'NL', country_name: 'Netherlands', asn: 'AS1103' }, { country: 'NL', as: 1_103 }],
    [
      'IPinfo Lite',
      { country: 'Netherlands', country_code: 'NL', asn: 'AS1103' },
      { country: 'NL', as: 1_103 },
    ],
    ['ip-location-db', { country_code: 'nl' }, { country: 'NL' }],
    ['others', { country: 7, asn: 'x', city: 'Delft' }, undefined],
    ['nothing', null, undefined],
  ])('reads the layout of %s', (_, entry, expected) => {
    expect(recordOf(entry)).toEqual(expected)
  })
})
