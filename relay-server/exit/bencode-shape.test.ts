import { utf8ToBytes } from '@noble/hashes/utils.js'
import bencode from 'bencode'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBencoded } from './bencode-shape.ts'

const is = (text: string) => isBencoded(utf8ToBytes(text))

describe('what a tracker answers (C-07: HTTP through an exit)', () => {
  it.each([
    'de',
    'le',
    'i0e',
    'i-5e',
    '0:',
    '3:abc',
    'd8:intervali900e5:peers6:abcdefe',
    'lli1eeded1:a0:ee',
    'd1:ad1:bl0:eee',
  ])('is %s', (text) => expect(is(text)).toBe(true))

  it.each([
    ...[
      '',
      'e',
      'd',
      'l',
      'i',
      'ie',
      'i-e',
      'i1',
      '5:abc',
      ':abc',
      '-1:',
      '3abc',
      'dee',
      'lee',
      'de ',
      'i1ei2e',
    ],
    ...[
      'di1e0:e',
      'dlee',
      'd1:ae',
      'd1:a0:1:be',
      '<html></html>',
      '99999999999999999999999:',
      `i${'1'.repeat(30)}e`,
    ],
    'l'.repeat(40) + 'e'.repeat(40),
  ])('is not %s', (text) => expect(is(text)).toBe(false))

  it('is what a bencoder writes, and no longer is when its end is cut off (property)', () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie('node'), { maxLength: 5 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie('node'), { maxKeys: 5 }),
      ),
    })).node
    fc.assert(
      fc.property(value, (node) => {
        const bytes = Uint8Array.from(bencode.encode(node))
        expect(isBencoded(bytes)).toBe(true)
        expect(isBencoded(bytes.subarray(0, -1))).toBe(false)
        expect(isBencoded(Uint8Array.of(...bytes, 0x65))).toBe(false)
      }),
    )
  })

  it('never takes long, whatever the bytes (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof isBencoded(bytes)).toBe('boolean')
      }),
    )
  })
})
