import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Address, addressOf, formatIpv4, formatIpv6 } from '../bytes/address.ts'
import { CodecError } from '../bytes/error.ts'
import { AddressReader, addressBytes } from './addresses.ts'

const port = fc.nat(0xffff)
const anyAddress: fc.Arbitrary<Address> = fc.oneof(
  fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), port)
    .map(([ip, p]) => addressOf(formatIpv4(ip), p)),
  fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), port)
    .map(([ip, p]) => addressOf(formatIpv6(ip), p)),
  fc.tuple(fc.domain(), port).map(([host, p]): Address => ({ kind: 'domain', host, port: p })),
)

describe('addresses in cells (C-07)', () => {
  it('reads back what was written, the second time as the same object (property)', () => {
    const reader = new AddressReader()
    fc.assert(
      fc.property(anyAddress, fc.nat(40), fc.nat(40), (address, before, after) => {
        const wire = addressBytes(address)
        expect(addressBytes(address)).toBe(wire)
        const buffer = new Uint8Array(before + wire.length + after).fill(0xee)
        buffer.set(wire, before)
        const first = reader.read(buffer, before, buffer.length)
        expect(first).toEqual(address)
        expect(reader.end).toBe(before + wire.length)
        expect(reader.read(buffer, before, buffer.length)).toBe(first)
      }),
    )
  })

  it('refuses what is cut short or of no known type, and never reads past the end', () => {
    const reader = new AddressReader()
    const wire = addressBytes({ kind: 'domain', host: 'tracker.example.org', port: 80 })
    const buffer = Uint8Array.of(...wire, 1, 2, 3)
    for (let end = 0; end < wire.length; end++) {
      expect(() => reader.read(buffer, 0, end)).toThrow(CodecError)
    }
    expect(() => reader.read(Uint8Array.of(9, 0, 0, 0, 0, 0, 0), 0, 7)).toThrow(CodecError)
    expect(() => reader.read(Uint8Array.of(2, 0, 0, 0, 0), 0, 5)).toThrow(CodecError)
  })
})
