/** D-03. Times in milliseconds. */
export const TRACKER_LIMITS = {
  /** Where the tracker says nothing, and the least and the most that it can ask for. */
  intervalMs: 1_800_000,
  minIntervalMs: 300_000,
  maxIntervalMs: 7_200_000,
  timeoutMs: 30_000,
  /** A UDP tracker that does not answer is asked again after these, within the time-out. */
  againMs: [3_000, 6_000, 12_000],
  /** A tracker that fails is left alone for this; twice as long each time, up to the longest interval. */
  failedMs: 300_000,
  /** Peers wanted. */
  wanted: 80,
  /** The largest answer that is read: 400 peers in the long form. */
  answerBytes: 65_536,
  redirects: 3,
  /** Of one HTTP tracker: tried one after the other, each in its part of the time. */
  addresses: 3,
} as const

/** The exchange with known relays (D-04). */
export const EXCHANGE_SOURCE = {
  /** Partners are asked whom they have dropped since the last round, and so much longer. */
  dropSlackSeconds: 60,
  /** Networks that must have dropped a relay before it is asked whether it is still there. */
  dropVoices: 2,
  /** How many are asked in a round. */
  looksPerRound: 4,
  /** Places of a round, a third of them at most (half while nobody else is known), for relays that were silent when last asked. */
  silentPerRound: 3,
} as const

/** The DHT source. */
export const DHT_SOURCE = {
  /** From the start to the first announce; doubled while it fails, up to the second. */
  announceFirstMs: 500,
  announceLongestMs: 300_000,
  /** How often it is looked whether there is a new descriptor to put, or the time has come to put the old one again. */
  renewMs: 60_000,
  /** Nodes are written to the state folder so often, and when the relay stops. */
  saveMs: 600_000,
  /** How long a look by hand waits for the first nodes, and how often it looks for them. */
  firstNodesMs: 10_000,
  lookMs: 50,
  /** Names of routers and bootstrap nodes that were not found are looked up again so often. */
  namesMs: 30_000,
  /** Those that were found, so often: what they lead to changes. */
  namesAgainMs: 10_800_000,
  /** Nodes saved. */
  savedNodes: 200,
} as const

/** A crawl waits no longer for an answer: it asks many, and can do without the late ones. A lookup has no others to ask. */
export const CRAWL_ANSWER_MS = 4_000

/** The public DHT's well-known routers (D-02). Asked for by name each time that they are needed: their addresses change. */
export const DHT_ROUTERS: readonly string[] = [
  'router.bittorrent.com:6881',
  'dht.transmissionbt.com:6881',
  'router.utorrent.com:6881',
  'dht.libtorrent.org:25401',
  'dht.aelitis.com:6881',
]

/** How often the directory is looked through for relays that came by themselves and have proved nothing yet. */
export const SWEEP_MS = 1_000
