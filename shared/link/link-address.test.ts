import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIpv4, formatIpv6 } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import {
  formatLinkAddress,
  type LinkAddress,
  MAX_LINK_ADDRESS_CHARS,
  parseLinkAddress,
  readLinkAddress,
  sameLinkAddress,
  websocketUrlOf,
} from './link-address.ts'

const ONION = `${'abcdefg234567'.repeat(5).slice(0, 55)}d.onion`

const port = fc.integer({ min: 1, max: 65_535 })
const ipv4 = fc
  .uint8Array({ minLength: 4, maxLength: 4 })
  .map((ip) => ({ kind: 'ipv4' as const, host: formatIpv4(ip) }))
const ipv6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((ip) => ({ kind: 'ipv6' as const, host: formatIpv6(ip) }))
const name = fc.domain().map((host) => ({ kind: 'domain' as const, host: host.toLowerCase() }))
const at = fc.tuple(fc.oneof(ipv4, ipv6, name), port).map(([host, port]) => ({ ...host, port }))
const onion = port.map((port) => ({ kind: 'domain' as const, host: ONION, port }))
const address: fc.Arbitrary<LinkAddress> = fc
  .oneof(
    fc.record({ kind: fc.constantFrom('udp' as const, 'tcp' as const), at }),
    fc.record({ kind: fc.constant('tor' as const), at: onion }),
    fc.record({ kind: fc.constant('websocket' as const), tls: fc.boolean(), at: fc.oneof(at, onion) }),
    fc.record({ kind: fc.constant('webrtc' as const), tls: fc.boolean(), at }),
  )
  .filter((each) => formatLinkAddress(each).length <= MAX_LINK_ADDRESS_CHARS)

describe('addresses of links (L-01)', () => {
  it('reads every address that it wrote', () => {
    fc.assert(
      fc.property(address, (each) => {
        expect(parseLinkAddress(formatLinkAddress(each))).toEqual(each)
      }),
    )
  })

  it('never reads text that means something else than what it writes for it', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('udp', 'tcp', 'tor', 'ws', 'wss', 'webrtc+ws'), fc.string())
        .map(([a, b]) => `${a}://${b}`),
      address
        .map(formatLinkAddress)
        .chain((good) =>
          fc
            .tuple(fc.nat(good.length), fc.string({ maxLength: 3 }))
            .map(([i, s]) => good.slice(0, i) + s + good.slice(i)),
        ),
    )
    fc.assert(
      fc.property(text, (each) => {
        const read = readLinkAddress(each)
        if (read) expect(parseLinkAddress(formatLinkAddress(read))).toEqual(read)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['udp://127.0.0.1:7759', { kind: 'udp', at: { kind: 'ipv4', host: '127.0.0.1', port: 7759 } }],
    ['tcp://[2001:DB8:0::1]:6667', { kind: 'tcp', at: { kind: 'ipv6', host: '2001:db8::1', port: 6667 } }],
    [`tor://${ONION}:6667`, { kind: 'tor', at: { kind: 'domain', host: ONION, port: 6667 } }],
    [
      'wss://Relay.example/relay',
      { kind: 'websocket', tls: true, at: { kind: 'domain', host: 'relay.example', port: 443 } },
    ],
    [`ws://${ONION}/relay`, { kind: 'websocket', tls: false, at: { kind: 'domain', host: ONION, port: 80 } }],
    [
      'webrtc+ws://10.0.0.1:8080/relay',
      { kind: 'webrtc', tls: false, at: { kind: 'ipv4', host: '10.0.0.1', port: 8080 } },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseLinkAddress(text)).toEqual(expected)
  })

  it.each([
    ['nothing', ''],
    ['another scheme', 'http://host/relay'],
    ['no port', 'tcp://host'],
    ['port 0', 'tcp://host:0'],
    ['a port over 65535', 'tcp://host:65536'],
    ['a port with a leading zero', 'tcp://host:06667'],
    ['a path where none belongs', 'tcp://host:1/relay'],
    ['another path', 'wss://host/other'],
    ['no path', 'wss://host'],
    ['a query', 'wss://host/relay?x'],
    ['a user', 'wss://user@host/relay'],
    ['an address in decimal', 'tcp://2130706433:1'],
    ['an address in hexadecimal', 'tcp://0x7f.1:1'],
    ['a short address', 'tcp://127.1:1'],
    ['an address with octal parts', 'tcp://0177.0.0.1:1'],
    ['IPv6 without brackets', 'tcp://::1:1'],
    ['IPv6 with a zone', 'tcp://[fe80::1%eth0]:1'],
    ['an onion of version 2', 'tor://expyuzz4wqqyqhjn.onion:80'],
    ['a name with tor:', 'tor://relay.example:80'],
    ['an onion with tcp:', `tcp://${ONION}:80`],
    ['an onion that signals', `webrtc+ws://${ONION}/relay`],
    ['a subdomain of an onion', `tor://www.${ONION}:80`],
    ['a space', 'tcp://host :1'],
    ['a line break', 'tcp://host:1\n'],
    ['too much', `tcp://${'a.'.repeat(125)}aaaa:65535`],
  ])('refuses %s', (_what, text) => {
    expect(() => parseLinkAddress(text)).toThrow(CulvertError)
    expect(() => parseLinkAddress(text)).toThrow(expect.objectContaining({ code: 'link-address' }))
    expect(readLinkAddress(text)).toBeUndefined()
  })

  it('names the relay that signals', () => {
    const address = parseLinkAddress('webrtc+wss://relay.example:8080/relay')
    expect('tls' in address && websocketUrlOf(address)).toBe('wss://relay.example:8080/relay')
  })

  it('tells addresses apart by kind, host and port', () => {
    const [one, two, three] = ['tcp://host:1', 'tcp://HOST:1', 'udp://host:1'].map(parseLinkAddress)
    expect(one && two && sameLinkAddress(one, two)).toBe(true)
    expect(one && three && sameLinkAddress(one, three)).toBe(false)
  })
})
