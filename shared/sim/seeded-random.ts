import type { Random } from '../world/random.ts'

/** Chance that is the same every time: xoshiro128** of Blackman and Vigna, its state filled by splitmix32. Not for secrets. */
export class SeededRandom implements Random {
  private readonly state = new Uint32Array(4)

  constructor(seed = 1) {
    let x = seed >>> 0
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0
      let z = x
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      this.state[i] = z ^ (z >>> 16)
    }
    // All-zero is the one state that the generator never leaves.
    if (this.state.every((word) => word === 0)) this.state[0] = 1
  }

  /** A uniform integer in [0, 2^32). */
  uint32(): number {
    const s = this.state
    const s0 = s[0] as number
    const s1 = s[1] as number
    const s2 = (s[2] as number) ^ s0
    const s3 = (s[3] as number) ^ s1
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    s[1] = s1 ^ s2
    s[0] = s0 ^ s3
    s[2] = s2 ^ (s1 << 9)
    s[3] = (s3 << 11) | (s3 >>> 21)
    return result
  }

  /** A uniform number in [0, 1) with 32 bits of resolution. */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let word = 0
    for (let i = 0; i < length; i++) {
      if ((i & 3) === 0) word = this.uint32()
      bytes[i] = word
      word >>>= 8
    }
    return bytes
  }
}
