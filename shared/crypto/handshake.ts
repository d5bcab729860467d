import { hsalsa } from '@noble/ciphers/salsa.js'
import { expand } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat } from '../bytes/bytes.ts'
import { decode, fixed, struct } from '../bytes/codec.ts'
import { CodecError, CulvertError } from '../bytes/error.ts'
import type { Random } from '../world/random.ts'
import { curves } from './curves.ts'
import { equalSecret } from './equal-secret.ts'

/**
 * What owner and hop of a circuit share after create and created: two keys of 32 bytes and two salts of 4. A layer's nonce
 * is salt and 8-byte counter. "Forward" is away from the owner.
 */
export interface SessionKeys {
  readonly forwardKey: Uint8Array
  readonly backwardKey: Uint8Array
  readonly forwardSalt: Uint8Array
  readonly backwardSalt: Uint8Array
}

/** An X25519 pair for one handshake, 32 bytes each. */
export interface EphemeralKey {
  readonly secret: Uint8Array
  readonly publicKey: Uint8Array
}

/** Bytes of the authenticator in created and extended. */
export const AUTH_BYTES = 32

/** HKDF's output, in the order in which IPv8 takes it apart (IPV8-WIRE "Keys of a hop"). */
const derived = struct({
  backwardKey: fixed(32),
  forwardKey: fixed(32),
  backwardSalt: fixed(4),
  forwardSalt: fixed(4),
})
const DERIVED_BYTES = 72
const DERIVED_INFO = utf8ToBytes('key_generation')
/** "expand 32-byte k", Salsa20's constant. */
const SIGMA = words(utf8ToBytes('expand 32-byte k'))
const ZERO_NONCE = new Uint32Array(4)

/** The same memory order as words, in memory of their own. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}

/**
 * libsodium's `crypto_box_beforenm`: HSalsa20 of the X25519 result under a zero nonce, 32 bytes. A CodecError
 * `handshake-low-order` if the public key is a point of low order, which would make the result known to everyone.
 */
export function beforenm(publicKey: Uint8Array, secret: Uint8Array): Uint8Array {
  let shared: Uint8Array
  try {
    shared = curves().x25519Shared(secret, publicKey)
  } catch (cause) {
    throw new CodecError(
      'handshake-low-order',
      'an X25519 public key of 32 bytes and not of low order is needed',
      {
        cause,
      },
    )
  }
  const out = new Uint32Array(8)
  hsalsa(SIGMA, words(shared), ZERO_NONCE, out)
  return new Uint8Array(out.buffer)
}

export function ephemeralKey(random: Random): EphemeralKey {
  const secret = random.bytes(32)
  return { secret, publicKey: curves().x25519Public(secret) }
}

/** The session keys of the 64-byte shared secret: HKDF-Expand-SHA-256 without the extract step (RFC 5869 §2.3). */
function sessionKeys(shared: Uint8Array): SessionKeys {
  return decode(derived, expand(sha256, shared, DERIVED_INFO, DERIVED_BYTES))
}

/** The first 32 bytes of HMAC-SHA-512 over the hop's ephemeral key. Covers the ephemeral half of the secret only. */
function authenticator(ephemeralShared: Uint8Array, responderEphemeral: Uint8Array): Uint8Array {
  return hmac(sha512, ephemeralShared, responderEphemeral).subarray(0, AUTH_BYTES)
}

/**
 * The hop's side: answers a create.
 * @param staticSecret the hop's X25519 secret, 32 bytes
 * @param ephemeral a pair made for this handshake alone
 * @param initiatorPublic the owner's X25519 key from create, 32 bytes
 * @throws CodecError `handshake-low-order`
 */
export function respond(
  staticSecret: Uint8Array,
  ephemeral: EphemeralKey,
  initiatorPublic: Uint8Array,
): { auth: Uint8Array; keys: SessionKeys } {
  const ephemeralShared = beforenm(initiatorPublic, ephemeral.secret)
  const staticShared = beforenm(initiatorPublic, staticSecret)
  return {
    auth: authenticator(ephemeralShared, ephemeral.publicKey),
    keys: sessionKeys(concat(ephemeralShared, staticShared)),
  }
}

/**
 * The owner's side: takes a created. A right `auth` does not yet prove the hop's static key; the first layer that opens
 * under these session keys does.
 * @param responderStatic the X25519 half of the hop's public key, 32 bytes
 * @param responderEphemeral the X25519 key from created, 32 bytes
 * @param auth from created, 32 bytes
 * @throws CodecError `handshake-low-order`; CulvertError `handshake-auth` if `auth` is not the hop's
 */
export function complete(
  initiator: EphemeralKey,
  responderStatic: Uint8Array,
  responderEphemeral: Uint8Array,
  auth: Uint8Array,
): SessionKeys {
  const ephemeralShared = beforenm(responderEphemeral, initiator.secret)
  const staticShared = beforenm(responderStatic, initiator.secret)
  if (!equalSecret(auth, authenticator(ephemeralShared, responderEphemeral))) {
    throw new CulvertError('handshake-auth', 'the answer to create is not from who holds its ephemeral key')
  }
  return sessionKeys(concat(ephemeralShared, staticShared))
}
