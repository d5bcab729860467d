import { ed25519, x25519 } from '@noble/curves/ed25519.js'

/** Sizes in bytes: X25519 keys and secrets 32, Ed25519 seeds and public keys 32, signatures 64. */
export interface Curves {
  readonly name: string
  /** The public key of an X25519 secret (which is clamped on use, RFC 7748 §5). */
  x25519Public(secret: Uint8Array): Uint8Array
  /** The X25519 result, 32 bytes. Throws if `publicKey` is not 32 bytes or is a point of low order. */
  x25519Shared(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The public key of an Ed25519 seed. */
  ed25519Public(seed: Uint8Array): Uint8Array
  /** An Ed25519 signature, RFC 8032 §5.1.6. */
  sign(message: Uint8Array, seed: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** RFC 8032 §5.1.7, canonical encodings only. Never throws. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

/** The reference, in JavaScript: about a millisecond for each signature or shared secret. */
export const nobleCurves: Curves = {
  name: 'noble',
  x25519Public: (secret) => x25519.getPublicKey(secret),
  x25519Shared: (secret, publicKey) => x25519.getSharedSecret(secret, publicKey),
  ed25519Public: (seed) => ed25519.getPublicKey(seed),
  sign: (message, seed) => ed25519.sign(message, seed),
  verify(signature, message, publicKey) {
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false })
    } catch {
      return false
    }
  },
}

let inUse: Curves = nobleCurves

/** What keys and handshakes compute with. */
export function curves(): Curves {
  return inUse
}

/**
 * Has a faster implementation compute from now on, in this process. The one thing that is set and not handed in: these are
 * pure functions with one right result, so no machine can tell the difference but by the clock, and keys are made everywhere.
 */
export function useCurves(implementation: Curves): void {
  inUse = implementation
}
