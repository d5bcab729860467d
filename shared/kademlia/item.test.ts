import { utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { nobleCurves } from '../crypto/curves.ts'
import {
  byteStringValue,
  faultOfPut,
  immutableTarget,
  isItemOf,
  mutableTarget,
  signedPart,
  signItem,
  targetOf,
} from './item.ts'
import type { WireItem } from './krpc.ts'

const bep44 = {
  value: byteStringValue(utf8ToBytes('Hello World!')),
  publicKey: fromHex('77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548'),
  salt: utf8ToBytes('foobar'),
}
const plainSignature = fromHex(
  '305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01',
)
const saltedSignature = fromHex(
  '6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08',
)

const seed = new Uint8Array(32).fill(7)
const publicKey = nobleCurves.ed25519Public(seed)
const sign = (message: Uint8Array) => nobleCurves.sign(message, seed, publicKey)
const mutable = (sequence: number, value = 'v', salt?: Uint8Array) =>
  signItem({ publicKey, sign, sequence, value: byteStringValue(utf8ToBytes(value)), ...(salt && { salt }) })

describe('items of the DHT (K-04, K-05: test vectors of BEP 44)', () => {
  it('has the targets of the vectors', () => {
    expect(toHex(immutableTarget(bep44.value))).toBe('e5f96f6f38320f0f33959cb4d3d656452117aadb')
    expect(toHex(mutableTarget(bep44.publicKey))).toBe('4a533d47ec9c7d95b1ad75f576cffc641853b750')
    expect(toHex(mutableTarget(bep44.publicKey, bep44.salt))).toBe('411eba73b6f087ca51a3795d9c8c938d365e32c1')
  })

  it('signs what the vectors sign', () => {
    const text = (bytes: Uint8Array) => String.fromCharCode(...bytes)
    expect(text(signedPart(undefined, 1, bep44.value))).toBe('3:seqi1e1:v12:Hello World!')
    expect(text(signedPart(new Uint8Array(), 1, bep44.value))).toBe('3:seqi1e1:v12:Hello World!')
    expect(text(signedPart(bep44.salt, 1, bep44.value))).toBe('4:salt6:foobar3:seqi1e1:v12:Hello World!')
  })

  it('takes the items of the vectors, and none that differs', () => {
    const { value, salt } = bep44
    const plain = { value, publicKey: bep44.publicKey, sequence: 1, signature: plainSignature }
    const salted = { ...plain, signature: saltedSignature }
    expect(isItemOf(targetOf(plain), plain)).toBe(true)
    expect(isItemOf(targetOf(salted, salt), salted, salt)).toBe(true)
    expect(isItemOf(targetOf({ value }), { value })).toBe(true)

    const target = targetOf(plain)
    expect(isItemOf(target, salted)).toBe(false)
    expect(isItemOf(target, plain, salt)).toBe(false)
    expect(isItemOf(target, { ...plain, sequence: 2 })).toBe(false)
    expect(isItemOf(target, { ...plain, value: byteStringValue(utf8ToBytes('Hello world!')) })).toBe(false)
    expect(isItemOf(target, { value, publicKey: bep44.publicKey })).toBe(false)
    expect(isItemOf(target, { value })).toBe(false)
    expect(isItemOf(immutableTarget(value), { value: byteStringValue(utf8ToBytes('Hello')) })).toBe(false)
    // Somebody else's key, rightly signed.
    expect(isItemOf(target, mutable(1))).toBe(false)
  })

  it('signs what it then takes', () => {
    const salt = utf8ToBytes('s')
    const item = mutable(5, 'value', salt)
    expect(isItemOf(mutableTarget(publicKey, salt), item, salt)).toBe(true)
    expect(faultOfPut(item, { salt })).toBeUndefined()
  })

  it('does not sign what nobody would store', () => {
    const toSign = { publicKey, sign, sequence: 1, value: byteStringValue(new Uint8Array(996)) }
    expect(toSign.value).toHaveLength(1000)
    expect(signItem(toSign).signature).toHaveLength(64)
    expect(() => signItem({ ...toSign, value: byteStringValue(new Uint8Array(997)) })).toThrow(CulvertError)
    expect(() => signItem({ ...toSign, salt: new Uint8Array(65) })).toThrow(CulvertError)
  })

  it.each<[string, number | undefined, WireItem, Parameters<typeof faultOfPut>[1]]>([
    ['a value of 1,000 bytes', undefined, { value: byteStringValue(new Uint8Array(996)) }, {}],
    ['a value of 1,001 bytes', 205, { value: byteStringValue(new Uint8Array(997)) }, {}],
    ['a salt of 65 bytes', 207, mutable(1), { salt: new Uint8Array(65) }],
    ['a bad signature', 206, { ...mutable(1), sequence: 2 }, {}],
    ['a signature over another salt', 206, mutable(1), { salt: utf8ToBytes('x') }],
    ['the first', undefined, mutable(0), { cas: 9 }],
    ['a newer one', undefined, mutable(3), { kept: mutable(2) }],
    ['a newer one with the right cas', undefined, mutable(3), { kept: mutable(2), cas: 2 }],
    ['a newer one with the wrong cas', 301, mutable(3), { kept: mutable(2), cas: 1 }],
    ['an older one', 302, mutable(1), { kept: mutable(2) }],
    ['another value with the same number', 302, mutable(2, 'w'), { kept: mutable(2) }],
    ['the same again', undefined, mutable(2), { kept: mutable(2) }],
    ['the same again with any cas', undefined, mutable(2), { kept: mutable(2), cas: 1 }],
    [
      'the same again with a bad signature',
      206,
      { ...mutable(2), signature: new Uint8Array(64) },
      { kept: mutable(2) },
    ],
  ])('answers %s with %s', (_what, code, item, circumstances) => {
    expect(faultOfPut(item, circumstances)?.code).toBe(code)
  })
})
