import type { Misbehaviour, VerdictClass } from './verdict.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Proof messages, of the directory's community: "prove that this is your address", and the proof. */
export const PROOF_REQUEST = 5
export const PROOF_RESPONSE = 6
/** Bytes of a request packet, padding included; no response is larger. */
export const PROOF_REQUEST_BYTES = 300
export const PROOF_NONCE_BYTES = 16

/** What the checks come to (D-06). */
export const CHECK_DEFAULTS = {
  /** Scores from which the classes begin. */
  highFrom: 0.8,
  mediumFrom: 0.5,
  lowFrom: 0.3,
  /** A relay below this score is not trusted. */
  trustThreshold: 0.7,
  lowestPort: 1_024,
  highestPort: 65_535,
  /** An answer later than this counts as none. */
  answerWithinMs: 5_000,
} as const
export type CheckSettings = { readonly [K in keyof typeof CHECK_DEFAULTS]: number }

export const VERIFIER_DEFAULTS = {
  /** Times that a silent relay is asked before it counts as silent (D-06: at most three). */
  attempts: 3,
  /** A verification that takes longer ends as it stands. */
  timeoutMs: 60_000,
  /** Pause before the second attempt; doubled before the third; each up to a half longer by chance. */
  pauseMs: 2_000,
  /** Candidates that wait; further ones are refused. */
  maxWaiting: 1_000,
  /** Of one /24 or /48. */
  maxWaitingPerNetwork: 16,
  /** Verifications under way. */
  concurrency: 8,
  concurrencyPerNetwork: 2,
  /** Relays are verified anew when their result has grown old; looked for this often. */
  sweepMs: 30_000,
  /** Relays that are verified anew in one sweep. */
  sweepLimit: 32,
  /** Results remembered. */
  maxCached: 4_096,
  /** A candidate that was not proven is left alone for so long; twice as long each time, at most so long. */
  unprovenMs: MINUTE_MS,
  maxUnprovenMs: HOUR_MS,
  /** Failures in a row after which it is not looked for again by itself. */
  maxFailures: 8,
  /** A time of reuse is shortened by up to this share, so that not all are due at once. */
  jitter: 0.25,
} as const
export type VerifierSettings = { readonly [K in keyof typeof VERIFIER_DEFAULTS]: number }

/** For how long a result is used again, by class; a spy is not asked again while it is remembered. */
export const REUSE_MS: Readonly<Record<VerdictClass, number>> = {
  high: 4 * HOUR_MS,
  medium: 15 * MINUTE_MS,
  low: HOUR_MS,
  spy: 90 * DAY_MS,
  unchecked: 0,
}
export const PROOF_DEFAULTS = {
  /** The request is sent once more after this, with the same nonce: datagrams get lost. */
  againMs: 2_000,
  /** A proof that comes later than this is not waited for; between 5 s and this it is late, but proves the key. */
  waitMs: 8_000,
  /** Questions that are open at once; further ones end at once as `busy`. */
  maxQuestions: 256,
  /** Signatures made for others, over all sources: one costs up to a millisecond. */
  signaturesPerSecond: 50,
  /** The same for relays that are proven to us, which made-up sources shall not keep from their proofs. */
  signaturesForKnownPerSecond: 200,
  /** Answers whose signature is checked, for one question. */
  maxAnswers: 3,
} as const
export type ProofSettings = { readonly [K in keyof typeof PROOF_DEFAULTS]: number }

/** D-07: what a stranger may ask of us. */
export const REQUEST_LIMIT = {
  requests: 10,
  perMs: MINUTE_MS,
  /** Sources remembered. */
  sources: 4_096,
} as const

/** Bounds of what a snapshot may hold, in bytes. */
export const MAX_SNAPSHOT_BYTES = 4 * 2 ** 20

export const BOOK_DEFAULTS = {
  maxRelays: 2_000,
  /** Spies remembered by key, and as many by address. */
  maxSpies: 10_000,
  /** Marks set by hand. */
  maxMarks: 2_000,
  /** A spy is forgotten after this. */
  spyRememberedMs: 90 * DAY_MS,
  /** Checks older than this count as not done. */
  checksLifetimeMs: DAY_MS,
  /** Networks that must speak before what others say counts. */
  minVoices: 3,
  /** What others say is worth nothing after this. */
  opinionLifetimeMs: DAY_MS,
  /** Opinions counted for one relay. */
  maxVoices: 16,
  /** Others' word of a reputation is cut to these. */
  othersLeast: 0.2,
  othersMost: 0.8,
} as const
export type BookSettings = { readonly [K in keyof typeof BOOK_DEFAULTS]: number }

/** How reputation moves; the reasons stand in docs/trust.md. */
export const REPUTATION_DEFAULTS = {
  /** Shares of the three parts; they sum up to 1. */
  circuitShare: 0.5,
  bandwidthShare: 0.2,
  uptimeShare: 0.3,
  /** Of a new relay, and of each part of which nothing is known. */
  neutral: 0.5,
  /** Observations of a part that weigh as much as not knowing. */
  priorWeight: 4,
  /** Observations of a part count as at most so many, so that a good past is spent in days, not in years. */
  maxWeight: 40,
  circuitHalfLifeMs: 3 * DAY_MS,
  bandwidthHalfLifeMs: 3 * DAY_MS,
  uptimeHalfLifeMs: 7 * DAY_MS,
  /**
   * Of two observations of one kind within this time the second counts as the part of it that has passed: what goes wrong for a
   * while, perhaps on our own side, is about one observation.
   */
  spacingMs: 30 * MINUTE_MS,
  /** Relays are asked whether they are up a few times a day: more often tells little more. */
  uptimeSpacingMs: HOUR_MS,
  /** Measured / promised from which a promise counts as kept, and below which as broken. */
  promiseKept: 0.5,
  promiseBroken: 0.1,
  /** Circuits from which, and share of good ones below which, a relay counts as one that carries nothing. */
  failingFrom: 2.5,
  failingBelow: 0.25,
  /** Observations from which something is worth saying of a part, and the share of good ones from which it is praise. */
  noticeFrom: 2.5,
  sureFrom: 0.8,
  /** Observations of being up for which a relay is said to be up for long: three days of four a day. */
  longFrom: 12,
  /** Points of one misbehaviour that are worth naming. */
  noticePoints: 0.25,
  /** A relay below this reputation is not trusted; below the second it is suspect. */
  trustedFrom: 0.4,
  suspectBelow: 0.25,
  /** Points of misbehaviour from which a relay is suspect, and blocked. */
  suspectPoints: 1,
  blockPoints: 4,
  /** Points are cut off here. */
  maxPoints: 8,
} as const
export type ReputationSettings = { readonly [K in keyof typeof REPUTATION_DEFAULTS]: number }

/** What one case of each misbehaviour weighs, and how fast it is forgotten. */
export const MISBEHAVIOUR_POINTS: Readonly<
  Record<Misbehaviour, { readonly points: number; readonly halfLifeMs: number }>
> = {
  'altered-data': { points: 3, halfLifeMs: 30 * DAY_MS },
  'wrong-address': { points: 2, halfLifeMs: 7 * DAY_MS },
  'forged-proof': { points: 1.5, halfLifeMs: 7 * DAY_MS },
  'dropped-data': { points: 0.75, halfLifeMs: 2 * DAY_MS },
  'probe-only': { points: 1.5, halfLifeMs: 3 * DAY_MS },
  'over-promised': { points: 0.6, halfLifeMs: 3 * DAY_MS },
}
