import { AEAD_TAG_BYTES, type Aead } from '../crypto/aead.ts'
import type { Curves } from '../crypto/curves.ts'

/**
 * Stand-ins for the primitives of the protocol, for simulations of so many nodes that the real ones would take nearly all of
 * the time. They have the sizes and the algebra of the real ones (keys agree, signatures and tags fit one key and one message
 * only) and no secrecy at all: who simulates attacks uses the real ones. Nothing random goes in, so that a run comes out the
 * same with either.
 */

const WORDS = 8
const GENERATOR = 0x9e3779b1

function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}

/** Word by word the product with an odd secret: commutes, as scalar multiplication does. */
function multiply(secret: Uint8Array, point: Uint8Array | undefined): Uint8Array {
  const product = new Uint8Array(4 * WORDS)
  for (let i = 0; i < WORDS; i++) {
    const factor = point === undefined ? GENERATOR + 2 * i : readWord(point, 4 * i)
    writeWord(product, 4 * i, Math.imul(readWord(secret, 4 * i) | 1, factor))
  }
  return product
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array, start: number): number {
  let value = start
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193)
  return value
}

function spread(target: Uint8Array, seed: number): void {
  let word = seed
  for (let at = 0; at < target.length; at += 4) {
    word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d) + at
    writeWord(target, at, word ^ (word >>> 12))
  }
}

function signature(message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(64)
  spread(bytes, hash(message, hash(publicKey, 0x811c9dc5)))
  return bytes
}

export const toyCurves: Curves = {
  name: 'toy',
  x25519Public: (secret) => multiply(secret, undefined),
  x25519Shared: (secret, publicKey) => multiply(secret, publicKey),
  ed25519Public: (seed) => multiply(seed, undefined),
  sign: (message, _seed, publicKey) => signature(message, publicKey),
  verify(given, message, publicKey) {
    const right = hash(message, hash(publicKey, 0x811c9dc5))
    const bytes = new Uint8Array(8)
    spread(bytes, right)
    return given.length === 64 && bytes.every((byte, i) => byte === given[i])
  },
}

function tagWord(nonce: Uint8Array, key: Uint8Array, length: number): number {
  let word = readWord(key, 0) ^ Math.imul(readWord(key, 16), GENERATOR) ^ length
  for (let at = 0; at < 12; at += 4) word = Math.imul(word ^ readWord(nonce, at), 0x85ebca6b) ^ (word >>> 13)
  return word
}

/** Content is not hidden; the tag fits one key, nonce and length. */
export const toyAead: Aead = {
  name: 'toy',
  seal(out, plaintext, nonce, key) {
    if (out.byteOffset !== plaintext.byteOffset || out.buffer !== plaintext.buffer) out.set(plaintext)
    const word = tagWord(nonce, key, plaintext.length)
    for (let i = 0; i < AEAD_TAG_BYTES; i += 4) writeWord(out, plaintext.length + i, word + i)
  },
  open(out, sealed, nonce, key) {
    if (readWord(sealed, out.length) !== tagWord(nonce, key, out.length)) return false
    if (out.byteOffset !== sealed.byteOffset || out.buffer !== sealed.buffer)
      out.set(sealed.subarray(0, out.length))
    return true
  },
}
