import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { AEAD_TAG_BYTES, type Aead } from './aead.ts'
import { nobleAead } from './noble-aead.ts'

const LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 511, 1400, 1472, 4096, 16_384]

/** `length` bytes that differ from place to place; the same each time. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 131 + (i >> 8) * 7 + seed) & 0xff)
}

const key = pattern(32, 3)
const nonce = pattern(12, 5)

/** What every Aead must do; run by the test of each implementation. Cross-checked against the reference. */
export function aeadSuite(title: string, load: () => Aead | Promise<Aead>): void {
  describe(title, async () => {
    const aead = await load()

    it('seals the vector of RFC 8439 §2.8.2 but for its associated data', () => {
      // The RFC's vector has associated data, which cells have not: the ciphertext is the RFC's, the tag is the one
      // without it (checked against libsodium).
      const rfcKey = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
      const rfcNonce = fromHex('070000004041424344454647')
      const text = new TextEncoder().encode(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      )
      const sealed = new Uint8Array(text.length + AEAD_TAG_BYTES)
      aead.seal(sealed, text, rfcNonce, rfcKey)
      expect(toHex(sealed.subarray(0, text.length))).toBe(
        'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
          '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
          '3ff4def08e4b7a9de576d26586cec64b6116',
      )
      expect(toHex(sealed.subarray(text.length))).toBe('6a23a4681fd59456aea1d29f82477216')
      const opened = new Uint8Array(text.length)
      expect(aead.open(opened, sealed, rfcNonce, rfcKey)).toBe(true)
      expect(opened).toEqual(text)
    })

    it.each(LENGTHS)('agrees with the reference on %i bytes, in place and not', (length) => {
      const plain = pattern(length, 1)
      const expected = new Uint8Array(length + AEAD_TAG_BYTES)
      nobleAead.seal(expected, plain, nonce, key)

      const sealed = new Uint8Array(length + AEAD_TAG_BYTES)
      aead.seal(sealed, plain, nonce, key)
      expect(toHex(sealed)).toBe(toHex(expected))
      expect(toHex(plain)).toBe(toHex(pattern(length, 1)))

      // At an odd offset inside a larger packet, as in a cell behind its header.
      const packet = new Uint8Array(length + AEAD_TAG_BYTES + 38).fill(0xee)
      packet.set(plain, 37)
      const inPlace = packet.subarray(37, 37 + length + AEAD_TAG_BYTES)
      aead.seal(inPlace, packet.subarray(37, 37 + length), nonce, key)
      expect(toHex(inPlace)).toBe(toHex(expected))
      expect(packet[36]).toBe(0xee)
      expect(packet[37 + length + AEAD_TAG_BYTES]).toBe(0xee)

      const opened = new Uint8Array(length)
      expect(aead.open(opened, expected, nonce, key)).toBe(true)
      expect(toHex(opened)).toBe(toHex(plain))
      expect(aead.open(packet.subarray(37, 37 + length), inPlace, nonce, key)).toBe(true)
      expect(toHex(packet.subarray(37, 37 + length))).toBe(toHex(plain))
      expect(packet[36]).toBe(0xee)
    })

    it('refuses every flipped bit, wherever it is', () => {
      const length = 100
      const plain = pattern(length, 9)
      const sealed = new Uint8Array(length + AEAD_TAG_BYTES)
      aead.seal(sealed, plain, nonce, key)
      const out = new Uint8Array(length)
      for (let bit = 0; bit < sealed.length * 8; bit += 5) {
        const bad = Uint8Array.from(sealed)
        bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(aead.open(out, bad, nonce, key)).toBe(false)
      }
      const other = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
      for (let at = 0; at < 12; at++) expect(aead.open(out, sealed, other(nonce, at), key)).toBe(false)
      for (let at = 0; at < 32; at++) expect(aead.open(out, sealed, nonce, other(key, at))).toBe(false)
      expect(aead.open(out, sealed, nonce, key)).toBe(true)
      expect(toHex(out)).toBe(toHex(plain))
    })

    it('opens what the reference seals and the other way round, for any content', () => {
      const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 600 }), bytes(12), bytes(32), (plain, anyNonce, anyKey) => {
          const sealed = new Uint8Array(plain.length + AEAD_TAG_BYTES)
          const out = new Uint8Array(plain.length)
          nobleAead.seal(sealed, plain, anyNonce, anyKey)
          expect(aead.open(out, sealed, anyNonce, anyKey)).toBe(true)
          expect(toHex(out)).toBe(toHex(plain))
          aead.seal(sealed, plain, anyNonce, anyKey)
          expect(nobleAead.open(out, sealed, anyNonce, anyKey)).toBe(true)
          expect(toHex(out)).toBe(toHex(plain))
        }),
        { numRuns: 50 },
      )
    })

    it('throws on sizes that do not fit, before it touches memory', () => {
      const sealed = new Uint8Array(26)
      const plain = new Uint8Array(10)
      expect(() => aead.seal(new Uint8Array(25), plain, nonce, key)).toThrow(CulvertError)
      expect(() => aead.seal(sealed, plain, nonce.subarray(1), key)).toThrow(CulvertError)
      expect(() => aead.seal(sealed, plain, nonce, key.subarray(1))).toThrow(CulvertError)
      expect(() => aead.open(new Uint8Array(11), sealed, nonce, key)).toThrow(CulvertError)
      expect(() => aead.open(new Uint8Array(0), sealed.subarray(11), nonce, key)).toThrow(CulvertError)
      expect(() => aead.open(plain, sealed, nonce, key.subarray(1))).toThrow(CulvertError)
    })
  })
}
