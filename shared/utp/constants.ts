/** Bytes of a uTP header without extensions (BEP 29). */
export const UTP_HEADER_BYTES = 20

/** Bytes of the selective-ack bitmask at most: its length field is one byte and must be a multiple of four (BEP 29). */
export const MAX_SELECTIVE_ACK_BYTES = 252

/** Packets that may be unacknowledged at once, either way: far enough from half the 2^16 sequence numbers. */
export const MAX_WINDOW_PACKETS = 16_384

/**
 * Large packets (LargePackets): so many that arrived in parts alone, with none whole for so long, mean that none passes
 * whole; from then on one is tried after 10 s, 20 s and so on up to 5 min.
 */
export const LARGE_STRIKES = 3
export const LARGE_SILENCE_MS = 500
export const LARGE_PROBE_MS = 10_000
export const LARGE_BACK_OFF = 2
export const LARGE_PROBE_MS_MOST = 300_000
/** A packet is sent whole so often, then in parts. */
export const LARGE_SENDS_WHOLE = 2
/** What may wait for its missing parts. */
export const MAX_PARTIAL_PACKETS = 64
export const MAX_PARTIAL_BYTES = 16_384
export const MAX_PARTS = 32
/**
 * A packet grows beyond the small size only to this share of what may be in flight, and to so much time's worth at the pace
 * of sending: a slow path would stand still for it.
 */
export const LARGE_WINDOW_SHARE = 1 / 8
export const LARGE_PACKET_MS = 8

/** What each packet or part that is held takes up besides its bytes. */
export const HELD_PACKET_BYTES = 256
/** What a connection may receive and hold, however little room others have left (Holding): a large packet, or some small ones. */
export const LEAST_RECEIVE_BYTES = 16_384
/** What a writer that is not asked to wait may write at once: what Node reads of a TCP socket. */
export const WRITE_BYTES = 65_536

/** What a connection may be told otherwise. All of a connection's limits and waits. */
export interface UtpSettings {
  /** The largest uTP packet that is sent, header included, unless the path is known to take larger ones (LargePackets). */
  readonly maxPacketBytes: number
  /** Bytes received that may wait, in order or not; what the far side sees as our window. */
  readonly receiveBufferBytes: number
  /** Bytes unsent from which on `write` answers false. Below half of it, `drained` is called. */
  readonly sendBufferBytes: number
  /** Bytes sent and not acknowledged, whatever the far side's window and the congestion control allow. */
  readonly maxFlightBytes: number
  /** From the first SYN until the connection attempt is given up. */
  readonly connectTimeoutMs: number
  /** Nothing heard for so long, although an answer is owed: the connection is given up. See also STALL_SILENCES. */
  readonly silenceTimeoutMs: number
  /** Silence of our own after which a STATE packet is sent, so that NAT mappings last. 0 for never. */
  readonly keepAliveMs: number
  /** Data packets that one acknowledgement may cover at most; fewer while they come slowly. */
  readonly maxPacketsPerAck: number
}

/** Defaults for swarm peers over UDP or DATA cells. */
export const UTP_DEFAULTS: UtpSettings = {
  maxPacketBytes: 1400,
  receiveBufferBytes: 1 << 20,
  sendBufferBytes: 256 << 10,
  maxFlightBytes: 4 << 20,
  connectTimeoutMs: 15_000,
  silenceTimeoutMs: 60_000,
  keepAliveMs: 29_000,
  maxPacketsPerAck: 4,
}

/** First wait for the answer to a SYN; doubled each time up to the largest. */
export const SYN_RETRY_MS = 1000
export const MAX_SYN_RETRY_MS = 4000

/** Bounds of the retransmission time-out; BEP 29 has 500 ms as the least. */
export const MIN_RTO_MS = 500
export const MAX_RTO_MS = 4000
/**
 * A connection is also given up when its oldest packet was not taken for so many silence time-outs, by one who is heard and says
 * that he has room for it: else he could have us hold all that follows for as long as he likes. That is 120 s: TCP, too, tries for
 * 100 s or more (RFC 1122 §4.2.3.5), and as the packet goes again every 4 s at the latest, it was sent some thirty times.
 */
export const STALL_SILENCES = 2
/** Before a round trip was measured (RFC 6298 §2.1). */
export const INITIAL_RTO_MS = 1000

/** An acknowledgement waits at most so long for more data to cover. */
export const ACK_DELAY_MS = 10
/** The packet rate is taken over so long to decide how many packets an acknowledgement covers. */
export const ACK_RATE_PERIOD_MS = 20

/**
 * With so many bytes of ours in our own link's queue, what else there is waits in the send buffer, which loses nothing (as TCP's
 * small queues do). It is looked at again after 2 ms, 4 ms and so on up to 64 ms, until there is room: a link that is stuck may
 * have many streams waiting.
 */
export const OWN_QUEUE_BYTES = 262_144
export const OWN_QUEUE_LOOK_MS = 2
export const OWN_QUEUE_LOOK_MS_MOST = 64

/** What a send buffer did not need for so long, it lets go. */
export const BUFFER_REST_MS = 5_000

/** A packet that is not full waits so long for more bytes to fill it, unless nothing is in flight. */
export const COALESCE_MS = 1

/** Packets sent in one go at most; the UDP buffers of the next node hold about 90. Large ones count for what they weigh. */
export const MAX_BURST_PACKETS = 64
export const MIN_BURST_PACKETS = 8
/** Large packets sent in one go at most, and so many may be at any pace. Only streams carry such. */
export const MAX_BURST_LARGE = 16
export const MIN_BURST_LARGE = 2
/** Sends that the timer brought late are made up for by a burst of so much time's worth. */
export const BURST_MS = 5

/** After both directions have ended, FINs that the far side sends again are answered for so long. */
export const LINGER_MS = 10_000
