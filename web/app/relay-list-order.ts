import type { RelayRow } from '../engine/relays-protocol.ts'
import { countryName } from './countries.ts'

/** Which relays are listed, and in what order. */

export type RelayOrder = 'use' | 'score' | 'reputation' | 'bandwidth' | 'country' | 'name'
export type RelayKind =
  | 'all'
  | 'circuits'
  | 'exits'
  | 'trusted'
  | 'unproven'
  | 'suspect'
  | 'blocked'
  | 'hidden'
  | 'unconfirmed'

export interface RelayFilter {
  readonly text: string
  readonly kind: RelayKind
  /** A country's code, `''` for all, `'?'` for those of none known. */
  readonly country: string
  readonly order: RelayOrder
}

export const allRelays: RelayFilter = { text: '', kind: 'all', country: '', order: 'use' }

const kinds: Readonly<Record<RelayKind, (row: RelayRow) => boolean>> = {
  all: () => true,
  circuits: (row) => row.circuits.length > 0,
  exits: (row) => row.exit !== 'none',
  trusted: (row) => row.verdict.standing === 'trusted',
  unproven: (row) => row.verdict.standing === 'unproven',
  suspect: (row) => row.verdict.standing === 'suspect',
  blocked: (row) => row.verdict.standing === 'blocked',
  hidden: (row) => row.hiddenByEntry,
  unconfirmed: (row) => row.unconfirmed,
}

/** Measured where it was measured: a promise is only that. */
export const bandwidthOf = (row: RelayRow): number => row.measured ?? row.promised ?? 0

/** Made once: it compares much quicker than texts by themselves. */
const alphabet = new Intl.Collator('en', { numeric: true })

const standings = { trusted: 3, unproven: 2, suspect: 1, blocked: 0 } as const

const orders: Readonly<Record<RelayOrder, (a: RelayRow, b: RelayRow) => number>> = {
  use: (a, b) =>
    useOf(a) - useOf(b) ||
    standings[b.verdict.standing] - standings[a.verdict.standing] ||
    b.verdict.score - a.verdict.score,
  score: (a, b) => b.verdict.score - a.verdict.score || b.verdict.reputation - a.verdict.reputation,
  reputation: (a, b) => b.verdict.reputation - a.verdict.reputation,
  bandwidth: (a, b) => bandwidthOf(b) - bandwidthOf(a),
  country: (a, b) => alphabet.compare(placeName(a), placeName(b)),
  name: () => 0,
}

/** The circuit in use comes first, hop by hop; then those that stand by. */
function useOf({ circuits }: RelayRow): number {
  const places = circuits.map(
    ({ circuit, position, primary }) => (primary ? 0 : circuit * MOST_HOPS) + position,
  )
  return Math.min(Number.MAX_SAFE_INTEGER, ...places)
}

const MOST_HOPS = 8

/** Relays of no known country come last. */
const placeName = (row: RelayRow) => (row.country === undefined ? '\uffff' : countryName(row.country))

export function listed(relays: readonly RelayRow[], filter: RelayFilter): readonly RelayRow[] {
  const kind = kinds[filter.kind]
  const text = filter.text.trim().toLowerCase()
  const inCountry = (row: RelayRow) => filter.country === '' || (row.country ?? '?') === filter.country
  return relays
    .filter((row) => kind(row) && inCountry(row) && (text === '' || described(row).includes(text)))
    .sort((a, b) => orders[filter.order](a, b) || alphabet.compare(a.name, b.name) || a.id - b.id)
}

/** What a search looks through. */
function described({ name, fingerprint, host, country, as, family }: RelayRow): string {
  const place = country === undefined ? '' : countryName(country)
  return `${name} ${fingerprint} ${host} ${place} ${as === undefined ? '' : `as${as}`} ${family}`.toLowerCase()
}
