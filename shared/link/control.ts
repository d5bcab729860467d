import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type Codec, fixed, raw, struct, u8, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { PREFIX_BYTES } from '../ipv8/constants.ts'
import { messageIdOf, prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import { MAX_MESSAGE_BODY_BYTES, MAX_PING_PADDING_BYTES, MAX_SIGNAL_BODY_BYTES } from './keeper-limits.ts'
import type { Link } from './link.ts'

/*
 * What the two ends of a wire say to each other about it: IPv8 packets of a community of their own, among the wire's other
 * packets. Stock peers are sent none: control is for authenticated wires, and those are Culvert's.
 *
 *   prefix 22, message id u8, body:
 *   1 authentication  a message of link authentication (auth-messages.ts), on datagrams only
 *   2 ping            nonce u32, padding 0 to 16,000 bytes, ignored
 *   3 pong            nonce u32 of the ping
 *   4 retiring        nonce u32: nothing but control follows on this wire, which will be closed
 *   5 padding         any bytes, ignored
 *   6 message         id 16, body up to 8,192 bytes: from one neighbour to another, not forwarded
 *   7 signal          up to 2,048 bytes: signalling-messages.ts
 *   8 after           nonce u32: what follows on this wire is to be handed up after the wire whose `retiring` has this nonce
 *   9 places          places u8: a page passes on so many others to its relay, from now on; 0 takes the offer back
 *  10 pace            bytes per second u32: the sender takes no more over this wire than that, from now on
 */

/** SHA-1 of the community's name. */
export const CONTROL_COMMUNITY_ID = sha1(utf8ToBytes('culvert link 1'))
const PREFIX = prefixOf(CONTROL_COMMUNITY_ID)

export const CONTROL = {
  authentication: 1,
  ping: 2,
  pong: 3,
  retiring: 4,
  padding: 5,
  message: 6,
  signal: 7,
  after: 8,
  places: 9,
  pace: 10,
} as const

export const MESSAGE_ID_BYTES = 16
/** The shortest control packet: prefix and message id. */
export const CONTROL_HEADER_BYTES = PREFIX_BYTES + 1

const body = struct({ body: raw })
const ping = struct({ nonce: u32, padding: raw })
const nonce = struct({ nonce: u32 })
const places = struct({ places: u8 })
const pace = struct({ bytesPerSecond: u32 })
const message = struct({ id: fixed(MESSAGE_ID_BYTES), body: raw })

/** A control packet, taken apart. Bodies are views of the packet. */
export type ControlPacket =
  | { readonly type: 'authentication' | 'signal'; readonly body: Uint8Array }
  | { readonly type: 'ping' | 'pong' | 'retiring' | 'after'; readonly nonce: number }
  | { readonly type: 'message'; readonly id: Uint8Array; readonly body: Uint8Array }
  | { readonly type: 'places'; readonly places: number }
  | { readonly type: 'pace'; readonly bytesPerSecond: number }
  | { readonly type: 'padding' }

/** Whether a packet is of the links' own community: never to be handed up. */
export function isControl(packet: Uint8Array): boolean {
  return messageIdOf(packet, PREFIX) !== undefined
}

/**
 * @param packet one that `isControl`
 * @throws CodecError `control-message` of an unknown message, `control-size` of a body over its bound, and those of codecs
 */
export function parseControl(packet: Uint8Array): ControlPacket {
  switch (messageIdOf(packet, PREFIX)) {
    case CONTROL.authentication:
      return { type: 'authentication', body: readUnsigned(packet, body).body }
    case CONTROL.ping: {
      const question = readUnsigned(packet, ping)
      bounded(question.padding, MAX_PING_PADDING_BYTES)
      return { type: 'ping', nonce: question.nonce }
    }
    case CONTROL.pong:
      return { type: 'pong', nonce: readUnsigned(packet, nonce).nonce }
    case CONTROL.retiring:
      return { type: 'retiring', nonce: readUnsigned(packet, nonce).nonce }
    case CONTROL.padding:
      return { type: 'padding' }
    case CONTROL.message: {
      const parts = readUnsigned(packet, message)
      bounded(parts.body, MAX_MESSAGE_BODY_BYTES)
      return { type: 'message', id: parts.id, body: parts.body }
    }
    case CONTROL.signal:
      return {
        type: 'signal',
        body: bounded(readUnsigned(packet, body).body, MAX_SIGNAL_BODY_BYTES),
      }
    case CONTROL.after:
      return { type: 'after', nonce: readUnsigned(packet, nonce).nonce }
    case CONTROL.places:
      return { type: 'places', places: readUnsigned(packet, places).places }
    case CONTROL.pace:
      return { type: 'pace', bytesPerSecond: readUnsigned(packet, pace).bytesPerSecond }
    default:
      throw new CodecError('control-message', 'an unknown message of link control')
  }
}

/** A message of link authentication, for a wire of datagrams. */
export function authenticationPacket(authMessage: Uint8Array): Uint8Array {
  return packetOf(CONTROL.authentication, body, { body: authMessage })
}

/** @param paddingBytes to see whether packets of this size pass, or to be no shorter than the answer */
export function pingPacket(pingNonce: number, paddingBytes = 0): Uint8Array {
  return packetOf(CONTROL.ping, ping, { nonce: pingNonce, padding: new Uint8Array(paddingBytes) })
}

export function pongPacket(pingNonce: number): Uint8Array {
  return packetOf(CONTROL.pong, nonce, { nonce: pingNonce })
}

export function retiringPacket(retiringNonce: number): Uint8Array {
  return packetOf(CONTROL.retiring, nonce, { nonce: retiringNonce })
}

export function afterPacket(retiringNonce: number): Uint8Array {
  return packetOf(CONTROL.after, nonce, { nonce: retiringNonce })
}

/** A packet of exactly `bytes` bytes, at least CONTROL_HEADER_BYTES, that the neighbour ignores. */
export function paddingPacket(bytes: number): Uint8Array {
  return packetOf(CONTROL.padding, body, { body: new Uint8Array(Math.max(0, bytes - CONTROL_HEADER_BYTES)) })
}

/**
 * @param id 16 bytes
 * @throws CodecError `control-size` if the body is over 8,192 bytes
 */
export function messagePacket(id: Uint8Array, messageBody: Uint8Array): Uint8Array {
  return packetOf(CONTROL.message, message, { id, body: bounded(messageBody, MAX_MESSAGE_BODY_BYTES) })
}

/** @throws CodecError `control-size` if the body is over 2,048 bytes */
export function signalPacket(signalBody: Uint8Array): Uint8Array {
  return packetOf(CONTROL.signal, body, { body: bounded(signalBody, MAX_SIGNAL_BODY_BYTES) })
}

/** @param count 0 to 255: others that this page passes on to the relay; 0 takes the offer back */
export function placesPacket(count: number): Uint8Array {
  return packetOf(CONTROL.places, places, { places: count })
}

/** Asks the neighbour to send no faster than that over the wire that this goes by. */
export function pacePacket(bytesPerSecond: number): Uint8Array {
  return packetOf(CONTROL.pace, pace, { bytesPerSecond })
}

/**
 * The least that the owner of a bare link, one that no Neighbour holds, must do: pings are answered, control is not handed up.
 * @returns whether the packet was one of control
 */
export function answerControl(link: Link, packet: Uint8Array): boolean {
  const id = messageIdOf(packet, PREFIX)
  if (id === undefined) return false
  if (id !== CONTROL.ping) return true
  try {
    const question = parseControl(packet)
    if (question.type === 'ping') link.send(pongPacket(question.nonce), 0)
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
  }
  return true
}

function packetOf<T>(id: number, codec: Codec<T>, value: T): Uint8Array {
  return unsignedPacket(PREFIX, id, codec, value)
}

function bounded(bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length > max)
    throw new CodecError('control-size', `${bytes.length} bytes where ${max} are allowed`)
  return bytes
}
