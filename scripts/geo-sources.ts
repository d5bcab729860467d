/** Countries and networks of addresses as the packages @ip-location-db/* carry them. Read when the project is built. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Reader, type Response } from 'mmdb-lib'
import { formatIpv4, formatIpv6, parseIpv4 } from '../shared/bytes/address.ts'

/**
 * Addresses in a row of which one thing is known; neither overlapping nor out of order. Numbers are units of the family: an
 * IPv4 address, or a /48 of IPv6, of which no finer part is looked at.
 */
export interface Span<T> {
  readonly from: number
  /** The first after it. */
  readonly to: number
  readonly value: T
}

export type Family = 'ipv4' | 'ipv6'

/** How many units each family has. */
export const UNITS: Readonly<Record<Family, number>> = { ipv4: 2 ** 32, ipv6: 2 ** 48 }

/** First address and bits of networks that are nobody's (RFC 6890, 1112): the data name countries for some of them. */
const NOBODYS: readonly (readonly [first: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

/** Where somebody may be, in order: IPv4 but those, and 2000::/3. */
function inUse(family: Family): readonly (readonly [from: number, to: number])[] {
  if (family === 'ipv6') return [[2 ** 45, 2 ** 46]]
  let from = 0
  const gaps: [number, number][] = []
  for (const [first, bits] of NOBODYS) {
    const at = new DataView(Uint8Array.from(parseIpv4(first) ?? []).buffer).getUint32(0)
    gaps.push([from, at])
    from = at + 2 ** (32 - bits)
  }
  return gaps
}

/** What of the spans lies where somebody may be. */
export function* used<T>(family: Family, spans: Iterable<Span<T>>): Generator<Span<T>> {
  const places = inUse(family)
  for (const { from, to, value } of spans) {
    for (const [low, high] of places) {
      const part = { from: Math.max(from, low), to: Math.min(to, high), value }
      if (part.from < part.to) yield part
    }
  }
}

const AS_PACKAGE = '@ip-location-db/asn'
const COUNTRY_PACKAGE = '@ip-location-db/geo-whois-asn-country-mmdb'

const pathOf = (name: string) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url))

/** The versions of both packages, which hold their dates: `2.3.2026061719`. */
export function sourceVersions(): readonly string[] {
  return [AS_PACKAGE, COUNTRY_PACKAGE].map((name) => {
    const { version } = JSON.parse(readFileSync(pathOf(`${name}/package.json`), 'utf8')) as {
      version: string
    }
    return version
  })
}

/** AS numbers: lines of first address, last address, AS, name; addresses as numbers. */
export function* asSpans(family: Family): Generator<Span<number>> {
  const lines = readFileSync(pathOf(`${AS_PACKAGE}/asn-${family}-num.csv`), 'latin1').split('\n')
  const unit =
    family === 'ipv4' ? (text: string) => Number(text) : (text: string) => Number(BigInt(text) >> 80n)
  let end = 0
  for (const line of lines) {
    const [first = '', last = '', as = ''] = line.split(',', 3)
    const from = Math.max(end, unit(first))
    const to = unit(last) + 1
    if (line === '' || to <= from) continue
    yield { from, to, value: Number(as) }
    end = to
  }
}

/** Countries, two letters each. */
export function* countrySpans(family: Family): Generator<Span<string>> {
  const reader = new Reader<Response>(
    readFileSync(pathOf(`${COUNTRY_PACKAGE}/geo-whois-asn-country-${family}.mmdb`)),
  )
  const [bits, format] = family === 'ipv4' ? [32, ipv4Text] : ([48, ipv6Text] as const)
  for (let from = 0; from < UNITS[family]; ) {
    const [found, length] = reader.getWithPrefixLength(format(from))
    const to = from + 2 ** Math.max(0, bits - length)
    const country = (found as { readonly country_code?: string } | null)?.country_code
    if (country) yield { from, to, value: country }
    from = to
  }
}

function ipv4Text(unit: number): string {
  return formatIpv4(new Uint8Array([unit >>> 24, unit >>> 16, unit >>> 8, unit]))
}

function ipv6Text(unit: number): string {
  const bytes = new Uint8Array(16)
  for (let i = 5, left = unit; i >= 0; i--, left = Math.floor(left / 256)) bytes[i] = left % 256
  return formatIpv6(bytes)
}
