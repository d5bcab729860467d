const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** How relays are probed. The rules in words: docs/trust.md. */
export const EXIT_PROBE = {
  /** Each relay is probed about this often; each time by chance between half of it and one and a half. */
  intervalMs: 6 * HOUR_MS,
  /** The first probes of a relay come sooner, and so do those of one that something speaks against. */
  firstTrials: 3,
  freshMs: 10 * MINUTE_MS,
  suspiciousMs: 20 * MINUTE_MS,
  /** The schedule is looked at this often. */
  tickMs: 15_000,
  /** Trials at once, and begun in one hour. */
  concurrent: 2,
  perHour: 60,
  /** Payload bytes that all probes together may send or have sent back, in a day. */
  bytesPerDay: 50_000_000,
  /** Relays of whom anything is remembered. */
  maxRelays: 2_000,

  /** Questions to the echo on one circuit; between them, pauses by chance up to a length that is drawn for each circuit. */
  exchanges: 48,
  leastSpanMs: 8_000,
  mostSpanMs: 90_000,
  /** What has not come this long after the last question is lost. */
  settleMs: 6_000,
  /** A circuit that is not ready after this is not built. */
  buildMs: 30_000,
  /** Chance that a trial measures bandwidth too, and the datagrams of such a burst. */
  burstChance: 1 / 3,
  burst: 48,
  burstBytes: 1_100,
  /** Fewer of them tell nothing. */
  leastBurst: 24,
  /** Pings to strangers in one probe of an exit. */
  strangers: 6,
  /** Fewer answered through others tell nothing; an honest exit gets this share of what others get, a lying one that. */
  leastStrangers: 0.3,
  honestStrangers: 0.7,
  lyingStrangers: 0.2,
  /** Chance that a TCP connection is tried too, of those that end streams. */
  streamChance: 1 / 2,
  /** Chance that a relay that is an exit is probed as a middle hop, and that a path has two hops where three would be possible. */
  middleChance: 1 / 4,
  shortChance: 1 / 4,

  /** A path without the relay that delivers less than this share a link tells nothing about the relay. */
  leastLinkDelivery: 0.8,
  /** Delivered less than this each way, a run is repeated without the relay. */
  cleanShare: 0.97,
  /** A relay that carries less than this share of what the rest of its path and other relays carry is what limits it. */
  bottleneckShare: 0.5,
  /** Others whose rate is known, before one is said to be slower. */
  leastRates: 3,
  /** Measured from this share of its promise, it has kept it; below the second it has promised what it never had. */
  keptShare: 0.5,
  overPromisedShare: 0.1,

  /** Delivery through a relay, by what links of this path deliver: this share of it is honest, that is not. */
  honestShare: 0.92,
  lyingShare: 0.75,
  /** CUSUM: evidence at which a relay is named, natural logarithm of a likelihood ratio: one false alarm in 10^5. */
  dropThreshold: 11.5,
  /** The same for circuits that are not built or die while the relay answers all else. */
  deadThreshold: 5.5,
  /** Chance that an honest relay's circuit fails where the rest of its path works, and that of a relay which kills them. */
  honestFailures: 0.1,
  lyingFailures: 0.4,
  /** No hop's word counts for more than this share of a threshold, where there are enough of them. */
  witnesses: 3,
  /** Trials with altered data, or from another address, before it is held against the relay. */
  strikes: 2,
  /** Trials without one, after which one is forgotten: of honest networks one glitch in weeks is to be expected. */
  strikeFades: 24,
  /** Nothing arrived at the echo from anybody for this long: it is the echo that cannot be reached. */
  echoProvenMs: 12 * HOUR_MS,
} as const
export type ExitProbeSettings = { readonly [K in keyof typeof EXIT_PROBE]: number }
