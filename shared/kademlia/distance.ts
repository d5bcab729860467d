import type { Random } from '../world/random.ts'
import { ID_BYTES } from './constants.ts'

/** The XOR metric of Kademlia: ids of 20 bytes, the first bit the most significant. */

/** Negative if `a` is closer to `target` than `b`, positive if farther, 0 if they are the same. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const t = target[i] as number
    const difference = ((a[i] as number) ^ t) - ((b[i] as number) ^ t)
    if (difference !== 0) return difference
  }
  return 0
}

/** Equal leading bits, 0 to 160. */
export function prefixBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = (a[i] as number) ^ (b[i] as number)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return 8 * ID_BYTES
}

/** The distance as a share of the whole space, 0 up to 1: its first eight bytes, which no network is large enough to need more of. */
export function distanceShare(a: Uint8Array, b: Uint8Array): number {
  let share = 0
  for (let i = 7; i >= 0; i--) share = (share + ((a[i] as number) ^ (b[i] as number))) / 256
  return share
}

/** The id with one bit (0 to 159, from the front) turned over. */
export function withBitFlipped(id: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(id)
  const at = bit >>> 3
  flipped[at] = (flipped[at] as number) ^ (0x80 >>> (bit & 7))
  return flipped
}

/** A random id of those that share at least `bits` leading bits with `id`, or exactly as many if `exactly`. */
export function randomNear(id: Uint8Array, bits: number, random: Random, exactly = false): Uint8Array {
  const near = random.bytes(ID_BYTES)
  for (let i = 0; i < ID_BYTES; i++) {
    const kept = Math.min(8, Math.max(0, bits - 8 * i))
    const mask = 0xff & (0xff << (8 - kept))
    near[i] = ((id[i] as number) & mask) | ((near[i] as number) & ~mask)
  }
  return exactly && bits < 8 * ID_BYTES && prefixBits(id, near) > bits ? withBitFlipped(near, bits) : near
}
