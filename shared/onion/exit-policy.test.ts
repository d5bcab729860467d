import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { inNetwork, parseNetwork } from '../ipv8/network.ts'
import { ExitPolicy, MAIL_PORTS } from './exit-policy.ts'

const policy = new ExitPolicy()
const ip = (host: string, port = 6881) => addressOf(host, port) as IpAddress

describe('exit policy: addresses (O-06)', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['11.0.0.0', 'allowed'],
    ['100.63.255.255', 'allowed'],
    ['100.64.0.0', 'carrier-grade-nat'],
    ['100.127.255.255', 'carrier-grade-nat'],
    ['100.128.0.0', 'allowed'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['168.63.129.16', 'reserved'],
    ['169.254.169.254', 'link-local'],
    ['172.15.255.255', 'allowed'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'allowed'],
    ['192.0.0.1', 'reserved'],
    ['192.0.2.33', 'documentation'],
    ['192.88.99.1', 'translated'],
    ['192.168.1.1', 'private'],
    ['198.17.255.255', 'allowed'],
    ['198.18.0.1', 'reserved'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.9', 'documentation'],
    ['223.255.255.255', 'allowed'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['8.8.8.8', 'allowed'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::7f00:1', 'translated'],
    ['::ffff:127.0.0.1', 'translated'],
    ['::ffff:8.8.8.8', 'translated'],
    ['::ffff:0:8.8.8.8', 'translated'],
    ['64:ff9b::7f00:1', 'translated'],
    ['64:ff9b::808:808', 'translated'],
    ['64:ff9b:1::1', 'translated'],
    ['64:ff9b:1:ffff::1', 'translated'],
    ['100::1', 'reserved'],
    ['2001::1', 'translated'],
    ['2001:0:53aa::1', 'translated'],
    ['2001:2::1', 'reserved'],
    ['2001:1ff::1', 'reserved'],
    ['2001:200::1', 'allowed'],
    ['2001:db8::7', 'documentation'],
    ['2002:7f00:1::1', 'translated'],
    ['2002:808:808::1', 'translated'],
    ['2606:4700::1111', 'allowed'],
    ['2606:4700::5efe:7f00:1', 'translated'],
    ['2606:4700::200:5efe:7f00:1', 'translated'],
    ['3fff::1', 'documentation'],
    ['4000::1', 'reserved'],
    ['5f00::1', 'reserved'],
    ['fc00::1', 'unique-local'],
    ['fdff::1', 'unique-local'],
    ['fe80::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
  ])('judges %s: %s', (host, expected) => {
    expect(policy.judge(ip(host), 'tcp')).toBe(expected)
    expect(policy.judge(ip(host), 'udp')).toBe(expected)
  })

  it('refuses mail ports for TCP alone, and port 0 for both', () => {
    for (const port of MAIL_PORTS) {
      expect(policy.judge(ip('8.8.8.8', port), 'tcp')).toBe('port')
      expect(policy.judge(ip('8.8.8.8', port), 'udp')).toBe('allowed')
    }
    expect(policy.judge(ip('8.8.8.8', 0), 'udp')).toBe('port')
    expect(policy.judge(ip('8.8.8.8', 0), 'tcp')).toBe('port')
  })

  it('refuses an address that is none', () => {
    expect(policy.judge({ kind: 'ipv4', host: '127.1', port: 1 }, 'tcp')).toBe('malformed')
    expect(policy.judge({ kind: 'ipv6', host: 'fe80::1%eth0', port: 1 }, 'tcp')).toBe('malformed')
  })

  it('lets the lab open loopback for itself, and nothing else with it', () => {
    const lab = new ExitPolicy({ allowNetworks: ['127.0.0.0/8'] })
    expect(lab.judge(ip('127.0.0.12'), 'tcp')).toBe('allowed')
    expect(lab.judge(ip('127.0.0.12', 25), 'tcp')).toBe('port')
    expect(lab.judge(ip('10.0.0.1'), 'tcp')).toBe('private')
    expect(lab.judge(ip('::ffff:127.0.0.1'), 'tcp')).toBe('translated')
    expect(lab.judge(ip('::1'), 'tcp')).toBe('loopback')
  })

  it('refuses every IPv6 form of every IPv4 address (property)', () => {
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 })
    const forms = [
      (b: Uint8Array) => Uint8Array.of(...new Uint8Array(12), ...b),
      (b: Uint8Array) => Uint8Array.of(...new Uint8Array(10), 255, 255, ...b),
      (b: Uint8Array) => Uint8Array.of(0, 0x64, 0xff, 0x9b, ...new Uint8Array(8), ...b),
      (b: Uint8Array) => Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 1, ...b, ...new Uint8Array(6)),
      (b: Uint8Array) => Uint8Array.of(0x20, 2, ...b, ...new Uint8Array(9), 1),
      (b: Uint8Array) => Uint8Array.of(0x20, 1, 0, 0, ...b, ...new Uint8Array(8)),
    ]
    const open = new ExitPolicy({ allowNetworks: ['0.0.0.0/0'] })
    fc.assert(
      fc.property(four, fc.constantFrom(...forms), (bytes, form) => {
        expect(open.judge(ip(formatIpv4(bytes)), 'tcp')).toBe('allowed')
        expect(open.judge(ip(formatIpv6(form(bytes))), 'tcp')).not.toBe('allowed')
      }),
    )
  })

  it('allows no IPv6 address outside 2000::/3 (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        fc.pre((bytes[0] as number) >> 5 !== 1)
        expect(policy.judge(ip(formatIpv6(bytes)), 'udp')).not.toBe('allowed')
      }),
    )
  })
})

