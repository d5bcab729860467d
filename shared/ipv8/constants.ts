import { fromHex } from '../bytes/bytes.ts'

/** Bytes of a community id (SHA-1). */
export const COMMUNITY_ID_BYTES = 20
/** Bytes of a packet's prefix: 00 02 and the community id. The message id follows. */
export const PREFIX_BYTES = 22

/** Tribler's tunnel community: what relays and exits speak. */
export const TUNNEL_COMMUNITY_ID = fromHex('a3591a6bd89bbaca0974062a1287afcfbc6fd6bc')
/** The community that every Tribler runs beside; its ping keeps peers of all communities known. */
export const DISCOVERY_COMMUNITY_ID = fromHex('7e313685c1912a141279f8248fc8db5899c5df5a')

/** Message ids of introductions and punctures; those with NEW carry addresses of either family. */
export const INTRODUCTION_REQUEST = 246
export const INTRODUCTION_RESPONSE = 245
export const PUNCTURE_REQUEST = 250
export const PUNCTURE = 249
export const NEW_INTRODUCTION_REQUEST = 234
export const NEW_INTRODUCTION_RESPONSE = 233
export const NEW_PUNCTURE_REQUEST = 232
export const NEW_PUNCTURE = 231

/** Message ids of the DiscoveryCommunity. */
export const SIMILARITY_REQUEST = 1
export const SIMILARITY_RESPONSE = 2
export const PING = 3
export const PONG = 4

/** What a peer offers: a mask of 16 bits in the extra bytes of its introductions. */
export const FLAG_RELAY = 1
export const FLAG_EXIT_BITTORRENT = 2
export const FLAG_EXIT_IPV8 = 4
export const FLAG_SPEED_TEST = 8
/** Sends HTTP requests (messages 28, 29) over TCP connections of its own; Tribler's. */
export const FLAG_EXIT_HTTP = 0x8000
/** Culvert's own: ends STREAM cells in TCP. Far from Tribler's bits (1 to 8, 16384, 32768), which ignore it. */
export const FLAG_EXIT_STREAM = 0x0100

/** Defaults of the walk and of staying known; times and sizes are py-ipv8's where it has one (constants.json). */
export const WALK_DEFAULTS = {
  tickMs: 500,
  /** With no address left that was told, known peers are asked at this pace. */
  idleMs: 1_000,
  /** Introduction requests open at once. */
  window: 5,
  /** So long an unanswered request takes a place in the window. An answer may still come later. */
  requestTimeoutMs: 3_000,
  /** N-08: a handshake is done in this time or the peer is unreachable. */
  handshakeTimeoutMs: 10_000,
  /** Identifiers have 16 bits. Who does not see what we ask, and forges answers to it, guesses so often each time. */
  wrongAnswers: 3,
  /** N-11: after so many failures in a row a peer is unreachable. */
  failuresUntilUnreachable: 5,
  /** What is unreachable rests so long, twice as long each time, up to the other. */
  restMs: 60_000,
  maxRestMs: 600_000,
  /** N-06: with nobody answering, the bootstrap list is asked again this often. */
  bootstrapRetryMs: 30_000,
  /** Of 256: how often the walk goes back to a known peer though it was told new addresses. */
  resetChance: 50,
  /**
   * From `targetPeers` on, one known peer is asked at this pace (py-ipv8 asks none then): who was started anew under another
   * key answers the pings of his old one, and is noticed only so.
   */
  restingMs: 10_000,
  /** The walk slows down from this many peers on. */
  targetPeers: 20,
  /** Strangers are not answered from this many peers on. */
  maxPeers: 30,
  /** So many places are kept free for strangers, beyond the target: every `thinMs` one of the others leaves. */
  freePlaces: 4,
  thinMs: 5_000,
  /** Peers of one IPv4 /24 or IPv6 /48. */
  maxPeersPerNetwork: 3,
  /** Addresses that were told and not yet tried. */
  maxAddresses: 200,
  /** Addresses that signed packets came from, whether or not their peer is in the table. */
  maxContacts: 500,
  /** Flags come only with introductions, so a known peer is asked again this often (N-07). */
  refreshMs: 300_000,
  /** Peers looked at per tick for a ping or a farewell. */
  livenessSample: 8,
  pingIntervalMs: 10_000,
  pingAfterSilenceMs: 27_500,
  dropAfterSilenceMs: 57_500,
  /** A peer is pinged until so many round trips are measured. */
  roundTrips: 5,
  /** The DiscoveryCommunity is walked at this pace, up to so many peers, and one of them asked for its communities. */
  discoveryTickMs: 5_000,
  discoveryPeers: 10,
  similarityMs: 10_000,
  /** A community beside has a tick of its own, is walked at the DiscoveryCommunity's pace once somebody is known, and up to so many peers. */
  sideTickMs: 1_000,
  sidePeers: 10,
  /** Observations about our own addresses and our NAT count for so long. */
  evidenceMs: 600_000,
  /** Signatures checked per second, of strangers and again of known addresses: each costs about a millisecond of a core. */
  verificationsPerSecond: 100,
  /** Of those for one IPv4 address or IPv6 /64. */
  verificationsPerSource: 30,
  /** Introduction and similarity requests looked at per second, of one IPv4 address or IPv6 /64: taking one apart costs as much as many cells. */
  requestsPerSource: 50,
  /** Unsigned requests that make us send (punctures, pongs), per second. */
  unsignedAnswersPerSecond: 50,
  /** Of those for one IPv4 address or IPv6 /64. */
  unsignedAnswersPerSource: 10,
  /** Signed answers a second to one IPv4 /24 or IPv6 /48 before a source there has proved that it can be answered. */
  answersPerNetwork: 10,
  /** Punctures per second for one introducer that has proved its address, and towards one target. */
  puncturesPerSource: 2,
} as const
export type WalkSettings = { readonly [K in keyof typeof WALK_DEFAULTS]: number }
