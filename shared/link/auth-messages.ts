import { utf8ToBytes } from '@noble/hashes/utils.js'
import { encode, fixed, struct, u8, varlen16 } from '../bytes/codec.ts'
import { KEY_BYTES, SIGNATURE_BYTES } from '../identity/keys.ts'
import type { BindingKind } from './auth-binding.ts'
import { MAX_CHANNEL_BINDING_BYTES, MAX_NETWORK_NAME_BYTES } from './constants.ts'

/*
 * Link authentication (requirement L-03): four messages, each one message of the link's pipe, before any packet.
 *
 *   initiator                                      responder
 *   request    binding, network, nonce, key    ->
 *                                              <-  challenge  nonce, key, signature
 *   response   signature                       ->
 *                                              <-  success    signature
 *
 * Each begins with version u8 = 2 and type u8. Either side may send a refusal in place of its next message, and closes.
 *
 *   type 1 request    binding kind u8 (BINDINGS), network varlen16 (1-64 bytes UTF-8), initiator nonce 32,
 *                     initiator key 74                                                            at most 175 bytes
 *   type 2 challenge  responder nonce 32, responder key 74, responder signature 64                 172 bytes
 *   type 3 response   initiator signature 64                                                        66 bytes
 *   type 4 success    responder signature 64                                                        66 bytes
 *   type 5 refusal    reason u8 (REFUSALS)                                                           3 bytes
 *
 * Keys are in IPv8 form, signatures Ed25519. What is signed is never sent, both sides know it (AuthTranscript):
 *
 *   domain varlen16 "culvert link authentication 2", statement u8 = type of the message that carries the signature,
 *   binding kind u8, network varlen16, initiator nonce 32, responder nonce 32, initiator key 74, responder key 74,
 *   channel binding varlen16 (0-256 bytes, as each side sees it: see auth-binding.ts)
 *
 * The type tells the three signatures apart, so none serves as another and none serves in the other role; both nonces are
 * fresh, so none serves twice; the binding ties them to one channel, where there is one to be tied to. Its kind is signed as
 * well, so that nobody between can talk the responder into less than the initiator meant. Without a binding, one who sits
 * in the middle can still pass the messages on unchanged, and then sees what the wire below shows anyway: sealed cells. He
 * cannot become either side.
 */

export const AUTH_VERSION = 2
export const AUTH_NONCE_BYTES = 32
const AUTH_DOMAIN = utf8ToBytes('culvert link authentication 2')

export const AUTH_TYPES = { request: 1, challenge: 2, response: 3, success: 4, refusal: 5 } as const

/** Why a side refused, as sent. */
export const REFUSALS = {
  'auth-malformed': 1,
  'auth-unexpected': 2,
  'auth-network': 3,
  'auth-key': 4,
  'auth-signature': 5,
  'auth-timeout': 6,
  'auth-binding': 7,
} as const
export type Refusal = keyof typeof REFUSALS

/** The network's name, UTF-8. */
const network = varlen16(MAX_NETWORK_NAME_BYTES, 1)
const nonce = fixed(AUTH_NONCE_BYTES)
const key = fixed(KEY_BYTES)
const signature = fixed(SIGNATURE_BYTES)

const header = { version: u8, type: u8 }

export const authRequest = struct({ ...header, binding: u8, network, nonce, key })
export const authChallenge = struct({ ...header, nonce, key, signature })
export const authResponse = struct({ ...header, signature })
export const authSuccess = struct({ ...header, signature })
export const authRefusal = struct({ ...header, reason: u8 })

export interface AuthTranscript {
  readonly binding: BindingKind
  readonly network: Uint8Array
  readonly initiatorNonce: Uint8Array
  readonly responderNonce: Uint8Array
  readonly initiatorKey: Uint8Array
  readonly responderKey: Uint8Array
  readonly channelBinding: Uint8Array
}

const statement = struct({
  domain: varlen16(64),
  statement: u8,
  binding: u8,
  network,
  initiatorNonce: nonce,
  responderNonce: nonce,
  initiatorKey: key,
  responderKey: key,
  channelBinding: varlen16(MAX_CHANNEL_BINDING_BYTES),
})

/** The bytes that are signed for the message of type `type`. */
export function authStatement(type: number, transcript: AuthTranscript): Uint8Array {
  return encode(statement, { domain: AUTH_DOMAIN, statement: type, ...transcript })
}
