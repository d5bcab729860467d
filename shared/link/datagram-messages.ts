import { expand, extract } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat, equalBytes } from '../bytes/bytes.ts'
import { decode, encode, fixed, raw, struct, u8, u16, u32, varlen16 } from '../bytes/codec.ts'
import { closeCodeOf, closeReasonOf } from './close-codes.ts'
import { MAX_AUTH_MESSAGE_BYTES } from './constants.ts'
import { authenticationPacket } from './control.ts'
import type { LinkCloseReason } from './link.ts'

/*
 * What goes in control packet 1, on datagrams: link authentication (auth-messages.ts), and after it all other control, sealed,
 * since anybody may send a datagram in another's name.
 *
 *   0 handshake   session 16, message varlen16, padding (bytes of no meaning: the request is no shorter than its answer)
 *   1 control     session 16, counter u32, tag 16, a control packet
 *   2 close       session 16, counter u32, tag 16, reason u16 (close-codes.ts)
 *
 * The session is drawn by the side that asked. The tag is the first half of HMAC-SHA-256 over kind, counter and content; each
 * direction has its key: HKDF-SHA-256 (RFC 5869) of the X25519 result of both static keys, salt = session, info = domain and
 * 1 for what the initiator sends, 2 for what the responder does. Counters rise; what does not is dropped.
 */

export const DATAGRAM_KINDS = { handshake: 0, control: 1, close: 2 } as const
export const SESSION_BYTES = 16
const TAG_BYTES = 16
const KEY_DOMAIN = utf8ToBytes('culvert datagram control 1')

const session = fixed(SESSION_BYTES)
const head = struct({ kind: u8, session, rest: raw })
const handshake = struct({ message: varlen16(MAX_AUTH_MESSAGE_BYTES, 1), padding: raw })
const sealed = struct({ counter: u32, tag: fixed(TAG_BYTES), content: raw })
const sealedContent = struct({ kind: u8, counter: u32, content: raw })

/** A body of control packet 1. @throws CodecError */
export function parseDatagram(body: Uint8Array): { kind: number; session: Uint8Array; rest: Uint8Array } {
  return decode(head, body)
}

/** The message of link authentication in `rest`. @throws CodecError */
export function parseHandshake(rest: Uint8Array): Uint8Array {
  return decode(handshake, rest).message
}

/** A packet with a message of link authentication, at least `leastBytes` long in all. */
export function handshakePacket(sessionId: Uint8Array, message: Uint8Array, leastBytes = 0): Uint8Array {
  const body = (padding: Uint8Array) =>
    authenticationPacket(
      encode(head, {
        kind: DATAGRAM_KINDS.handshake,
        session: sessionId,
        rest: encode(handshake, { message, padding }),
      }),
    )
  const plain = body(new Uint8Array(0))
  return plain.length >= leastBytes ? plain : body(new Uint8Array(leastBytes - plain.length))
}

/** Seals and opens the control packets of one authenticated session. */
export class ControlSeal {
  private readonly sendKey: Uint8Array
  private readonly receiveKey: Uint8Array
  private readonly session: Uint8Array
  private sent = 0
  private received = 0

  /**
   * @param shared 32 bytes: X25519 of our static secret and the neighbour's static key
   * @param initiated whether this side asked for the session
   */
  constructor(shared: Uint8Array, sessionId: Uint8Array, initiated: boolean) {
    const secret = extract(sha256, shared, sessionId)
    const key = (direction: number) =>
      expand(sha256, secret, concat(KEY_DOMAIN, new Uint8Array([direction])), 32)
    this.session = sessionId
    this.sendKey = key(initiated ? 1 : 2)
    this.receiveKey = key(initiated ? 2 : 1)
  }

  /** @param kind of DATAGRAM_KINDS, not the handshake */
  seal(kind: number, content: Uint8Array): Uint8Array {
    const counter = ++this.sent
    const tag = tagOf(this.sendKey, kind, counter, content)
    const rest = encode(sealed, { counter, tag, content })
    return authenticationPacket(encode(head, { kind, session: this.session, rest }))
  }

  /** The content; undefined if it was not sealed by the neighbour, or has come before. @throws CodecError */
  open(kind: number, rest: Uint8Array): Uint8Array | undefined {
    const { counter, tag, content } = decode(sealed, rest)
    if (counter <= this.received || !equalBytes(tag, tagOf(this.receiveKey, kind, counter, content))) {
      return undefined
    }
    this.received = counter
    return content
  }
}

function tagOf(key: Uint8Array, kind: number, counter: number, content: Uint8Array): Uint8Array {
  return hmac(sha256, key, encode(sealedContent, { kind, counter, content })).subarray(0, TAG_BYTES)
}

const reasonCode = struct({ code: u16 })

export function encodeReason(reason: LinkCloseReason): Uint8Array {
  return encode(reasonCode, { code: closeCodeOf(reason) })
}

/** @throws CodecError */
export function decodeReason(content: Uint8Array): LinkCloseReason {
  return closeReasonOf(decode(reasonCode, content).code)
}
