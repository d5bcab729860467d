/** sodium-native ships no types: only what sodium-aead.ts calls. */
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
  }
  const sodium: SodiumNative
  export default sodium
}
