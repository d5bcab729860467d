import sodium from 'sodium-native'
import { concat } from '../../shared/bytes/bytes.ts'
import type { Curves } from '../../shared/crypto/curves.ts'

const KEY = 32

/**
 * libsodium as native code: some twenty times as fast as the reference. What a stranger can have a relay compute (check a
 * signature, answer a create) costs so much less.
 */
export const sodiumCurves: Curves = {
  name: 'sodium-native',
  x25519Public(secret) {
    const out = new Uint8Array(KEY)
    sodium.crypto_scalarmult_base(out, secret)
    return out
  },
  x25519Shared(secret, publicKey) {
    const out = new Uint8Array(KEY)
    sodium.crypto_scalarmult(out, secret, publicKey)
    return out
  },
  ed25519Public(seed) {
    const publicKey = new Uint8Array(KEY)
    sodium.crypto_sign_seed_keypair(publicKey, new Uint8Array(2 * KEY), seed)
    return publicKey
  },
  sign(message, seed, publicKey) {
    const signature = new Uint8Array(64)
    sodium.crypto_sign_detached(signature, message, concat(seed, publicKey))
    return signature
  },
  verify(signature, message, publicKey) {
    try {
      return sodium.crypto_sign_verify_detached(signature, message, publicKey)
    } catch {
      // The sizes do not fit.
      return false
    }
  },
}
