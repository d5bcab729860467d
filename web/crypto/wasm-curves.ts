import type { LibsodiumModule } from 'libsodium'
import { type Curves, nobleCurves } from '../../shared/crypto/curves.ts'
import { sodiumModule } from './sodium-module.ts'

const KEY = 32
const SIGNATURE = 64
/** What fits the buffer below; descriptors and IPv8 packets are far smaller. Longer messages go the slow way. */
const LARGEST_BYTES = 4_096

/** libsodium in WebAssembly, called below its wrapper, as the AEAD is. */
function wasmCurves(sodium: LibsodiumModule): Curves {
  const secretAt = sodium._malloc(3 * SIGNATURE + LARGEST_BYTES)
  const publicAt = secretAt + SIGNATURE
  const outAt = publicAt + SIGNATURE
  const messageAt = outAt + SIGNATURE

  const put = (bytes: Uint8Array, at: number, length: number) => {
    if (bytes.length !== length) throw new RangeError(`${bytes.length} bytes where ${length} belong`)
    sodium.HEAPU8.set(bytes, at)
  }
  const take = (at: number, length: number) => sodium.HEAPU8.slice(at, at + length)
  /** So that no secret stays behind in the module's memory. */
  const wipe = () => sodium.HEAPU8.fill(0, secretAt, publicAt)

  return {
    name: 'libsodium-wasm',
    x25519Public(secret) {
      put(secret, secretAt, KEY)
      sodium._crypto_scalarmult_base(outAt, secretAt)
      wipe()
      return take(outAt, KEY)
    },
    x25519Shared(secret, publicKey) {
      put(publicKey, publicAt, KEY)
      put(secret, secretAt, KEY)
      const failed = sodium._crypto_scalarmult(outAt, secretAt, publicAt) !== 0
      wipe()
      const shared = take(outAt, KEY)
      sodium.HEAPU8.fill(0, outAt, messageAt)
      if (failed) throw new RangeError('a public key of low order')
      return shared
    },
    ed25519Public(seed) {
      // The seed lies where the message does: the secret key that is made of it takes all of its own place.
      put(seed, messageAt, KEY)
      sodium._crypto_sign_seed_keypair(outAt, secretAt, messageAt)
      wipe()
      sodium.HEAPU8.fill(0, messageAt, messageAt + KEY)
      return take(outAt, KEY)
    },
    sign(message, seed, publicKey) {
      if (message.length > LARGEST_BYTES) return nobleCurves.sign(message, seed, publicKey)
      put(seed, secretAt, KEY)
      put(publicKey, secretAt + KEY, KEY)
      put(message, messageAt, message.length)
      sodium._crypto_sign_detached(outAt, 0, messageAt, message.length, 0, secretAt)
      wipe()
      return take(outAt, SIGNATURE)
    },
    verify(signature, message, publicKey) {
      if (signature.length !== SIGNATURE || publicKey.length !== KEY) return false
      if (message.length > LARGEST_BYTES) return nobleCurves.verify(signature, message, publicKey)
      put(signature, outAt, SIGNATURE)
      put(publicKey, publicAt, KEY)
      put(message, messageAt, message.length)
      return sodium._crypto_sign_verify_detached(outAt, messageAt, message.length, 0, publicAt) === 0
    },
  }
}

/** A known answer, so that a module whose calling convention changed is found out before a key is. */
function agreesWithReference(curves: Curves): boolean {
  const seed = new Uint8Array(KEY).fill(6)
  const message = Uint8Array.of(1, 2, 3)
  const publicKey = nobleCurves.ed25519Public(seed)
  const peer = nobleCurves.x25519Public(seed)
  const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])
  const signature = curves.sign(message, seed, publicKey)
  return (
    same(curves.ed25519Public(seed), publicKey) &&
    same(curves.x25519Public(seed), peer) &&
    same(curves.x25519Shared(seed, peer), nobleCurves.x25519Shared(seed, peer)) &&
    nobleCurves.verify(signature, message, publicKey) &&
    curves.verify(signature, message, publicKey) &&
    !curves.verify(signature, Uint8Array.of(1, 2, 4), publicKey)
  )
}

/** The page's curves; the reference where WebAssembly is missing or forbidden. `name` tells which. */
export async function loadWasmCurves(
  instantiate: () => Promise<LibsodiumModule> = sodiumModule,
): Promise<Curves> {
  try {
    const curves = wasmCurves(await instantiate())
    return agreesWithReference(curves) ? curves : nobleCurves
  } catch {
    return nobleCurves
  }
}
