/**
 * ChaCha20-Poly1305 with a 12-byte nonce (RFC 8439 §2.8), no associated data. One interface, three implementations: noble
 * (the reference), sodium-native (relay), WebAssembly libsodium (page). All are tested against each other.
 *
 * Both calls may work in place: `out` may be the same memory as the input, starting at the same byte.
 */
export interface Aead {
  readonly name: string
  /** Seals `plaintext` into `out`, which is 16 bytes longer. Key 32 bytes, nonce 12 bytes. */
  seal(out: Uint8Array, plaintext: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  /** Opens `sealed` into `out`, which is 16 bytes shorter. False, and `out` undefined, if it is not authentic. */
  open(out: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean
}

export const AEAD_TAG_BYTES = 16
export const AEAD_KEY_BYTES = 32
export const AEAD_NONCE_BYTES = 12
