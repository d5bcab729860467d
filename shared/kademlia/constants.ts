/** Sizes, times and limits of the DHT. Values marked "mainline" are those of BEP 5 and its followers; the others are ours. */

/** Node ids, info hashes and targets, in bytes. */
export const ID_BYTES = 20
/** Nodes in one answer (mainline), at least. */
export const NODES_PER_ANSWER = 8
/** A query that is longer than this gets more nodes for the bytes beyond, up to k: the answer is never larger than the query then. */
export const ANSWER_BYTES_WITHOUT_NODES = 160
/** What a node takes in an answer. */
export const NODE_BYTES = { ipv4: 26, ipv6: 38 } as const
/** The largest datagram that we send. */
export const MAX_SENT_BYTES = 1_400
/** The most bytes of an own item: what fits a BEP 44 value as a byte string. */
export const MAX_OWN_ITEM_BYTES = 995

/** How strictly node ids must fit addresses (BEP 42): such nodes come first, only such ones count, or all are the same. */
export type IdPolicy = 'prefer' | 'require' | 'off'

export interface KademliaSettings {
  /** Nodes in a bucket, and closest nodes that a lookup ends with (K-02). */
  readonly k: number
  /** Queries under way of a lookup, for each of its paths (K-03). */
  readonly alpha: number
  /** Disjoint paths of a lookup for peers and items (S/Kademlia). */
  readonly paths: number
  /** Nodes that a peer or an item is stored at. Mainline takes 8; more survive churn and hostile neighbours of the target. */
  readonly replication: number
  /** BEP 42. */
  readonly nodeIds: IdPolicy
  /** Nodes of one /24 (IPv4) or /48 (IPv6): in a bucket, in the table, and among a lookup's candidates near the target. */
  readonly perNetworkInBucket: number
  readonly perNetworkInTable: number
  readonly perNetworkInLookup: number
  /** Nodes whose ids do not fit their addresses that a lookup asks besides, where they are not preferred (mainline has them too). */
  readonly unfitInLookup: number
  /** A lookup asks no more nodes; the search around a crowded target (gathering.ts) not counted. */
  readonly queriesPerLookup: number
  /** Nodes near a target so many times denser than in the whole network are no chance: the search is widened. */
  readonly crowdFactor: number
  /** Replacements kept for each bucket. */
  readonly replacements: number
  /** A node not heard of for so long is questionable, a bucket not looked into is refreshed (mainline: 15 minutes). */
  readonly questionableMs: number
  readonly refreshMs: number
  /** Unanswered queries in a row after which a node is bad. */
  readonly failures: number

  /**
   * A query is sent again after a time that follows from round trips measured, and its place in a lookup is free for another
   * after that time once more; these bound it. It is given up after `timeoutMs`.
   */
  readonly minResendMs: number
  readonly maxResendMs: number
  readonly timeoutMs: number
  /** A lookup takes no longer. */
  readonly lookupMs: number
  /** Lookups under way at once; further ones wait, up to the second number, then fail at once. */
  readonly lookups: number
  readonly lookupsWaiting: number
  /** Queries under way at once, all lookups together. */
  readonly pending: number
  /** Routers are asked again so often while the table is empty. */
  readonly bootstrapMs: number

  /** What lookups found is given again for so long, and this many of them are remembered. */
  readonly cacheMs: number
  readonly cacheEntries: number

  /** Peers kept: for how long (mainline: 30 minutes), for how many info hashes, for one of them, in all, and of one /24 for one. */
  readonly peerMs: number
  readonly infoHashes: number
  readonly peersPerInfoHash: number
  readonly peers: number
  readonly peersPerNetwork: number
  /** Peers of one /24 or /48 for all info hashes together: whoever has a few addresses shall not put out what others announced. */
  readonly peersPerNetworkInAll: number
  /** Items kept: for how long (mainline: 2 hours), how many, and put there by one /24 or /48. */
  readonly itemMs: number
  /** An item that a lookup of ours found is kept for others for so long. */
  readonly hotItemMs: number
  readonly items: number
  readonly itemsPerNetwork: number
  /** What we put and announced ourselves is put again so often. */
  readonly republishMs: number
  /** After a time that it did not work, this soon. */
  readonly republishSoonMs: number
  /** Info hashes in one sample (BEP 51). */
  readonly samples: number
  /** What BEP 51 tells others to wait before they ask for a sample again. */
  readonly sampleIntervalMs: number

  /** Queries answered: of one address and of one network in a window, and of all together per second. */
  readonly queryWindowMs: number
  readonly queriesPerSource: number
  readonly queriesPerNetwork: number
  readonly queriesPerSecond: number
}

export const KADEMLIA_DEFAULTS: KademliaSettings = {
  k: 20,
  alpha: 3,
  paths: 4,
  replication: 20,
  nodeIds: 'prefer',
  perNetworkInBucket: 2,
  perNetworkInTable: 10,
  perNetworkInLookup: 2,
  unfitInLookup: 8,
  queriesPerLookup: 240,
  crowdFactor: 4,
  replacements: 4,
  questionableMs: 15 * 60_000,
  refreshMs: 15 * 60_000,
  failures: 2,

  minResendMs: 200,
  maxResendMs: 1_500,
  timeoutMs: 8_000,
  lookupMs: 60_000,
  lookups: 16,
  lookupsWaiting: 256,
  pending: 1_024,
  bootstrapMs: 30_000,

  cacheMs: 60_000,
  cacheEntries: 64,

  peerMs: 30 * 60_000,
  infoHashes: 2_000,
  peersPerInfoHash: 500,
  peers: 50_000,
  peersPerNetwork: 8,
  peersPerNetworkInAll: 200,
  itemMs: 2 * 3_600_000,
  hotItemMs: 10 * 60_000,
  items: 1_000,
  itemsPerNetwork: 50,
  republishMs: 25 * 60_000,
  republishSoonMs: 30_000,
  samples: 20,
  sampleIntervalMs: 60_000,

  queryWindowMs: 10_000,
  queriesPerSource: 50,
  queriesPerNetwork: 200,
  queriesPerSecond: 500,
}

/** How a crawl goes about it (crawler.ts). */
export interface CrawlSettings {
  /** It ends after this, or sooner when everybody was asked. */
  readonly timeMs: number
  /** Questions asked, evenly spread over the second; one that is not answered is sent once more. */
  readonly queriesPerSecond: number
  /** Questions under way at once: who is silent keeps its place for `KademliaSettings.timeoutMs`. */
  readonly pending: number
  /** Nodes remembered, in all, of one /24 or /48, and of those that one answer names. */
  readonly nodes: number
  readonly nodesPerNetwork: number
  readonly nodesPerAnswer: number
  /** Questions on the way to one point: whoever makes up nodes that are nearer and nearer does not hold the crawl up. */
  readonly queriesPerPoint: number
  /** A node is asked for samples again after the interval that it says (BEP 51), and never sooner than this. */
  readonly leastIntervalMs: number
  /** Numbers kept to count info hashes: half as many are the least. */
  readonly countedInfoHashes: number
  /** Estimates of the network's size remembered, the latest; their median is told. */
  readonly sizeSamples: number
}

export const CRAWL_DEFAULTS: CrawlSettings = {
  timeMs: 60_000,
  queriesPerSecond: 20,
  pending: 128,
  nodes: 30_000,
  nodesPerNetwork: 16,
  nodesPerAnswer: 20,
  queriesPerPoint: 24,
  leastIntervalMs: 30_000,
  countedInfoHashes: 16_384,
  sizeSamples: 64,
}
