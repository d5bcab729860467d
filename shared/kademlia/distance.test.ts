import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { compareDistance, distanceShare, prefixBits, randomNear, withBitFlipped } from './distance.ts'
import { comparePacked, packed, packedPrefixBits, unpacked } from './packed-id.ts'

const anyId = fc.uint8Array({ minLength: 20, maxLength: 20 })
const asNumber = (id: Uint8Array) => id.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)

describe('XOR distance (K-02)', () => {
  it('orders as numbers do', () => {
    fc.assert(
      fc.property(anyId, anyId, anyId, (target, a, b) => {
        const difference = (asNumber(a) ^ asNumber(target)) - (asNumber(b) ^ asNumber(target))
        const sign = difference < 0n ? -1 : difference > 0n ? 1 : 0
        expect(Math.sign(compareDistance(target, a, b))).toBe(sign)
      }),
    )
  })

  it('counts equal leading bits, and tells the share of the space in between', () => {
    fc.assert(
      fc.property(anyId, fc.integer({ min: 0, max: 159 }), (id, bit) => {
        const other = withBitFlipped(id, bit)
        expect(prefixBits(id, other)).toBe(bit)
        if (bit < 50) expect(distanceShare(id, other)).toBe(2 ** -(bit + 1))
      }),
    )
    expect(prefixBits(new Uint8Array(20), new Uint8Array(20))).toBe(160)
  })

  it('is the same of packed ids', () => {
    fc.assert(
      fc.property(anyId, anyId, anyId, fc.integer({ min: 0, max: 159 }), (target, a, b, bit) => {
        const order = comparePacked(packed(target), packed(a), packed(b))
        expect(Math.sign(order)).toBe(Math.sign(compareDistance(target, a, b)))
        expect(packedPrefixBits(packed(a), packed(withBitFlipped(a, bit)))).toBe(bit)
        expect(packedPrefixBits(packed(a), packed(a))).toBe(160)
        expect(unpacked(packed(a))).toEqual(a)
      }),
    )
  })

  it('makes random ids at a distance', () => {
    const random = new SeededRandom(3)
    fc.assert(
      fc.property(anyId, fc.integer({ min: 0, max: 160 }), (id, bits) => {
        expect(prefixBits(id, randomNear(id, bits, random))).toBeGreaterThanOrEqual(bits)
        expect(prefixBits(id, randomNear(id, bits, random, true))).toBe(bits)
      }),
    )
  })
})
