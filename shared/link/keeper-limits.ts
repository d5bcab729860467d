/** Bodies of control packets, in bytes. */
export const MAX_MESSAGE_BODY_BYTES = 8_192
export const MAX_SIGNAL_BODY_BYTES = 2_048
export const MAX_PING_PADDING_BYTES = 16_000

/** How good a neighbour is before anything is known of how it performs (L-05). */
export const PRIORITIES = {
  /** Named in the operator's configuration. */
  'first-ring': 10,
  /** Trusted by hand. */
  trusted: 8,
  /** Passed its checks. */
  verified: 6,
  /** Known by its descriptor. */
  discovered: 4,
  untrusted: 2,
} as const

/** Times and bounds of one neighbour; milliseconds, bytes. */
export const NEIGHBOUR_SETTINGS = {
  /** It closes as `failed` if it has no wire after that long. */
  connectTimeoutMs: 30_000,
  /** A neighbour whose last wire was lost waits that long for another before it closes as `lost`. */
  resumeMs: 10_000,
  /** A wire that nothing came from for that long is asked whether it lives. */
  heartbeatMs: 60_000,
  /** Sent and nothing heard for that long while it carries circuits: it is asked. Again after the same time. */
  silenceMs: 250,
  /** Taken for the round trip until one has been measured. */
  unknownRoundTripMs: 1_000,
  /** Between questions to a wire that carries no circuits. */
  idleAskMs: 5_000,
  /** Between questions to a wire that is silent. */
  silentAskMs: 1_000,
  /** A wire in use is asked at least that often, to know its round trip. */
  measureMs: 15_000,
  /** A wire that stays silent for that long although it is asked is closed as `lost`. */
  lostMs: 30_000,
  /** Wires older than this are replaced; 0: never. */
  rotateAfterMs: 3_600_000,
  /** A wire that retires is closed after that long, whatever still waits in it. */
  retireMs: 30_000,
  /** A wire that both ends are done with stays open that long for what is under way. */
  lingerMs: 1_000,
  /** How often it is looked whether a wire that retires has sent all that waited. */
  drainPollMs: 20,
  /** Wires of one kind that both ends opened within that time are taken for one wish, dialled twice. */
  tieMs: 30_000,
  /** Wires at one time, those that retire included. */
  maxWires: 8,
  /** What waits for the first wire. */
  pendingPackets: 256,
  pendingBytes: 262_144,
  /** What a new wire brings is held back that long for what an old one still has under way. */
  holdMs: 2_000,
  holdBytes: 524_288,
  /** Flows that keep to their wire; those unused for `flowIdleMs` are forgotten, then the oldest. */
  flows: 4_096,
  flowIdleMs: 30_000,
}
export type NeighbourSettings = { readonly [K in keyof typeof NEIGHBOUR_SETTINGS]: number }

/** L-02, and what it leaves open. */
export const KEEPER_SETTINGS = {
  /** Links with other relays, incoming ones too. */
  maxLinks: 10,
  /** Below that, links are looked for. */
  minLinks: 3,
  /** Links with pages, and others whose key nobody knows, that came by the gateway. */
  maxPages: 1_000,
  /** Dials at one time. */
  maxDials: 4,
  /** Wires of different kinds to one relay. */
  kindsPerLink: 2,
  /** The next address of a relay is tried when the one before has not answered for that long. */
  dialStaggerMs: 2_000,
  /** A lost link is opened again after that long, and up to half as long again by chance. */
  reconnectMs: 30_000,
  /** Tries in a row, `retryDelayMs` apart, before a relay is left alone for `restMs`. */
  retryAttempts: 3,
  retryDelayMs: 30_000,
  restMs: 600_000,
  /** How often a better relay is looked for, with a full table. */
  betterMs: 300_000,
  /** Ids of messages that are remembered, so that none counts twice. */
  messageIds: 4_096,
}
export type KeeperSettings = { readonly [K in keyof typeof KEEPER_SETTINGS]: number }
