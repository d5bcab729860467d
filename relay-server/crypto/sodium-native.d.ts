/** sodium-native ships no types: only what is called here. */
declare module 'sodium-native' {
  interface SodiumNative {
    /** @returns bytes written; throws if the sizes do not fit. */
    crypto_aead_chacha20poly1305_ietf_encrypt(
      out: Uint8Array,
      plaintext: Uint8Array,
      associatedData: Uint8Array | null,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
    /** @returns bytes written; throws if the sizes do not fit or `sealed` is not authentic. */
    crypto_aead_chacha20poly1305_ietf_decrypt(
      out: Uint8Array,
      secretNonce: null,
      sealed: Uint8Array,
      associatedData: Uint8Array | null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
    crypto_scalarmult_base(out: Uint8Array, secret: Uint8Array): void
    /** Throws for points of low order. */
    crypto_scalarmult(out: Uint8Array, secret: Uint8Array, publicKey: Uint8Array): void
    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    /** @param secretKey seed and public key, 64 bytes */
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  }
  const sodium: SodiumNative
  export default sodium
}
