import { type Address, anyAddress } from '../bytes/address.ts'
import { encode } from '../bytes/codec.ts'
import { MAX_MESSAGE_BYTES } from '../onion/constants.ts'
import { UTP_DEFAULTS, type UtpSettings, WRITE_BYTES } from '../utp/constants.ts'
import { LargePackets } from '../utp/large-packets.ts'

/** Message id 1, and the origin address that a STREAM cell bears like a DATA cell: 01, IPv4, port. */
const STREAM_MESSAGE_OVERHEAD = 1 + 7

/** The largest uTP packet that fits a STREAM cell with this destination, in bytes. */
export function streamPacketBytes(destination: Address): number {
  return MAX_MESSAGE_BYTES - STREAM_MESSAGE_OVERHEAD - encode(anyAddress, destination).length
}

/** Packets of streams in a circuit that takes stream messages of `messageBytes()` now: larger than the small ones by what that is more. */
export function largePackets(messageBytes: () => number): LargePackets {
  return new LargePackets(() => Math.max(0, messageBytes() - MAX_MESSAGE_BYTES))
}

/** What both ends of a stream in a circuit do by default. */
export const STREAM_UTP: Omit<UtpSettings, 'maxPacketBytes'> = {
  ...UTP_DEFAULTS,
  receiveBufferBytes: 4 << 20,
  maxFlightBytes: 6 << 20,
  // The exit gives a TCP connection 10 s, and the answer may be lost a few times.
  connectTimeoutMs: 20_000,
  // A circuit that is lost says so itself.
  silenceTimeoutMs: 60_000,
  // Finds a stream whose other end has forgotten it.
  keepAliveMs: 60_000,
  // An acknowledgement costs a whole cell.
  maxPacketsPerAck: 16,
}

/** What the page's side of one circuit allows itself. */
export interface StreamClientSettings {
  /** Streams open at once; more are refused with 'too-many-streams'. */
  readonly maxStreams: number
  readonly receiveBufferBytes: number
  readonly sendBufferBytes: number
  readonly connectTimeoutMs: number
}

export const STREAM_CLIENT_DEFAULTS: StreamClientSettings = {
  maxStreams: 256,
  receiveBufferBytes: STREAM_UTP.receiveBufferBytes,
  sendBufferBytes: STREAM_UTP.sendBufferBytes,
  connectTimeoutMs: STREAM_UTP.connectTimeoutMs,
}

/** What an exit allows. All are counted when reached; a stream beyond them is refused with 'too-many-streams'. */
export interface StreamServerLimits {
  readonly streamsPerCircuit: number
  readonly streams: number
  /** Of one stream, from the circuit to TCP: bytes that wait. */
  readonly receiveBufferBytes: number
  /** Of one stream, from TCP to the circuit: bytes not sent yet, and bytes sent and not acknowledged. */
  readonly sendBufferBytes: number
  readonly maxFlightBytes: number
  /** Of all streams: the memory that they take up, which circuits and neighbours share (StreamMemory). */
  readonly memoryBytes: number
}

export const STREAM_SERVER_LIMITS: StreamServerLimits = {
  streamsPerCircuit: 256,
  streams: 4096,
  receiveBufferBytes: 1 << 20,
  sendBufferBytes: STREAM_UTP.sendBufferBytes,
  maxFlightBytes: STREAM_UTP.maxFlightBytes,
  memoryBytes: 256 << 20,
}

/** What a stream takes up at least as soon as its TCP says something, however little room there is. */
export const LEAST_STREAM_BYTES = WRITE_BYTES
/** What may wait in a TCP socket, however little room others have left. */
export const LEAST_WAITING_BYTES = 16_384
/** Room that was made is given to those who wait for it this much later. */
export const ROOM_LOOK_MS = 10

/** Connections that an endpoint holds for each stream allowed: those that have ended linger. */
export const LINGERING_SHARE = 4
