import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { fromHex } from '../bytes/bytes.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { isExempt, nodeIdFits, nodeIdFor } from './node-id.ts'

const at = (host: string) => addressOf(host, 6881) as IpAddress

describe('node ids by address (K-06: BEP 42)', () => {
  it.each([
    ['124.31.75.21', '5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401'],
    ['21.75.31.124', '5a3ce9c14e7a08645677bbd1cfe7d8f956d53256'],
    ['65.23.51.170', 'a5d43220bc8f112a3d426c84764f8c2a1150e616'],
    ['84.124.73.14', '1b0321dd1bb1fe518101ceef99462b947a01ff41'],
    ['43.213.53.83', 'e56f6cbf5b7c4be0237986d5243b87aa6d51305a'],
  ])('fit as the table of BEP 42 has it: %s', (host, id) => {
    expect(nodeIdFits(fromHex(id), at(host))).toBe(true)
    for (const other of ['124.31.75.22', '8.8.8.8', '2001:db8::1'])
      expect(nodeIdFits(fromHex(id), at(other))).toBe(false)
    for (const byte of [0, 1, 2, 19]) {
      const changed = fromHex(id)
      // Of the third byte the upper bits count, of the last the lower ones.
      changed[byte] = (changed[byte] as number) ^ (byte === 19 ? 1 : 0x10)
      expect(nodeIdFits(changed, at(host))).toBe(false)
    }
    const free = fromHex(id)
    free[2] = (free[2] as number) ^ 0x07
    free[10] = 0
    expect(nodeIdFits(free, at(host))).toBe(true)
  })

  it('are made to fit, and hardly fit another address (property)', () => {
    const random = new SeededRandom(1)
    const addresses = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => at(formatIpv4(bytes))),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => at(formatIpv6(bytes))),
    )
    fc.assert(
      fc.property(addresses, (address) => {
        expect(nodeIdFits(nodeIdFor(address, random), address)).toBe(true)
      }),
    )
    let fitting = 0
    for (let i = 0; i < 2000; i++) if (nodeIdFits(random.bytes(20), at('203.0.113.7'))) fitting++
    expect(fitting).toBe(0)
  })

  it('gives an address eight places in the DHT, and its port none more', () => {
    const random = new SeededRandom(2)
    const places = (address: IpAddress) =>
      new Set(Array.from({ length: 300 }, () => String(nodeIdFor(address, random).subarray(0, 2))))
    expect(places(at('203.0.113.7')).size).toBe(8)
    expect(places(addressOf('203.0.113.7', 1) as IpAddress)).toEqual(places(at('203.0.113.7')))
    expect(places(at('2001:db8::7')).size).toBe(8)
    // Of IPv6 the network's half counts.
    expect(places(at('2001:db8::1234:5678'))).toEqual(places(at('2001:db8::7')))
  })

  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.1',
    '192.168.1.1',
    '169.254.3.4',
    '127.0.0.1',
    '::1',
    'fe80::1',
    'fd00::1',
  ])('lets %s have any id', (host) => {
    expect(isExempt(at(host))).toBe(true)
    expect(nodeIdFits(new Uint8Array(20), at(host))).toBe(true)
  })

  it.each(['172.32.0.1', '192.169.1.1', '11.0.0.1', '100.64.0.1', '2001:db8::1'])(
    'does not exempt %s',
    (host) => expect(isExempt(at(host))).toBe(false),
  )
})
