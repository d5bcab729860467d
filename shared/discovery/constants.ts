/** Where relays come from (requirement D-01). */
export const DISCOVERY_METHODS = ['dht', 'tracker', 'exchange', 'bootstrap'] as const
export type DiscoveryMethod = (typeof DISCOVERY_METHODS)[number]

/** For each method one value. */
export type ByMethod<T> = Readonly<Record<DiscoveryMethod, T>>

/** D-01: shares of the runs, and of the candidates that are handled while more wait than can be. */
export const DISCOVERY_WEIGHTS: ByMethod<number> = { dht: 40, tracker: 30, exchange: 20, bootstrap: 10 }

/** When a source runs again. The first run is at once. */
export interface SourceIntervals {
  /** After the first run; doubled with each further one until `leastMs`. */
  readonly firstMs: number
  /** Never more often than this later on: halved down to it while something is new, doubled while nothing is. */
  readonly leastMs: number
  /** Doubled up to this while few relays are known. */
  readonly eagerMs: number
  /** The same when enough are. */
  readonly mostMs: number
}

export const DISCOVERY_DEFAULTS = {
  /** A run that takes longer is ended, and what it found by then counts (D-06). */
  runMs: 60_000,
  /** While fewer proven relays are known, sources run as often as they may. */
  wantedRelays: 30,
  /** Candidates handled at once. */
  handledAtOnce: 16,
  /** Candidates that one run may name; the rest of a hostile list is not looked at. */
  candidatesPerRun: 512,
  /** Candidates that wait, for each method. More are dropped, and may come again with a later run. */
  waitingPerMethod: 256,
  /** The same of one IPv4 /24 or IPv6 /48: whoever announces a whole network gets no further than this. */
  waitingPerNetwork: 8,
  /** Candidates of which the outcome is remembered. */
  cached: 4_096,
  /** One that proved to be a relay is not handled again for so long: the verifier asks it again by itself. */
  relayCachedMs: 3_600_000,
  /** The same for one that did not answer as a relay; doubled each time, up to eight times as long. */
  otherCachedMs: 300_000,
  /** Intervals are spread by up to this share, either way. */
  jitter: 0.2,
  /** How far the share of a method may move from its weight: to half, to twice. */
  adaptation: 2,
  /** What the last run weighs in the mean yield of a method. */
  yieldGain: 0.3,
  /** Results kept for whoever looks. */
  keptRuns: 20,
} as const
export type DiscoverySettings = { readonly [K in keyof typeof DISCOVERY_DEFAULTS]: number }
