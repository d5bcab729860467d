import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Codec,
  decode,
  decodePrefix,
  encode,
  fixed,
  list8,
  raw,
  struct,
  u8,
  u16,
  u32,
  u64,
  varlen16,
} from './codec.ts'
import { codeOf } from './error-code.fixture.ts'
import { Writer } from './writer.ts'

const bytes = (max: number, min = 0) => fc.uint8Array({ minLength: min, maxLength: max })

const message = struct({
  small: u8,
  medium: u16,
  large: u32,
  huge: u64,
  key: fixed(4),
  name: varlen16(20, 1),
  items: list8(u16, 9),
  body: raw,
})

const messages = fc.record({
  small: fc.integer({ min: 0, max: 0xff }),
  medium: fc.integer({ min: 0, max: 0xffff }),
  large: fc.integer({ min: 0, max: 0xffffffff }),
  huge: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  key: bytes(4, 4),
  name: bytes(20, 1),
  items: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 9 }),
  body: bytes(2000),
})

describe('codec of wire messages (C-01, N-11)', () => {
  it('reads back what it wrote, field by field', () => {
    fc.assert(
      fc.property(messages, (value) => {
        expect(decode(message, encode(message, value))).toEqual(value)
      }),
    )
  })

  it('lays fields out in the declared order, big-endian', () => {
    const layout = struct({ a: u16, b: fixed(2), c: varlen16(9) })
    const value = { a: 0x0102, b: Uint8Array.of(3, 4), c: Uint8Array.of(5) }
    expect(encode(layout, value)).toEqual(Uint8Array.of(1, 2, 3, 4, 0, 1, 5))
  })

  it('refuses every packet that was cut short, with a CodecError and nothing else', () => {
    const fixedEnd = struct({ a: u32, name: varlen16(20, 1), items: list8(u16), b: u64 })
    fc.assert(
      fc.property(messages, fc.nat(), (value, cut) => {
        const packet = encode(fixedEnd, {
          a: value.large,
          name: value.name,
          items: value.items,
          b: value.huge,
        })
        const short = packet.subarray(0, cut % packet.length)
        expect(codeOf(() => decode(fixedEnd, short))).toMatch(/^codec-/)
      }),
    )
  })

  it('survives arbitrary bytes: a value or a CodecError', () => {
    fc.assert(fc.property(bytes(200), (packet) => codeOf(() => decode(message, packet)).length > 0))
  })

  it('refuses left-over bytes, and ignores them where IPv8 does', () => {
    expect(codeOf(() => decode(u16, Uint8Array.of(0, 1, 2)))).toBe('codec-leftover')
    expect(decodePrefix(u16, Uint8Array.of(0, 1, 2))).toBe(1)
  })

  it('holds lengths and counts within their bounds, both ways', () => {
    const name = varlen16(3, 1)
    expect(codeOf(() => encode(name, new Uint8Array(0)))).toBe('codec-length')
    expect(codeOf(() => encode(name, new Uint8Array(4)))).toBe('codec-length')
    expect(codeOf(() => decode(name, Uint8Array.of(0, 4, 1, 2, 3, 4)))).toBe('codec-length')
    expect(codeOf(() => decode(list8(u8, 1), Uint8Array.of(2, 1, 1)))).toBe('codec-count')
    expect(codeOf(() => encode(list8(u8, 1), [1, 1]))).toBe('codec-count')
    expect(codeOf(() => encode(fixed(2), Uint8Array.of(1)))).toBe('codec-length')
  })

  it.each<[string, Codec<number>, number]>([
    ['u8', u8, 256],
    ['u16', u16, 65_536],
    ['u32', u32, 4_294_967_296],
    ['u8', u8, -1],
    ['u16', u16, 1.5],
  ])('does not write what does not fit a %s', (_name, codec, value) => {
    expect(codeOf(() => encode(codec, value))).toBe('codec-range')
  })

  it('does not write a negative or oversized u64', () => {
    expect(codeOf(() => encode(u64, -1n))).toBe('codec-range')
    expect(codeOf(() => encode(u64, 1n << 64n))).toBe('codec-range')
  })

  it('grows its writer as needed', () => {
    fc.assert(
      fc.property(fc.array(bytes(300)), (chunks) => {
        const writer = new Writer(1)
        for (const chunk of chunks) writer.raw(chunk)
        expect([...writer.finish()]).toEqual(chunks.flatMap((chunk) => [...chunk]))
      }),
    )
  })
})
