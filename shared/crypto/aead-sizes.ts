import { CulvertError } from '../bytes/error.ts'
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES } from './aead.ts'

/**
 * What every Aead checks before it touches memory: native and WebAssembly code would otherwise read or write past the end.
 * A size that does not fit is a bug of the caller: CulvertError `aead-sizes`.
 */
export function checkSizes(plain: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): void {
  if (
    sealed.length !== plain.length + AEAD_TAG_BYTES ||
    nonce.length !== AEAD_NONCE_BYTES ||
    key.length !== AEAD_KEY_BYTES
  ) {
    throw new CulvertError(
      'aead-sizes',
      `plaintext ${plain.length}, sealed ${sealed.length}, nonce ${nonce.length}, key ${key.length} bytes do not fit`,
    )
  }
}
