import { STREAM_PACKET_BYTES } from '../link/constants.ts'
import { RETRY_DEFAULTS, type RetrySettings } from '../world/retry.ts'

/**
 * Sizes, message ids and default limits of the onion room. Layouts: docs/protocol.md. Values marked "protocol" are those of
 * IPv8's tunnel community, which its nodes rely on; the others are ours to choose.
 */

/** Prefix 22, 00, circuit id 4, plaintext flag 1, relay-early flag 1. */
export const CELL_HEADER_BYTES = 29
/** A layer's counter, in front of what it seals. */
export const COUNTER_BYTES = 8
/** What a layer adds: counter 8, authentication tag 16. */
export const LAYER_BYTES = 24
/** More hops than this are never built. */
export const MAX_HOPS = 3
/** The largest cell where nothing else was agreed: what fits a UDP datagram on a 1,500-byte Ethernet path. */
export const MAX_CELL_BYTES = 1472
/** The largest cell where every link of the circuit is a stream; see CellSize. */
export const JUMBO_CELL_BYTES = STREAM_PACKET_BYTES
/** The last hop is asked so often for the size of cells, and so long after another. */
export const CELL_SIZE_TRIES = 3
export const CELL_SIZE_RETRY_MS = 1_000
/**
 * The largest message, its id included. It fits however many hops there are, so that the size of a full cell on the
 * owner's link tells nothing else: 1,371.
 */
export const MAX_MESSAGE_BYTES = MAX_CELL_BYTES - CELL_HEADER_BYTES - MAX_HOPS * LAYER_BYTES

/** The largest datagram that comes back from the swarm: what an Ethernet frame carries in UDP over IPv4. */
export const MAX_DATAGRAM_BYTES = 1472
/**
 * The largest message that an exit makes, its id included: such a datagram with an empty destination (7) and its sender's
 * address (7, of IPv6 19). Peers that speak uTP try how large a packet gets through and send what was lost again unchanged,
 * so dropping these would stall them; the cell, up to 1,600 bytes, goes as IP fragments.
 */
export const MAX_DATA_BACK_BYTES = 1 + 7 + 19 + MAX_DATAGRAM_BYTES

/** HTTP through an exit (28, 29): bytes of the response in one part (protocol); such a cell goes as IP fragments, like data back. */
export const HTTP_PART_BYTES = 1_400
/** The largest response, head and body (Tribler's exits read 1 MiB of body). */
export const HTTP_RESPONSE_BYTES = 1_048_576
/** Parts that an exit sends at once, and the pause before the next: 2.2 MB/s. */
export const HTTP_BURST_PARTS = 32
export const HTTP_PACE_MS = 20
/** Requests of one circuit that wait for their response. */
export const HTTP_OPEN_REQUESTS = 5
/** Bytes of responses that an exit has for all its circuits and has not sent whole. */
export const HTTP_SENDING_BYTES = 67_108_864
/** An owner waits this long for all parts. */
export const HTTP_TIMEOUT_MS = 30_000

/** First byte of a message (protocol, but for 80 to 83, which are ours). */
export const MESSAGE = {
  cell: 0,
  data: 1,
  create: 2,
  created: 3,
  extend: 4,
  extended: 5,
  ping: 6,
  pong: 7,
  destroy: 8,
  establishIntro: 9,
  introEstablished: 10,
  establishRendezvous: 11,
  rendezvousEstablished: 12,
  createE2e: 13,
  createdE2e: 14,
  linkE2e: 15,
  linkedE2e: 16,
  peersRequest: 17,
  peersResponse: 18,
  testRequest: 19,
  testResponse: 20,
  /** 19 and 20 with an identifier of 4 bytes, as Tribler's own endpoint has them. */
  wideTestRequest: 21,
  wideTestResponse: 22,
  httpRequest: 28,
  httpResponse: 29,
  /** Ours: a uTP packet of a stream that the exit ends in TCP. Layout of data. */
  stream: 80,
  /** Ours: why the exit ended or refused a stream. */
  streamReset: 81,
  /** Ours: a packet of the directory's community without its prefix, to the last hop and back. */
  directory: 82,
  /** Ours: how large cells may be on the way so far, asked of a hop and answered; see CellSize. */
  mtu: 83,
} as const

