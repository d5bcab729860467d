import sodium from 'sodium-native'
import type { Aead } from '../../shared/crypto/aead.ts'
import { checkSizes } from '../../shared/crypto/aead-sizes.ts'

/** The relay's Aead: libsodium as native code, the hot path of every cell. */
export const sodiumAead: Aead = {
  name: 'sodium-native',
  seal(out, plaintext, nonce, key) {
    checkSizes(plaintext, out, nonce, key)
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(out, plaintext, null, null, nonce, key)
  },
  open(out, sealed, nonce, key) {
    checkSizes(out, sealed, nonce, key)
    try {
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(out, null, sealed, null, nonce, key)
      return true
    } catch {
      // The sizes fit, so all that is left to throw for is the tag.
      return false
    }
  },
}
