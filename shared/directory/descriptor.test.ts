import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { concat, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { MAX_DESCRIPTOR_BYTES } from './constants.ts'
import { readDescriptor } from './descriptor.fixture.ts'
import { type DescriptorFields, isExpired, parseDescriptor, signDescriptor } from './descriptor.ts'

const keyPair = KeyPair.generate(new SeededRandom(1))
const NOW_S = 1_790_000_000
const fields: DescriptorFields = {
  nickname: 'Ponte Sisto 3',
  flags: 0x0103,
  family: new Uint8Array([1, 2, 3, 4]),
  udp: { kind: 'ipv4', host: '127.0.0.3', port: 7001 },
  websocket: 'wss://relay.example.org:8443/relay',
  bandwidth: 20_000_000,
  published: NOW_S,
  lifetime: 3_600,
}

const read = (bytes: Uint8Array, network = 'lab', wallS = NOW_S) =>
  readDescriptor(bytes, network, wallS * 1000)

/** The layout spelt out, to sign what signDescriptor would refuse to make or does not know yet. */
function handMade(body: Uint8Array, network = 'lab'): Uint8Array {
  const text = new TextEncoder()
  const domain = concat(
    text.encode('culvert relay descriptor 1'),
    new Uint8Array([0, network.length]),
    text.encode(network),
  )
  return concat(body, keyPair.sign(concat(domain, body)))
}
function body(nickname: string, addresses: [number, Uint8Array][], rest = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(nickname)
  return concat(
    new Uint8Array([1]),
    keyPair.publicKey.bytes,
    new Uint8Array([0x6a, 0xb1, 0x3b, 0x80, 0, 0, 0x0e, 0x10, 0x01, 0x03, 0x01, 0x31, 0x2d, 0x00]),
    new Uint8Array([text.length]),
    text,
    new Uint8Array([4, 1, 2, 3, 4, addresses.length]),
    ...addresses.map(([kind, value]) => concat(new Uint8Array([kind, value.length]), value)),
    rest,
  )
}
const udp = new Uint8Array([1, 127, 0, 0, 3, 0x1b, 0x59])
const url = new TextEncoder().encode('wss://relay.example.org:8443/relay')

describe('relay descriptors (D-06)', () => {
  it('have exactly the documented layout', () => {
    const expected = handMade(
      body('Ponte Sisto 3', [
        [1, udp],
        [2, url],
      ]),
    )
    expect(toHex(signDescriptor(fields, keyPair, 'lab'))).toBe(toHex(expected))
  })

  it('come out as they went in', () => {
    const bytes = signDescriptor(fields, keyPair, 'lab')
    const { publicKey, bytes: kept, ...rest } = read(bytes)
    expect(rest).toEqual(fields)
    expect(publicKey.equals(keyPair.publicKey)).toBe(true)
    expect(toHex(kept)).toBe(toHex(bytes))
  })

  it('are worth nothing in another network', () => {
    expect(codeOf(() => read(signDescriptor(fields, keyPair, 'lab'), 'public'))).toBe('descriptor-forged')
  })

  it('are refused with any bit changed', () => {
    const bytes = signDescriptor(fields, keyPair, 'lab')
    for (let at = 0; at < bytes.length; at += 3) {
      const bad = bytes.map((byte, i) => (i === at ? byte ^ 0x20 : byte))
      expect(() => read(bad)).toThrow(CodecError)
    }
  })

  it('are refused when cut or lengthened', () => {
    const bytes = signDescriptor(fields, keyPair, 'lab')
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => read(bytes.subarray(0, length))).toThrow(CodecError)
    }
    expect(() => read(concat(bytes, new Uint8Array(1)))).toThrow(CodecError)
  })

  it('are refused before their time, after it, and without end', () => {
    const bytes = signDescriptor(fields, keyPair, 'lab')
    expect(codeOf(() => read(bytes, 'lab', NOW_S - 601))).toBe('descriptor-future')
    expect(read(bytes, 'lab', NOW_S - 599).published).toBe(NOW_S)
    expect(read(bytes, 'lab', NOW_S + 3_600).published).toBe(NOW_S)
    expect(codeOf(() => read(bytes, 'lab', NOW_S + 3_601))).toBe('descriptor-expired')
    expect(isExpired(fields, (NOW_S + 3_601) * 1000)).toBe(true)
    expect(codeOf(() => signDescriptor({ ...fields, lifetime: 604_801 }, keyPair, 'lab'))).toBe(
      'descriptor-lifetime',
    )
  })

  it('may be longer than we understand: later fields and later kinds of address are skipped', () => {
    // An extension that says nothing, and what may come behind it one day.
    const later = concat(new Uint8Array(9), new Uint8Array([9, 9, 9]), new Uint8Array(200))
    const descriptor = read(
      handMade(
        body(
          'x',
          [
            [7, later.subarray(0, 100)],
            [1, udp],
            [1, udp],
            [2, url],
          ],
          later,
        ),
      ),
    )
    expect(descriptor.udp).toEqual(fields.udp)
    expect(descriptor.websocket).toBe(fields.websocket)
  })

  it('are bounded', () => {
    const many = Array.from({ length: 9 }, (): [number, Uint8Array] => [9, new Uint8Array(1)])
    expect(codeOf(() => read(handMade(body('x', many))))).toBe('codec-count')
    expect(codeOf(() => read(handMade(body('x'.repeat(33), []))))).toBe('codec-length')
    const huge = handMade(body('x', [], new Uint8Array(900)))
    expect(huge.length).toBeGreaterThan(MAX_DESCRIPTOR_BYTES)
    expect(codeOf(() => read(huge))).toBe('descriptor-size')
    expect(codeOf(() => read(new Uint8Array(0)))).toBe('codec-short')
    expect(codeOf(() => read(signDescriptor(fields, keyPair, 'lab').with(0, 2)))).toBe('descriptor-version')
  })

  it.each([
    'http://a:1/relay',
    'ws://a:0/relay',
    'ws://a:65536/relay',
    'ws://a/other',
    'ws://a/relay?x',
    'ws://user@a/relay',
    'ws://[::g]/relay',
    'ws:///relay',
    'wss://a:1/relay ',
    `ws://${'a'.repeat(250)}/relay`,
  ])('refuse the WebSocket URL %s', (websocket) => {
    expect(() => signDescriptor({ ...fields, websocket }, keyPair, 'lab')).toThrow(CodecError)
    if (websocket.length > 255) return
    const bytes = handMade(body('x', [[2, new TextEncoder().encode(websocket)]]))
    expect(codeOf(() => read(bytes))).toBe('descriptor-websocket')
  })

  it('refuse nicknames that are not printable', () => {
    expect(codeOf(() => signDescriptor({ ...fields, nickname: 'a\nb' }, keyPair, 'lab'))).toBe(
      'descriptor-nickname',
    )
    expect(codeOf(() => read(handMade(body('a\u0007', []))))).toBe('descriptor-nickname')
    expect(codeOf(() => read(handMade(body('é', []))))).toBe('descriptor-nickname')
  })

  const port = fc.integer({ min: 1, max: 65_535 })
  const address: fc.Arbitrary<IpAddress | undefined> = fc.oneof(
    fc.constant(undefined),
    fc
      .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), port)
      .map(([ip, port]): IpAddress => ({ kind: 'ipv4', host: formatIpv4(ip), port })),
    fc
      .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), port)
      .map(([ip, port]): IpAddress => ({ kind: 'ipv6', host: formatIpv6(ip), port })),
  )
  const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code))

  it('round-trip any fields', () => {
    const any = fc.record({
      nickname: fc.array(printable, { maxLength: 32 }).map((letters) => letters.join('')),
      flags: fc.nat(0xffff),
      family: fc.uint8Array({ maxLength: 32 }),
      udp: address,
      websocket: fc.constantFrom(undefined, 'ws://127.0.0.1:8080/relay', 'wss://[2001:db8::1]/relay'),
      bandwidth: fc.nat(0xffff_ffff),
      published: fc.integer({ min: NOW_S - 10, max: NOW_S + 500 }),
      lifetime: fc.integer({ min: 20, max: 604_800 }),
    })
    fc.assert(
      fc.property(any, (value) => {
        const { publicKey: _key, bytes: _bytes, ...rest } = read(signDescriptor(value, keyPair, 'lab'))
        expect(rest).toEqual(value)
      }),
      { numRuns: 25 },
    )
  })

  it('throw nothing but CodecError on any bytes', () => {
    const start = signDescriptor(fields, keyPair, 'lab').subarray(0, 75)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const each of [bytes, concat(start, bytes)]) {
          try {
            parseDescriptor(each)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
          }
        }
      }),
    )
  })
})