/** Reason in a destroy. 1 to 4 and 65535 are the protocol's; from 0x4301 on ours, which others pass on unread. */
export const DESTROY_REASON = {
  /** Counts as no reason: the circuit ends here and nothing is passed on (protocol). */
  none: 0,
  unknown: 1,
  shutdown: 2,
  unneeded: 4,
  balance: 65535,
  /** A limit on circuits or handshakes was reached: try elsewhere. */
  limit: 0x4301,
  /** The next hop could not be, or may not be, extended to. */
  'extend-failed': 0x4302,
  /** The link to a neighbour closed. */
  'link-lost': 0x4303,
  /** The circuit carried all that one circuit may carry, or lived as long as one may. */
  'worn-out': 0x4304,
} as const

/** The first counter of the responder's layers, and of a py-ipv8 owner's (protocol). */
export const FIRST_COUNTER = 2
/**
 * The first counter of our owner's forward layers. The responder has sealed its candidate list with the forward key and
 * counter 2; an owner that starts at 2 as well uses one nonce for two plaintexts (FACTS "mendable on our side").
 */
export const FIRST_OWNER_COUNTER = 3
/** Counters from here on are refused: not exact in a double, and not reached by an honest sender in a thousand years. */
export const MAX_COUNTER = Number.MAX_SAFE_INTEGER

/** How many counters behind the highest one may still come (reordering by fair queues and parallel paths). */
export const REPLAY_WINDOW = 2048

/** The owner flags its first cells, create among them, and every extend (protocol). */
export const OWNER_RELAY_EARLY_CELLS = 8
/**
 * Flagged cells that a relay passes on in one direction. py-ipv8 counts cells without the flag as well, so that a flagged
 * one that was overtaken is lost; what is to be bounded, extends, comes out the same.
 */
export const RELAY_EARLY_LIMIT = 7

/**
 * How create and extend are sent again (N-04). Five times at most: with a ping before and after, that leaves every extend
 * among the RELAY_EARLY_LIMIT flagged cells that the first hop passes on.
 */
export const RETRANSMISSION: RetrySettings = RETRY_DEFAULTS
/** A relay's create to the next hop takes a new circuit id with this try, after 700 ms. */
export const FRESH_ID_TRY = 4
/** An answer is waited for this many times the round trip of the hops so far before the question is repeated. */
export const RETRANSMIT_ROUND_TRIPS = 1.5
/** A round trip that was measured with a lost packet in it shall not slow the next repetition down more than this. */
export const RETRANSMIT_FIRST_AT_MOST_MS = 1_000
/** How long a relay keeps its answer to create or extend, to give it again (protocol: extends are honoured as long). */
export const ANSWER_KEPT_MS = 60_000
/** How often it gives one answer again. */
export const ANSWER_REPEATS = 8

