import { concat, equalBytes } from '../bytes/bytes.ts'
import { type Curves, nobleCurves } from '../crypto/curves.ts'

/** FNV-1a of key and message, spread over the 64 bytes of a signature. */
function sign(message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5
  for (const byte of concat(publicKey, message)) hash = Math.imul(hash ^ byte, 0x01000193)
  return Uint8Array.from({ length: 64 }, () => {
    hash = Math.imul(hash ^ (hash >>> 15), 0x01000193)
    return hash >>> 24
  })
}

/** "Signatures" that anyone can make, in microseconds: for tests of towns of walkers, where real ones take most of the time. */
export const quickCurves: Curves = {
  ...nobleCurves,
  name: 'quick, for tests',
  sign: (message, _seed, publicKey) => sign(message, publicKey),
  verify: (signature, message, publicKey) => equalBytes(signature, sign(message, publicKey)),
}
