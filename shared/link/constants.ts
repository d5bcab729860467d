import type { CodelOptions } from './codel.ts'
import type { FairQueueLimits } from './fair-queue.ts'

/**
 * The largest packet of a UDP link. Cells are made to fit an Ethernet frame (1,472 bytes); what is larger travels as IP
 * fragments. That is a full datagram of a swarm peer on its way back to an owner: 1,472 bytes, three layers and a header.
 */
export const UDP_MTU = 1_600

/** Most bytes that one WebSocket message carries: Chromium spends about 80 us on a message, whatever its size. */
export const MESSAGE_BYTES = 16_384
/** What a frame puts before a packet: its length as u16. */
export const FRAME_HEADER_BYTES = 2
/** The largest packet of a link of messages. */
export const MESSAGE_MTU = MESSAGE_BYTES - FRAME_HEADER_BYTES
/**
 * The largest packet that fills one TLS record (16,384 bytes) and no more, with what stands before it: frame 2, WebSocket
 * header up to 8 of a masked message of this size, length 4 of a message in a plain stream.
 */
export const STREAM_PACKET_BYTES = 16_368
/** A longer WebSocket message closes the connection before it is buffered. */
export const MAX_MESSAGE_BYTES = 65_536

/** What may wait inside the pipe below a link. Beyond it the fair queue decides, not the kernel. */
export const PIPE_BYTES = 131_072
/** How often a blocked link looks at a pipe that does not tell when it has drained, in milliseconds. */
export const PIPE_POLL_MS = 4

/** What a queued packet is taken to cost beside its bytes: slot, view and allocator. Bounds the number of tiny packets. */
export const PACKET_OVERHEAD_BYTES = 256
/** Bytes that a flow may send in its turn: one full datagram. */
export const QUANTUM_BYTES = 1_514
/** Control goes first while its bytes are at most this part of the flows' bytes; beyond, it waits for a turn of theirs. */
export const CONTROL_SHARE = 0.25
/** Control may be ahead of its share by this many bytes. */
export const CONTROL_BURST_BYTES = 16_384

/** Bulk is given this part of what the others send, beside all that they leave. */
export const BULK_SHARE = 1 / 32
/** It goes when that much has gathered: at least a message's largest packet, so that none can stay for ever. */
export const BULK_BURST_BYTES = MESSAGE_BYTES

/**
 * A link's queue. One flow at 5 MB/s fills its part in 150 ms; a link at rest holds a few hundred bytes. Bytes include
 * PACKET_OVERHEAD_BYTES a packet, so at most 4,096 packets wait.
 */
export const QUEUE_LIMITS: FairQueueLimits = {
  bytes: 1_048_576,
  flowBytes: 786_432,
  controlBytes: 131_072,
  flows: 1_024,
}

/**
 * CoDel (RFC 8289), slower than its 5/100 ms. These queues stand in front of onion circuits with round trips of 100 to 300
 * ms, whose senders need about one bandwidth-delay product of queue to fill the path: a queue that drains below 200 ms in
 * every 400 ms is doing its work, one that never does is only delay.
 */
export const CODEL: CodelOptions = { targetMs: 200, intervalMs: 400 }

/** Link authentication ends within this time, or fails. */
export const AUTH_TIMEOUT_MS = 10_000
/** An authentication message is never longer; see auth-messages.ts. */
export const MAX_AUTH_MESSAGE_BYTES = 256
export const MAX_NETWORK_NAME_BYTES = 64
/** Channel bindings are hashes or exported keys, 32 to 64 bytes in practice. */
export const MAX_CHANNEL_BINDING_BYTES = 256

/** What may come over a wire before it has an owner, each packet with PACKET_OVERHEAD_BYTES: more than one read of a socket. */
export const MAX_HELD_BYTES = 1_048_576
