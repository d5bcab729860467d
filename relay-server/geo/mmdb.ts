import { Buffer } from 'node:buffer'
import { Reader, type Response } from 'mmdb-lib'
import type { IpAddress } from '../../shared/bytes/address.ts'
import type { GeoRecord } from '../../shared/geo/geo.ts'

type Fields = Readonly<Record<string, unknown>>

/** What an operator's MMDB file knows, whichever of the usual layouts it has (docs/relay.md). */
export class MmdbFile {
  private readonly reader: Reader<Response>

  /** @throws whatever mmdb-lib throws for what is no MMDB */
  constructor(bytes: Uint8Array) {
    this.reader = new Reader<Response>(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    // Reads a bit of each part, so that a damaged file shows at once.
    for (const host of ['1.1.1.1', '193.0.6.139', '200.160.2.3']) this.reader.get(host)
  }

  /** @throws as the constructor, where the file is damaged there */
  lookup({ kind, host }: IpAddress): GeoRecord | undefined {
    if (kind === 'ipv6' && this.reader.metadata.ipVersion !== 6) return undefined
    return recordOf(this.reader.get(host))
  }
}

/**
 * Country and AS of one entry. Layouts: MaxMind and DB-IP (`country.iso_code`, `autonomous_system_number`, in combined files
 * under `traits`), IPinfo (`country_code` or `country`, `asn: "AS1103"`), ip-location-db (`country_code`).
 */
export function recordOf(entry: unknown): GeoRecord | undefined {
  if (!isFields(entry)) return undefined
  const country = [
    ...[inside(entry.country, 'iso_code'), entry.country_code, entry.country],
    ...[inside(entry.registered_country, 'iso_code')],
  ]
    .map(countryOf)
    .find((code) => code !== undefined)
  const as = [
    ...[entry.autonomous_system_number, inside(entry.traits, 'autonomous_system_number')],
    ...[entry.asn, inside(entry.asn, 'asn'), entry.as_number],
  ]
    .map(systemOf)
    .find((number) => number !== undefined)
  if (country === undefined && as === undefined) return undefined
  return { ...(country !== undefined && { country }), ...(as !== undefined && { as }) }
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const inside = (value: unknown, name: string) => (isFields(value) ? value[name] : undefined)

function countryOf(value: unknown): string | undefined {
  const code = typeof value === 'string' ? value.toUpperCase() : ''
  return /^[A-Z]{2}$/.test(code) && code !== 'ZZ' ? code : undefined
}

function systemOf(value: unknown): number | undefined {
  const digits = typeof value === 'string' ? /^(?:AS)?(\d{1,10})$/i.exec(value)?.[1] : value
  const number = Number(digits ?? Number.NaN)
  return Number.isInteger(number) && number > 0 && number <= 0xffff_ffff ? number : undefined
}
