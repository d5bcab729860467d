import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import type { Aead } from './aead.ts'
import { checkSizes } from './aead-sizes.ts'

/** The reference implementation, in plain JavaScript: what the fast ones are tested against, and their fallback. */
export const nobleAead: Aead = {
  name: 'noble',
  seal(out, plaintext, nonce, key) {
    checkSizes(plaintext, out, nonce, key)
    chacha20poly1305(key, nonce).encrypt(plaintext, out)
  },
  open(out, sealed, nonce, key) {
    checkSizes(out, sealed, nonce, key)
    try {
      chacha20poly1305(key, nonce).decrypt(sealed, out)
      return true
    } catch {
      // The sizes fit, so all that is left to throw for is the tag.
      return false
    }
  },
}
