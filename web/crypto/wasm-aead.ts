import type { LibsodiumModule } from 'libsodium'
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES, AEAD_TAG_BYTES, type Aead } from '../../shared/crypto/aead.ts'
import { checkSizes } from '../../shared/crypto/aead-sizes.ts'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import { sodiumModule } from './sodium-module.ts'

/** What fits the buffer below; jumbo cells are at most 16 KiB. Longer input goes the slow way. */
const LARGEST_BYTES = 32_768

/**
 * libsodium in WebAssembly, called below its wrapper: one key, nonce and data buffer in the module's memory for good, so a
 * cell costs two copies and no allocation (1,400 bytes: 3.4 us, through the wrapper 5.5 us).
 */
function wasmAead(sodium: LibsodiumModule): Aead {
  const keyAt = sodium._malloc(AEAD_KEY_BYTES + 16 + LARGEST_BYTES + AEAD_TAG_BYTES)
  const nonceAt = keyAt + AEAD_KEY_BYTES
  const dataAt = nonceAt + 16
  const encrypt = sodium._crypto_aead_chacha20poly1305_ietf_encrypt
  const decrypt = sodium._crypto_aead_chacha20poly1305_ietf_decrypt

  const fill = (data: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array => {
    const heap = sodium.HEAPU8
    heap.set(key, keyAt)
    heap.set(nonce, nonceAt)
    heap.set(data, dataAt)
    return heap
  }

  return {
    name: 'libsodium-wasm',
    seal(out, plaintext, nonce, key) {
      checkSizes(plaintext, out, nonce, key)
      if (plaintext.length > LARGEST_BYTES) {
        nobleAead.seal(out, plaintext, nonce, key)
        return
      }
      const heap = fill(plaintext, nonce, key)
      encrypt(dataAt, 0, dataAt, plaintext.length, 0, 0, 0, 0, 0, nonceAt, keyAt)
      out.set(heap.subarray(dataAt, dataAt + out.length))
    },
    open(out, sealed, nonce, key) {
      checkSizes(out, sealed, nonce, key)
      if (out.length > LARGEST_BYTES) return nobleAead.open(out, sealed, nonce, key)
      const heap = fill(sealed, nonce, key)
      if (decrypt(dataAt, 0, 0, dataAt, sealed.length, 0, 0, 0, 0, nonceAt, keyAt) !== 0) return false
      out.set(heap.subarray(dataAt, dataAt + out.length))
      return true
    },
  }
}

/** A known answer, so that a module whose calling convention changed is found out before a cell is. */
function agreesWithReference(aead: Aead): boolean {
  const plaintext = new Uint8Array([1, 2, 3])
  const nonce = new Uint8Array(AEAD_NONCE_BYTES).fill(4)
  const key = new Uint8Array(AEAD_KEY_BYTES).fill(5)
  const sealed = new Uint8Array(plaintext.length + AEAD_TAG_BYTES)
  aead.seal(sealed, plaintext, nonce, key)
  const opened = new Uint8Array(plaintext.length)
  return (
    nobleAead.open(opened, sealed, nonce, key) &&
    aead.open(opened, sealed, nonce, key) &&
    opened.every((byte, i) => byte === plaintext[i])
  )
}

/**
 * The page's Aead. Where WebAssembly is missing or forbidden (a CSP without 'wasm-unsafe-eval') it is the reference
 * instead, six times slower; `name` tells which.
 */
export async function loadWasmAead(
  instantiate: () => Promise<LibsodiumModule> = sodiumModule,
): Promise<Aead> {
  try {
    const aead = wasmAead(await instantiate())
    return agreesWithReference(aead) ? aead : nobleAead
  } catch {
    return nobleAead
  }
}
