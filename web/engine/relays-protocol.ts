import type { Verdict } from '../../shared/trust/verdict.ts'

/** What the relays page and the engine say to each other. Plain data only. */

/** Countries that no circuit may pass, and whether relays of unknown country are avoided with them. */
export interface Avoidance {
  /** ISO 3166-1 alpha-2, capital letters. */
  readonly countries: readonly string[]
  readonly strict: boolean
}

/** A way to look for relays (D-08). All of them leave at an exit, or go to relays through circuits. */
export type SearchMethod = 'dht' | 'tracker' | 'exchange' | 'bootstrap'

export type RelaysCommand =
  /** From now on `relays` events are sent, at most one a second; until `relays-close`. */
  | { readonly type: 'relays-open' }
  | { readonly type: 'relays-close' }
  /** A mark by hand; none takes back what there was. */
  | { readonly type: 'mark-relay'; readonly id: number; readonly mark: RelayMark | undefined }
  | { readonly type: 'avoid-countries'; readonly avoid: Avoidance }
  | { readonly type: 'near-first'; readonly on: boolean }
  | { readonly type: 'find-relays'; readonly method: SearchMethod }

export type RelayMark = 'blocked' | 'trusted'

export interface RelaysView {
  readonly relays: readonly RelayRow[]
  /** More are known than are listed. */
  readonly more: number
  readonly comparison: ComparisonView
  readonly search: SearchView
  readonly avoid: Avoidance
  readonly near: boolean
  /** Whether countries and networks can be told from addresses here. */
  readonly geo: 'loading' | 'here' | 'absent'
}

/** What came of asking several relays, through circuits, which others they know. */
export interface ComparisonView {
  /** Relays of distinct networks that have answered. */
  readonly asked: number
  /** Relays that others told of and the entry did not. */
  readonly hidden: number
  /** Relays that only one source tells of: used for no entry and no exit. */
  readonly unconfirmed: number
}

export interface RelayRow {
  /** A number of this page's own; never the id on the wire. */
  readonly id: number
  /** The relay's own name for itself. */
  readonly name: string
  /** First 8 hex digits of the relay's id. */
  readonly fingerprint: string
  readonly host: string | undefined
  /** What it lets out; `none` for a relay that only passes on. */
  readonly exit: 'stream' | 'datagram' | 'none'
  /** ISO 3166-1 alpha-2; undefined if unknown. */
  readonly country: string | undefined
  /** Whether the country is only the relay's own claim. */
  readonly countryClaimed: boolean
  /** Number of its autonomous system. */
  readonly as: number | undefined
  readonly family: string
  readonly contact: string
  /** Bytes per second; undefined if unknown. */
  readonly promised: number | undefined
  readonly measured: number | undefined
  readonly verdict: VerdictView
  /** Sources of distinct networks that tell of it. */
  readonly confirmedBy: number
  /** Others told of it, and the entry did not. */
  readonly hiddenByEntry: boolean
  /** Too few tell of it: it is used for no entry and no exit. */
  readonly unconfirmed: boolean
  readonly mark: RelayMark | undefined
  /** Its places in the circuits of now. */
  readonly circuits: readonly CircuitPlace[]
}

export interface CircuitPlace {
  /** The circuit's local number. */
  readonly circuit: number
  /** 0 is the entry. */
  readonly position: number
  readonly last: boolean
  readonly primary: boolean
}

/** A verdict as people are shown it. */
export interface VerdictView
  extends Pick<Verdict, 'checks' | 'score' | 'reputation' | 'class' | 'standing' | 'reasons'> {
  /** Seconds since the checks; undefined if they were never made. */
  readonly ageSeconds: number | undefined
  /** Relays of distinct networks whose word it is; 0 if it is this page's own. */
  readonly voices: number
}

export interface SearchView {
  /** Methods that are at work. */
  readonly running: readonly SearchMethod[]
  /** The last result of each. */
  readonly results: readonly SearchResult[]
  readonly statistics: readonly SearchStatistics[]
}

export interface SearchResult {
  readonly method: SearchMethod
  /** Relays that were not known before. */
  readonly found: number
  /** Relays that it led to, known or not. */
  readonly met: number
  readonly seconds: number
  readonly success: boolean
  /** Why nothing came of it. */
  readonly problem: 'no-circuit' | 'no-answer' | 'not-offered' | undefined
}

/** Of all runs since the page was opened. */
export interface SearchStatistics {
  readonly method: SearchMethod
  readonly runs: number
  readonly successes: number
  readonly found: number
  readonly meanSeconds: number
}
