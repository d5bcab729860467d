import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Curves, nobleCurves } from './curves.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** Points of low order and their like, little-endian (RFC 7748 §6.1: the result is all zero). */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

/** What every implementation must do; run by the test of each. Cross-checked against the reference. */
export function curvesSuite(title: string, curves: Curves): void {
  describe(title, () => {
    it('computes the first vector of RFC 8032 §7.1', () => {
      const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
      const publicKey = curves.ed25519Public(seed)
      expect(toHex(publicKey)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
      expect(toHex(curves.sign(new Uint8Array(), seed, publicKey))).toBe(
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      )
    })

    it('agrees with the reference on keys, secrets and signatures', () => {
      fc.assert(
        fc.property(bytes32, bytes32, fc.uint8Array({ maxLength: 600 }), (a, b, message) => {
          const peer = nobleCurves.x25519Public(b)
          expect(curves.x25519Public(a)).toEqual(nobleCurves.x25519Public(a))
          expect(curves.x25519Shared(a, peer)).toEqual(nobleCurves.x25519Shared(a, peer))
          const publicKey = curves.ed25519Public(a)
          expect(publicKey).toEqual(nobleCurves.ed25519Public(a))
          const signature = curves.sign(message, a, publicKey)
          expect(signature).toEqual(nobleCurves.sign(message, a, publicKey))
          expect(curves.verify(signature, message, publicKey)).toBe(true)
        }),
        { numRuns: 20 },
      )
    })

    it('throws for a peer of low order, or of another length', () => {
      const secret = new Uint8Array(32).fill(7)
      for (const point of LOW_ORDER) expect(() => curves.x25519Shared(secret, fromHex(point))).toThrow()
      expect(() => curves.x25519Shared(secret, new Uint8Array(31))).toThrow()
      expect(() => curves.x25519Shared(secret, new Uint8Array(33))).toThrow()
    })

    it('refuses signatures that were changed, cut, made larger by the order, or are of another', () => {
      const seed = new Uint8Array(32).fill(3)
      const publicKey = curves.ed25519Public(seed)
      const message = new Uint8Array([1, 2, 3])
      const signature = curves.sign(message, seed, publicKey)
      for (let at = 0; at < 64; at += 7) {
        const changed = Uint8Array.from(signature)
        changed[at] = (changed[at] as number) ^ 1
        expect(curves.verify(changed, message, publicKey)).toBe(false)
      }
      expect(curves.verify(signature.subarray(0, 63), message, publicKey)).toBe(false)
      expect(curves.verify(signature, new Uint8Array([1, 2]), publicKey)).toBe(false)
      expect(curves.verify(signature, message, curves.ed25519Public(new Uint8Array(32)))).toBe(false)
      expect(curves.verify(signature, message, publicKey.subarray(1))).toBe(false)
      expect(curves.verify(addOrder(signature), message, publicKey)).toBe(false)
      expect(curves.verify(new Uint8Array(64), message, new Uint8Array(32))).toBe(false)
    })
  })
}

/** The same signature with the group's order added to its second half: not canonical, so not to be taken. */
function addOrder(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const out = Uint8Array.from(signature)
  let s = 0n
  for (let i = 63; i >= 32; i--) s = (s << 8n) | BigInt(out[i] as number)
  s += order
  for (let i = 32; i < 64; i++) {
    out[i] = Number(s & 0xffn)
    s >>= 8n
  }
  return out
}
