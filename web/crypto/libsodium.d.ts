/** The raw WebAssembly module of libsodium, which ships no types: only what is called here. Pointers are offsets into HEAPU8. */
declare module 'libsodium' {
  export interface LibsodiumModule {
    /** The module's memory. Replaced when the memory grows, so never to be kept. */
    readonly HEAPU8: Uint8Array
    _malloc(bytes: number): number
    /** 0 on success. Lengths are 64 bits wide, low word first. */
    _crypto_aead_chacha20poly1305_ietf_encrypt(
      out: number,
      outLengthPointer: number,
      plaintext: number,
      plaintextLength: number,
      plaintextLengthHigh: number,
      associatedData: number,
      associatedDataLength: number,
      associatedDataLengthHigh: number,
      secretNonce: number,
      nonce: number,
      key: number,
    ): number
    /** 0 if authentic. */
    _crypto_aead_chacha20poly1305_ietf_decrypt(
      out: number,
      outLengthPointer: number,
      secretNonce: number,
      sealed: number,
      sealedLength: number,
      sealedLengthHigh: number,
      associatedData: number,
      associatedDataLength: number,
      associatedDataLengthHigh: number,
      nonce: number,
      key: number,
    ): number
    _crypto_scalarmult_base(out: number, secret: number): number
    /** 0, or -1 for a public key of low order. */
    _crypto_scalarmult(out: number, secret: number, publicKey: number): number
    _crypto_sign_seed_keypair(publicKey: number, secretKey: number, seed: number): number
    /** The secret key is seed and public key. */
    _crypto_sign_detached(
      signature: number,
      signatureLengthPointer: number,
      message: number,
      messageLength: number,
      messageLengthHigh: number,
      secretKey: number,
    ): number
    /** 0 if it is the key's. */
    _crypto_sign_verify_detached(
      signature: number,
      message: number,
      messageLength: number,
      messageLengthHigh: number,
      publicKey: number,
    ): number
  }

  export default function instantiate(options?: object): Promise<LibsodiumModule>
}
