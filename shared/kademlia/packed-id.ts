import { ID_BYTES } from './constants.ts'

/**
 * An id as text of one character a byte. Of every few hundred ids that a node knows it is a fifth of what byte arrays take, and there
 * are ten thousand nodes in one process where a DHT is simulated.
 */
export type PackedId = string

export function packed(id: Uint8Array): PackedId {
  return String.fromCharCode(...id)
}

export function unpacked(id: PackedId): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES)
  for (let i = 0; i < ID_BYTES; i++) bytes[i] = id.charCodeAt(i)
  return bytes
}

/** `compareDistance` of packed ids. */
export function comparePacked(target: PackedId, a: PackedId, b: PackedId): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const t = target.charCodeAt(i)
    const difference = (a.charCodeAt(i) ^ t) - (b.charCodeAt(i) ^ t)
    if (difference !== 0) return difference
  }
  return 0
}

/** `prefixBits` of packed ids. */
export function packedPrefixBits(a: PackedId, b: PackedId): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = a.charCodeAt(i) ^ b.charCodeAt(i)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return 8 * ID_BYTES
}
