import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Address,
  addressOf,
  anyAddress,
  formatAddress,
  formatIpv4,
  formatIpv6,
  ipAddress,
  ipv4Address,
  isNoAddress,
  NO_ADDRESS,
  parseIpv4,
  parseIpv6,
  sameAddress,
} from './address.ts'
import { decode, encode } from './codec.ts'
import { CodecError } from './error.ts'

const port = fc.integer({ min: 0, max: 0xffff })
const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatIpv4)
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIpv6)
const name = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,60}$/)
const addresses: fc.Arbitrary<Address> = fc.oneof(
  fc.record({ kind: fc.constant('ipv4' as const), host: v4, port }),
  fc.record({ kind: fc.constant('ipv6' as const), host: v6, port }),
  fc.record({ kind: fc.constant('domain' as const), host: name, port }),
)

describe('addresses on the wire (N-01, C-01)', () => {
  it('reads back every address it wrote', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(decode(anyAddress, encode(anyAddress, address))).toEqual(address)
      }),
    )
  })

  it('writes the layouts of IPv8', () => {
    const four: Address = { kind: 'ipv4', host: '203.0.113.9', port: 7759 }
    expect(encode(ipv4Address, four)).toEqual(Uint8Array.of(203, 0, 113, 9, 0x1e, 0x4f))
    expect(encode(ipAddress, four)).toEqual(Uint8Array.of(1, 203, 0, 113, 9, 0x1e, 0x4f))
    expect(encode(anyAddress, { kind: 'domain', host: 'ab', port: 1 })).toEqual(
      Uint8Array.of(2, 0, 2, 97, 98, 0, 1),
    )
  })

  it.each([
    ['a name where an IP address belongs', ipAddress, [2, 0, 1, 97, 0, 1]],
    ['an unknown type', anyAddress, [9, 0, 0, 0, 0, 0, 0]],
    ['an empty name', anyAddress, [2, 0, 0, 0, 1]],
    ['a name of 256 bytes', anyAddress, [2, 1, 0, ...new Array(256).fill(97), 0, 1]],
    ['a name with a space', anyAddress, [2, 0, 1, 32, 0, 1]],
    ['a name with a NUL', anyAddress, [2, 0, 1, 0, 0, 1]],
    ['a name beyond ASCII', anyAddress, [2, 0, 1, 200, 0, 1]],
    ['a name that runs past the end', anyAddress, [2, 0, 9, 97, 0, 1]],
  ])('refuses %s', (_what, codec, bytes) => {
    expect(() => decode(codec, Uint8Array.from(bytes))).toThrow(CodecError)
  })

  it('does not write a name as an IP address, nor IPv6 as IPv4', () => {
    expect(() => encode(ipv4Address, { kind: 'ipv6', host: '::1', port: 1 })).toThrow(CodecError)
    expect(() =>
      encode(ipAddress, { kind: 'domain', host: 'a', port: 1 } as unknown as typeof NO_ADDRESS),
    ).toThrow(CodecError)
    expect(() => encode(anyAddress, { kind: 'domain', host: '', port: 1 })).toThrow(CodecError)
  })
})

describe('addresses as text (O-06)', () => {
  it.each([
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['fe80::', 'fe80::'],
  ])('reads %s and writes %s (RFC 5952)', (text, canonical) => {
    expect(formatIpv6(parseIpv6(text) as Uint8Array)).toBe(canonical)
  })

  it('reads back what it formats', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseIpv6(formatIpv6(bytes))).toEqual(bytes)
      }),
    )
  })

  it.each(['1.2.3', '1.2.3.4.5', '01.2.3.4', '0x1.2.3.4', '1.2.3.256', '1.2.3.-4', '', ' 1.2.3.4', '1..2.3'])(
    'takes %j for no IPv4 address',
    (text) => expect(parseIpv4(text)).toBeUndefined(),
  )

  it.each([
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '::1.2.3',
    'fe80::1%eth0',
  ])('takes %j for no IPv6 address', (text) => expect(parseIpv6(text)).toBeUndefined())

  it('tells kinds apart, and leaves odd forms of IPv4 as names', () => {
    expect(addressOf('192.0.2.1', 5).kind).toBe('ipv4')
    expect(addressOf('[2001:db8::1]', 5)).toEqual({ kind: 'ipv6', host: '2001:db8::1', port: 5 })
    for (const odd of ['2130706433', '0x7f.1', '127.1', '0177.0.0.1', 'localhost']) {
      expect(addressOf(odd, 5).kind).toBe('domain')
    }
  })

  it('compares and formats', () => {
    const a = addressOf('::1', 80)
    expect(formatAddress(a)).toBe('[::1]:80')
    expect(formatAddress(addressOf('127.0.0.1', 80))).toBe('127.0.0.1:80')
    expect(sameAddress(a, { kind: 'ipv6', host: '::1', port: 80 })).toBe(true)
    expect(sameAddress(a, { kind: 'ipv6', host: '::1', port: 81 })).toBe(false)
    expect(isNoAddress(NO_ADDRESS)).toBe(true)
    expect(isNoAddress(a)).toBe(false)
  })
})