describe('exit policy: names (O-06)', () => {
  it.each([
    ['tracker.example.org', 'allowed'],
    ['tracker.example.org.', 'allowed'],
    ['xn--bcher-kva.de', 'allowed'],
    ['_dns.example.com', 'allowed'],
    ['0x7f.1', 'numeric-name'],
    ['127.1', 'numeric-name'],
    ['2130706433', 'numeric-name'],
    ['0x7f000001', 'numeric-name'],
    ['017700000001', 'numeric-name'],
    ['127.0.0.1', 'numeric-name'],
    ['127.0.0.1.', 'numeric-name'],
    ['a.0x', 'numeric-name'],
    ['localhost', 'local-name'],
    ['LOCALHOST.', 'local-name'],
    ['a.localhost', 'local-name'],
    ['printer.local', 'local-name'],
    ['metadata.google.internal', 'local-name'],
    ['router.home.arpa', 'local-name'],
    ['facebookcorewwwi.onion', 'local-name'],
    ['intranet', 'local-name'],
    ['', 'malformed'],
    ['.', 'malformed'],
    ['a..b', 'malformed'],
    ['-a.com', 'malformed'],
    ['a b.com', 'malformed'],
    ['[::1]', 'malformed'],
    ['::1', 'malformed'],
    ['user@host.com', 'malformed'],
    [`${'a'.repeat(64)}.com`, 'malformed'],
    [`${'abc.'.repeat(63)}abcd`, 'malformed'],
  ])('judges "%s": %s', (name, expected) => {
    expect(policy.judgeName(name)).toBe(expected)
  })

  it('gives no name to a resolver that reads as a number at its end (property)', () => {
    const part = fc.oneof(
      fc.nat(0xffffffff).map(String),
      fc.nat(0xffffffff).map((n) => `0x${n.toString(16)}`),
      fc.nat(0xffffffff).map((n) => `0${n.toString(8)}`),
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(policy.judgeName(parts.join('.'))).toBe('numeric-name')
      }),
    )
  })
})

describe('networks (O-06)', () => {
  it.each(['', '10.0.0.0', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/8', '10.0.0.0/x'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: 'network-malformed' }))
    },
  )

  it('holds itself and nothing with another prefix (property)', () => {
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(four, four, fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
        const text = (bytes: Uint8Array) =>
          [...bytes]
            .map((byte) => byte.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, bits)
        expect(inNetwork(b, { bytes: a, bits })).toBe(text(a) === text(b))
      }),
    )
  })
})
