/** Defaults of the path room: which relays, which guards, and how long a circuit serves. The rules: docs/path-selection.md. */

/** What selection goes by. */
export const SELECT = {
  /**
   * Relays of unknown bandwidth count as this much, and so does every higher promise: nobody checks promises, so they may
   * lower a relay's weight (who promises little means it) and never raise it. What was measured from here raises it.
   */
  unknownBytesPerSecond: 1_000_000,
  /** More than this, measured, adds nothing. */
  maxBytesPerSecond: 4_000_000,
  /** A relay that was measured slow still gets a chance to show better. */
  minBytesPerSecond: 100_000,
  /** No relay is drawn more often than this many times an even share (of networks, and of its own), however well it does. */
  maxShares: 2,
  /** A relay that is hardly trusted still gets a chance to show better; who gets none is blocked. */
  minTrust: 0.05,
} as const

/** What groups of relays get together, of all that is drawn, however many they are (D-07, issue 4). */
export const SHARES = {
  /** Bounds do not fall below these as groups become many: a provider's network may have a few honest relays. */
  network: 0.02,
  family: 0.05,
  system: 0.1,
  /** Of those that nobody has proven, where there are enough others; */
  unproven: 0.2,
  /** until then, of all but so much for each network with one that is proven. */
  provenNetwork: 0.1,
  passes: 2,
} as const

/** What near-first goes by; off unless the owner wants it. */
export const NEAR = {
  halfWeightKm: 1_000,
  /** For relays of which no country is known. */
  unknownKm: 8_000,
} as const

/** How the pool keeps circuits. */
export const POOL = {
  /** Pause before the next try, by the number of failures in a row. */
  backOffMs: [0, 250, 500, 1_000, 2_000, 5_000],
  /**
   * Where a circuit takes longer than this, another is begun beside it: whichever is ready first serves. Slow links make them slow,
   * Tor's above all; so none is given up for it, and at most two are younger than twice this.
   */
  hedgeMs: 2_500,
  /** Being built at a time, however slow they are. */
  maxBuilding: 4,
  failuresToTell: 3,
  /** Circuits begun, in the long run and in a burst: an honest client needs three in twenty minutes. */
  buildsPerSecond: 0.5,
  buildBurst: 20,
  /** A standby is replaced at this age, so that it has most of its time left when it must serve. */
  standbyAgeMs: 20 * 60_000,
  /**
   * A primary is replaced at an age drawn anew for each between these: below the hour at which relays end circuits, and at
   * no time that could be told beforehand.
   */
  minPrimaryAgeMs: 30 * 60_000,
  maxPrimaryAgeMs: 50 * 60_000,
  /** Or after this much both ways: relays end circuits at 10 GiB. */
  maxPrimaryBytes: 4 * 2 ** 30,
  /** A circuit that was replaced for its age serves the streams it has for this long. */
  drainMs: 30_000,
  /** Circuits are looked at this often: age, bytes, rate. */
  watchMs: 5_000,
} as const

/** How relays are judged by what was seen of them. */
export const RELIABILITY = {
  /** Counts lose half their weight in this time: a relay that was bad an hour ago is nearly forgiven. */
  halfLifeMs: 15 * 60_000,
  /** A relay that has just failed is a last resort for this long; twice as long with each failure in a row. */
  restMs: 60_000,
  maxRestMs: 30 * 60_000,
  /** No relay weighs less than this for what it did: it may do better. */
  minFactor: 0.02,
  /** Optimism about relays never tried: as if they had succeeded this often. */
  priorSuccesses: 2,
  /** What a circuit's silence counts for each of its hops, and its death: each of them may be the cause. */
  suspectedFailure: 0.25,
  diedFailure: 0.5,
  /** Smoothing of latencies and their deviation: RFC 6298 §2. */
  latencyGain: 1 / 8,
  deviationGain: 1 / 4,
  /** A relay that adds this much latency, or varies by this much, has half the weight of one that adds none. */
  halfWeightLatencyMs: 400,
  halfWeightDeviationMs: 100,
  /** A measured rate loses half its value in this time, so that what was measured long ago gives way to what is. */
  rateHalfLifeMs: 6 * 3_600_000,
  maxRelays: 2_000,
} as const

const DAY_MS = 86_400_000

/** How guards are kept. Times of the wall: they outlast the program. */
export const GUARDS = {
  /** Guards in the list beforehand; those that can be reached serve in the order of the list. */
  sampled: 3,
  /** The list grows to this when none can be reached, and no further: whoever blocks guards cannot make us try all relays. */
  maxSampled: 8,
  /** Between two such additions. */
  growEveryMs: 30_000,
  minLifetimeMs: 30 * DAY_MS,
  maxLifetimeMs: 60 * DAY_MS,
  /** A guard goes with a list that lacks it so long after the first that did, with none between that had it. */
  unlistedMs: 7 * DAY_MS,
  /** As does one with a failure so long after the first, with none between that it was reached. */
  unreachableMs: 14 * DAY_MS,
  /** What is written for "today" is rounded, so that the store tells little about when the page was used. */
  roundMs: DAY_MS,
  maxStoredBytes: 8_192,
} as const
