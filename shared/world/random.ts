/** Chance, handed in. Cryptographically strong in relay and page, seeded in tests and in the simulator. */
export interface Random {
  /** `length` fresh random bytes, owned by the caller. */
  bytes(length: number): Uint8Array
}

/** A uniform integer in [0, 2^32). */
export function uint32(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4)
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}

/** A uniform integer in [0, 2^16). */
export function uint16(random: Random): number {
  return uint32(random) >>> 16
}

/** A uniform number in [0, 1) with 32 bits of resolution. */
export function fraction(random: Random): number {
  return uint32(random) / 0x1_0000_0000
}

/** A uniform integer in [0, bound), `bound` at most 2^32; without modulo bias. */
export function below(random: Random, bound: number): number {
  const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
  for (;;) {
    const value = uint32(random)
    if (value < limit) return value % bound
  }
}

/** A uniformly chosen element, or undefined of an empty list. */
export function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[below(random, list.length)]
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const copy = [...list]
  for (let i = copy.length - 1; i > 0; i--) {
    const j = below(random, i + 1)
    const a = copy[i] as T
    copy[i] = copy[j] as T
    copy[j] = a
  }
  return copy
}