/** What a circuit's owner waits for, and how long. */
export interface CircuitSettings {
  /** For created or extended; then the circuit fails. */
  readonly hopTimeoutMs: number
  /** For the whole circuit to become ready. */
  readonly buildTimeoutMs: number
  /** Between pings of a quiet circuit. */
  readonly pingIntervalMs: number
  /** How often it is looked at whether something that was sent is still unanswered. */
  readonly lookMs: number
  /** After this long without an answer, or after the round trip and its spread, pings come every `probeIntervalMs`. */
  readonly probeAfterMs: number
  readonly probeIntervalMs: number
  /** After this long they come every `slowProbeIntervalMs`. */
  readonly slowProbeAfterMs: number
  readonly slowProbeIntervalMs: number
  /** Suspect after so long without an answer (and four round trips), and so many pings unanswered... */
  readonly suspectAfterMs: number
  readonly suspectPings: number
  /** ...or, where pings are lost anyway, more of them, but never more than this. */
  readonly suspectPingsAtMost: number
  /** Dead after so long without an answer and as many pings unanswered. */
  readonly deadAfterMs: number
  readonly deadAfterPings: number
  /** Dead after this long without a sign of life in any case (protocol: no hop keeps it longer). */
  readonly silentAfterMs: number
  /** Bytes in and out after which the circuit is closed; relays end it at 10 GiB (protocol). */
  readonly maxBytes: number
  readonly firstCounter: number
  /** Whether each hop is pinged before the next is asked: it tells which hop fails, for one cell more a hop. */
  readonly proveEachHop: boolean
}

export const CIRCUIT_SETTINGS: CircuitSettings = {
  hopTimeoutMs: 10_000,
  buildTimeoutMs: 60_000,
  pingIntervalMs: 7_500,
  lookMs: 100,
  probeAfterMs: 400,
  probeIntervalMs: 225,
  slowProbeAfterMs: 3_000,
  slowProbeIntervalMs: 1_000,
  suspectAfterMs: 1_000,
  suspectPings: 3,
  suspectPingsAtMost: 6,
  deadAfterMs: 12_000,
  deadAfterPings: 12,
  silentAfterMs: 20_000,
  maxBytes: 10 * 2 ** 30,
  firstCounter: FIRST_OWNER_COUNTER,
  proveEachHop: true,
}

/** What a router allows. Each is counted when reached. */
export interface RouterLimits {
  /** Circuits through or to this node; one that goes on to a next hop counts twice (protocol). */
  readonly circuits: number
  /** The same, on one link. */
  readonly circuitsPerLink: number
  /** Creates answered per second, all links together, and the most in one burst. */
  readonly handshakesPerSecond: number
  readonly handshakeBurst: number
  /** Of these, for neighbours whose address may be forged, so that they cannot keep all others out. */
  readonly handshakesPerSecondUnproven: number
  readonly handshakeBurstUnproven: number
  /** The same, on one link. */
  readonly handshakesPerSecondPerLink: number
  readonly handshakeBurstPerLink: number
  /** Signatures of destroys made or checked per second, on one link. */
  readonly signaturesPerSecondPerLink: number
  readonly signatureBurstPerLink: number
  /** Extends honoured for one circuit: a stock owner tries six times in 60 s (protocol). */
  readonly extendsPerCircuit: number
  /** Extend is honoured for this long after create (protocol). */
  readonly extendWindowMs: number
  /** A circuit without traffic for this long goes, without a word (protocol); looked at every `sweepMs`. */
  readonly idleMs: number
  readonly sweepMs: number
  /** Between a destroy and the end, in which cells still pass (protocol). */
  readonly removalDelayMs: number
  /** Oldest age, and most bytes in both directions, of a circuit (protocol). */
  readonly maxAgeMs: number
  readonly maxBytes: number
  /** Largest answer to a test request, bytes. */
  readonly testResponseBytes: number
}

export const ROUTER_LIMITS: RouterLimits = {
  circuits: 10_000,
  circuitsPerLink: 100,
  handshakesPerSecond: 100,
  handshakeBurst: 200,
  handshakesPerSecondUnproven: 50,
  handshakeBurstUnproven: 100,
  handshakesPerSecondPerLink: 20,
  handshakeBurstPerLink: 50,
  signaturesPerSecondPerLink: 10,
  signatureBurstPerLink: 100,
  extendsPerCircuit: 6,
  extendWindowMs: 60_000,
  idleMs: 20_000,
  sweepMs: 5_000,
  removalDelayMs: 5_000,
  maxAgeMs: 3_600_000,
  maxBytes: 10 * 2 ** 30,
  testResponseBytes: MAX_MESSAGE_BYTES - 3,
}
