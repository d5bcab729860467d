import { utf8ToBytes } from '@noble/hashes/utils.js'
import bencode from 'bencode'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Bencodable,
  BencodeDictionary,
  Bencoded,
  type BencodeValue,
  decodeBencode,
  decodeDictionary,
  encodeBencode,
} from './bencode.ts'
import { codeOf } from './error-code.fixture.ts'

const text = (bytes: Uint8Array) => String.fromCharCode(...bytes)
const read = (bytes: string) => decodeBencode(utf8ToBytes(bytes))

/** As plain objects, for comparison. */
function plain(value: BencodeValue): unknown {
  if (value instanceof BencodeDictionary) {
    return new Map([...value.keys()].map((key) => [key, plain(value.get(key) as BencodeValue)]))
  }
  return Array.isArray(value) ? value.map(plain) : value
}

/** What the encoder takes, as `plain` gives it back. */
function expected(value: Bencodable): unknown {
  if (typeof value === 'number' || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(expected)
  return new Map(Object.entries(value as Record<string, Bencodable>).map(([k, v]) => [k, expected(v)]))
}

const values = fc.letrec<{ node: Bencodable }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().map((each) => each + 0),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('node'), { maxLength: 5 }),
    fc.dictionary(fc.stringMatching(/^[!-~]{0,8}$/), tie('node'), { maxKeys: 5 }),
  ),
})).node

describe('bencoding (K-04: BEP 3)', () => {
  it('reads back what it wrote (property)', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(plain(decodeBencode(encodeBencode(value)))).toEqual(expected(value))
      }),
    )
  })

  it('writes what the bencode package writes (property)', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(encodeBencode(value)).toEqual(Uint8Array.from(bencode.encode(value)))
      }),
    )
  })

  it('sorts keys as bytes, and leaves out what is undefined', () => {
    expect(text(encodeBencode({ b: 1, a: undefined, B: 2, aa: 'x' }))).toBe('d1:Bi2e2:aa1:x1:bi1ee')
    expect(text(encodeBencode({ é: 1, z: 2 }))).toBe('d1:zi2e1:éi1ee')
  })

  it('gives values as they stood, in whatever order the keys came', () => {
    const bytes = utf8ToBytes('d1:vd1:bi1e1:ai2ee1:k3:abce')
    const dictionary = decodeDictionary(bytes)
    expect(text(dictionary.raw('v') as Uint8Array)).toBe('d1:bi1e1:ai2ee')
    expect(text(dictionary.raw('k') as Uint8Array)).toBe('3:abc')
    expect(dictionary.raw('none')).toBeUndefined()
    expect(text(encodeBencode({ v: new Bencoded(dictionary.raw('v') as Uint8Array) }))).toBe(
      'd1:vd1:bi1e1:ai2eee',
    )
    expect(text(encodeBencode(dictionary))).toBe('d1:k3:abc1:vd1:ai2e1:bi1eee')
  })

  it('gives a value by its kind, or not at all', () => {
    const dictionary = decodeDictionary(utf8ToBytes('d1:dde1:ii-5e1:lle1:s0:e'))
    expect(dictionary.integer('i')).toBe(-5)
    expect(dictionary.string('s')).toEqual(new Uint8Array())
    expect(dictionary.list('l')).toEqual([])
    expect(dictionary.dictionary('d')?.size).toBe(0)
    for (const kind of ['integer', 'string', 'list', 'dictionary'] as const) {
      const given = ['d', 'i', 'l', 's'].filter((key) => dictionary[kind](key) !== undefined)
      expect(given).toEqual([kind.charAt(0)])
    }
  })

  it('has no prototype to play with', () => {
    const dictionary = decodeDictionary(utf8ToBytes('d9:__proto__d8:pollutedi1ee11:constructori2ee'))
    expect(dictionary.integer('constructor')).toBe(2)
    expect(dictionary.get('toString')).toBeUndefined()
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it.each([
    ['', 'bencode-short'],
    ['i1', 'bencode-short'],
    ['5:abc', 'bencode-short'],
    ['l', 'bencode-short'],
    ['d1:a', 'bencode-short'],
    ['i e', 'bencode-syntax'],
    ['ie', 'bencode-syntax'],
    ['i-e', 'bencode-syntax'],
    ['x', 'bencode-syntax'],
    ['di1ei2ee', 'bencode-syntax'],
    ['-1:', 'bencode-syntax'],
    ['i-0e', 'bencode-integer'],
    ['i01e', 'bencode-integer'],
    ['01:a', 'bencode-integer'],
    ['i9007199254740992e', 'bencode-integer'],
    ['i99999999999999999999e', 'bencode-integer'],
    ['d1:ai1e1:ai2ee', 'bencode-key'],
    ['i1ei2e', 'codec-leftover'],
    [`${'l'.repeat(9)}${'e'.repeat(9)}`, 'bencode-limit'],
    ['l'.repeat(200_000), 'bencode-limit'],
    [`l${'i1e'.repeat(5000)}e`, 'bencode-limit'],
    [`d256:${'k'.repeat(256)}i1ee`, 'bencode-limit'],
  ])('refuses nonsense (%#)', (bytes, expectedCode) => {
    expect(codeOf(() => read(bytes))).toBe(expectedCode)
  })

  it('reads what is at its limits', () => {
    expect(plain(read('i9007199254740991e'))).toBe(Number.MAX_SAFE_INTEGER)
    expect(plain(read('i-9007199254740991e'))).toBe(-Number.MAX_SAFE_INTEGER)
    expect(codeOf(() => read(`${'l'.repeat(8)}${'e'.repeat(8)}`))).toBe('none')
    expect(codeOf(() => decodeDictionary(utf8ToBytes('le')))).toBe('bencode-syntax')
  })

  it('does not write what could not be read', () => {
    expect(codeOf(() => encodeBencode(2 ** 53))).toBe('bencode-integer')
    expect(codeOf(() => encodeBencode(1.5))).toBe('bencode-integer')
    expect(codeOf(() => encodeBencode('€'))).toBe('bencode-syntax')
    expect(text(encodeBencode(-0))).toBe('i0e')
  })

  it('is a value or a CodecError, whatever the bytes (property)', () => {
    const nearly = fc
      .array(fc.constantFrom(...'dlie0123456789:-abc'), { maxLength: 60 })
      .map((all) => all.join(''))
    fc.assert(
      fc.property(fc.oneof(nearly.map(utf8ToBytes), fc.uint8Array({ maxLength: 100 })), (bytes) => {
        codeOf(() => decodeBencode(bytes))
      }),
    )
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeBencode(value)
        bytes[at % bytes.length] = byte
        codeOf(() => decodeBencode(bytes))
        expect(codeOf(() => decodeBencode(bytes.subarray(0, at % bytes.length)))).not.toBe('none')
      }),
    )
  })
})
