import { fromHex } from '../bytes/bytes.ts'

/** The community in which Tribler's peers keep a DHT of their own. */
export const DHT_COMMUNITY_ID = fromHex('8d0be1845d74d175f178197cad001591d04d73cc')

/** Message ids of the DHT community. */
export const DHT_MESSAGE = {
  ping: 1,
  pong: 2,
  store: 3,
  stored: 4,
  find: 5,
  found: 6,
  storePeer: 7,
  peerStored: 8,
  connectPeer: 9,
  peerConnected: 10,
} as const

/** Node ids, targets and tokens, in bytes. */
export const ID_BYTES = 20
export const TOKEN_BYTES = 20

/**
 * Sizes, times and limits. Those marked "protocol" are what py-ipv8 3.2.0 does, and what others rely on; the rest is ours. The table's
 * own are those of `kademlia/constants.ts`, with the changes of `tables.ts`.
 */
export interface DhtSettings {
  /** The longest entry, and how long one is kept where no eight nodes are nearer (protocol). */
  readonly entryBytes: number
  readonly entryMs: number
  /** Values in one store and one found, nodes in one found (protocol). */
  readonly valuesPerMessage: number
  readonly nodesPerMessage: number
  /** Nodes that a value is stored at (protocol). */
  readonly replicas: number
  /** Questions under way of a lookup, and all of it (protocol); asking for punctures is not counted. */
  readonly alpha: number
  readonly asksPerLookup: number
  /** Until a find, and anything else, counts as unanswered (protocol). */
  readonly findMs: number
  readonly requestMs: number
  /** A token's secret is changed this often, and the one before is good as well (protocol). */
  readonly tokenMs: number
  /** A stored peer that does not ping is forgotten (protocol). */
  readonly peerMs: number
  /** A lookup takes no longer, and so many run at once. */
  readonly lookupMs: number
  readonly lookups: number
  /** Nodes of one network among the candidates of a lookup, candidates in all, values that it gathers. */
  readonly perNetworkInLookup: number
  readonly candidates: number
  /** Questions of a lookup to one IPv4 address or IPv6 /64, whatever nodes are said to be there. */
  readonly asksPerMachine: number
  /** Nodes told by one machine that did not answer: those that it alone tells of are asked last then. */
  readonly missingPerTeller: number
  readonly valuesPerLookup: number
  /** Requests under way; pings to strangers are begun only while fewer are. */
  readonly requests: number
  readonly requestsWithStrangers: number
  /** Targets that values are kept for, values of one target, and put by one network under one target and in all. */
  readonly targets: number
  readonly valuesPerTarget: number
  readonly valuesPerNetworkAndTarget: number
  readonly valuesPerNetwork: number
  /** Peers kept for others to meet, and of one network. */
  readonly peers: number
  readonly peersPerNetwork: number
  /** Requests answered of one IPv4 address or IPv6 /64: per second, and at once. */
  readonly queriesPerSource: number
  readonly queryBurst: number
  /** The largest found that is sent. */
  readonly foundBytes: number
  /** Nodes of the table, and of the walk, pinged in one tick; a member of the walk that is not in the table again after so long. */
  readonly pingsPerTick: number
  readonly considerMs: number
  /** While nobody has answered for so long it is we who are cut off, and nobody is to blame. */
  readonly cutOffMs: number
}

export const DHT_DEFAULTS: DhtSettings = {
  entryBytes: 170,
  entryMs: 3_600_000,
  valuesPerMessage: 8,
  nodesPerMessage: 8,
  replicas: 8,
  alpha: 4,
  asksPerLookup: 24,
  findMs: 2_000,
  requestMs: 5_000,
  tokenMs: 300_000,
  peerMs: 60_000,
  lookupMs: 10_000,
  lookups: 16,
  perNetworkInLookup: 2,
  candidates: 100,
  asksPerMachine: 2,
  missingPerTeller: 2,
  valuesPerLookup: 64,
  requests: 512,
  requestsWithStrangers: 256,
  targets: 500,
  valuesPerTarget: 24,
  valuesPerNetworkAndTarget: 8,
  valuesPerNetwork: 200,
  peers: 500,
  peersPerNetwork: 20,
  queriesPerSource: 4,
  queryBurst: 20,
  foundBytes: 1_452,
  pingsPerTick: 2,
  considerMs: 60_000,
  cutOffMs: 30_000,
}
