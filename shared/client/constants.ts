/** Pause before another try to reach an entry relay, by the number of its failures in a row. */
export const ENTRY_BACK_OFF_MS = [0, 500, 1_000, 2_000, 5_000, 10_000]
/** So many failures in a row without a link, and people are told that no relay is reachable. */
export const ENTRY_FAILURES_TO_TELL = 2
/** A link that ends sooner than this is a failure too: a relay that lets us in only to drop us shall not be asked at once. */
export const ENTRY_YOUNG_MS = 5_000
/** While others serve, a better entry relay that failed is tried again this often. */
export const ENTRY_BETTER_MS = 60_000
/** Pause before all ways to an entry are tried again, by the number of failures in a row; it may have come back any moment. */
export const ENTRY_REDIAL_MS = [0, 500, 1_000, 2_000]
/** Links to entry relays at once: one for the primary, one for the standby (C-05). */
export const ENTRY_LINKS = 2
/** A link with a silent circuit over which nothing has come for this long is taken for silent itself. */
export const LINK_SILENT_MS = 1_000
/** And closed after this long, if it still is. */
export const LINK_DEAD_MS = 15_000
/** The directory is asked for again this often: relays come and go. */
export const DIRECTORY_REFRESH_MS = 60_000
/** While too few relays are known it is asked for this often. */
export const DIRECTORY_FEW_MS = 3_000
/** A connection that is asked for while there is no circuit waits this long for one. */
export const STREAM_WAIT_MS = 30_000
/** What such a connection may hold back, in bytes. */
export const WAITING_BYTES = 256 * 1024
/** Connections waiting at once. */
export const WAITING_STREAMS = 256
/** Origins remembered for datagrams' way back to the socket that asked; the oldest goes first. */
export const REMEMBERED_ORIGINS = 4_096
/** Largest datagram that is sent into a circuit, bytes; fits a cell with any address but long names. */
export const MAX_SENT_DATAGRAM_BYTES = 1_300
/** How long a hop of a circuit outside of the pool may take: create and extend are repeated for three seconds. */
export const OWN_HOP_TIMEOUT_MS = 5_000
/** Circuits outside of the pool at once. */
export const MAX_OWN_CIRCUITS = 32
/** The list of all relays is put together anew after this, in milliseconds, besides when the directory has changed: hearsay gets old. */
export const KNOWN_RELAYS_MS = 60_000

/** Who told of which relays (sightings.ts). */
export const SIGHTINGS = {
  maxSources: 24,
  /** Of one source. */
  maxRelays: 4_000,
  maxConfirmed: 4_000,
  /** Voices (other networks, other families) that make a relay more than somebody's word. */
  confirmedBy: 2,
  /** What was confirmed stays so for two weeks. */
  rememberedMs: 14 * 86_400_000,
  /** News gets around in this time: who has not told of a relay by then keeps it back. */
  graceMs: 180_000,
} as const

/** The comparison of what several relays tell (directory-comparison.ts). */
export const COMPARISON = {
  /** The first round comes so long after the start, or after the last look for somebody to ask. */
  firstMs: 2_000,
  /** Between rounds, less up to `jitter` of it. */
  everyMs: 3_600_000,
  jitter: 0.2,
  /** The same while relays are unconfirmed or not judged, or too few answered; doubled each time up to `everyMs`. */
  soonMs: 60_000,
  /** Relays that are to answer in one round, asked at once, and asked at most. */
  sources: 4,
  atOnce: 2,
  attempts: 10,
  /** For one relay: circuit, descriptors and verdicts. */
  sourceMs: 60_000,
  /** Relays that tell only what is new are asked for so much more: news takes time to get around. */
  slackMs: 600_000,
  /** Voices that must have told all before what one alone knows is set aside. */
  enoughVoices: 3,
  /** A source that keeps back so many, and this share of all, hides them; fewer it may not have reached. */
  hiddenAtLeast: 3,
  hiddenShare: 0.1,
  /** Relays whose opinions are kept. */
  maxTellers: 16,
} as const
export type ComparisonSettings = { readonly [K in keyof typeof COMPARISON]: number }

/** What is kept of the directory between one run and the next is written this long after a change. */
export const KEEP_DIRECTORY_MS = 60_000
/** The same after a change by hand. */
export const KEEP_SOON_MS = 500

/** What one circuit's exit is to ask by HTTP, beside what it asks already. */
export const HTTP_WAITING = 16
