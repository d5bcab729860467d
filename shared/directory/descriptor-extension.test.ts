import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, toHex } from '../bytes/bytes.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { KeyPair } from '../identity/keys.ts'
import { byteStringValue, isItemOf, MAX_VALUE_BYTES, mutableTarget, signItem } from '../kademlia/item.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { MAX_DESCRIPTOR_BYTES, relayInfoHash, relayItemSalt } from './constants.ts'
import { readDescriptor } from './descriptor.fixture.ts'
import { type DescriptorFields, signDescriptor } from './descriptor.ts'
import { type ExitSummary, letsOut, portRanges } from './exit-summary.ts'

const keyPair = KeyPair.generate(new SeededRandom(1))
const NOW_S = 1_790_000_000
const plain: DescriptorFields = {
  nickname: 'Ponte Sisto 3',
  flags: 0x0103,
  family: new Uint8Array([1, 2, 3, 4]),
  udp: { kind: 'ipv4', host: '127.0.0.3', port: 7001 },
  websocket: undefined,
  bandwidth: 20_000_000,
  published: NOW_S,
  lifetime: 3_600,
}
const exit: ExitSummary = {
  tcp: true,
  udp: true,
  ipv8: false,
  ipv4: true,
  ipv6: false,
  refusedTcpPorts: [
    { from: 25, to: 25 },
    { from: 6000, to: 6063 },
  ],
}
const full: DescriptorFields = {
  ...plain,
  udp6: { kind: 'ipv6', host: '2001:db8::7', port: 7001 },
  websocket: 'wss://relay.example.org/relay',
  tcp: 'tcp://relay.example.org:6667',
  onion: `tor://${'a2'.repeat(27)}ad.onion:6667`,
  webrtc: 'webrtc+wss://other.example.org/relay',
  contact: 'operator@example.org',
  country: 'NL',
  as: 64_496,
  exit,
}

const sign = (fields: DescriptorFields) => signDescriptor(fields, keyPair, 'lab')
const read = (bytes: Uint8Array) => readDescriptor(bytes, 'lab', NOW_S * 1000)
function fieldsOf(bytes: Uint8Array): DescriptorFields {
  const { publicKey: _key, bytes: _bytes, ...rest } = read(bytes)
  return rest
}

/** A name of so many bytes. */
const hostOf = (bytes: number) => `${'a23456789.'.repeat(26).slice(-bytes + 1)}a`

/** Signs a body as it stands, good or bad. */
function signedBody(body: Uint8Array): Uint8Array {
  const domain = concat(
    new TextEncoder().encode('culvert relay descriptor 1'),
    new Uint8Array([0, 3, 108, 97, 98]),
  )
  return concat(body, keyPair.sign(concat(domain, body)))
}
const bodyOf = (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 64)

describe('the extension of relay descriptors (D-06, K-08)', () => {
  it('stands behind the addresses, where the first readers stop reading', () => {
    const without = bodyOf(sign(plain))
    const body = bodyOf(sign({ ...plain, contact: 'a@b', country: 'NL', as: 64_496, exit }))
    expect(toHex(body.subarray(0, without.length))).toBe(toHex(without))
    expect(toHex(body.subarray(without.length))).toBe(
      ['03614062', '4e4c', '0000fbf0', '0b', '02', '00190019', '177017af'].join(''),
    )
  })

  it('comes out as it went in, with every kind of address', () => {
    expect(fieldsOf(sign(full))).toEqual(full)
  })

  it('is absent from descriptors of the first layout, which are read as ever', () => {
    const bytes = sign(plain)
    expect(fieldsOf(bytes)).toEqual(plain)
    expect(fieldsOf(bytes)).not.toHaveProperty('contact')
    expect(sign({ ...plain, contact: '', country: undefined, as: 0, exit: undefined })).toEqual(bytes)
  })

  it('may say one thing and leave the others out', () => {
    for (const one of [{ contact: 'x' }, { country: 'DE' }, { as: 7 }, { exit }]) {
      expect(fieldsOf(sign({ ...plain, ...one }))).toEqual({ ...plain, ...one })
    }
  })

  it('is refused when it is cut, though signed', () => {
    const body = bodyOf(sign({ ...plain, contact: 'a@b' }))
    const start = bodyOf(sign(plain)).length
    for (let length = start + 1; length < body.length; length++) {
      expect(codeOf(() => read(signedBody(body.subarray(0, length))))).toMatch(/^codec-/)
    }
    expect(read(signedBody(body.subarray(0, start)))).not.toHaveProperty('contact')
  })

  it('fits 995 bytes with all that it may hold but URLs without measure, and is refused at signing when it does not', () => {
    const most = sign({
      ...full,
      nickname: 'n'.repeat(32),
      family: new Uint8Array(32),
      contact: 'c'.repeat(64),
      exit: {
        ...exit,
        refusedTcpPorts: Array.from({ length: 8 }, (_, i) => ({ from: 9 * i, to: 9 * i + 3 })),
      },
    })
    expect(most.length).toBeLessThan(700)
    const long = `wss://${hostOf(235)}/relay`
    const huge = { ...full, websocket: long, webrtc: `webrtc+${long}`, tcp: `tcp://${hostOf(240)}:1` }
    expect(codeOf(() => sign(huge))).toBe('descriptor-size')
    expect(sign({ ...huge, tcp: undefined }).length).toBeLessThanOrEqual(MAX_DESCRIPTOR_BYTES)
  })

  it.each<[string, Partial<DescriptorFields>]>([
    ['descriptor-contact', { contact: 'a\nb' }],
    ['codec-length', { contact: 'c'.repeat(65) }],
    ['descriptor-country', { country: 'nl' }],
    ['descriptor-country', { country: 'NLD' }],
    ['codec-range', { as: 2 ** 32 }],
    ['descriptor-tcp', { tcp: 'tcp://host' }],
    ['descriptor-tcp', { tcp: 'udp://host:1' }],
    ['descriptor-onion', { onion: 'tor://example.onion:1' }],
    ['descriptor-onion', { onion: `tor://${'a1'.repeat(28)}.onion:1` }],
    ['descriptor-onion', { onion: `tor://${'a2'.repeat(28)}.onion:1` }],
    ['descriptor-webrtc', { webrtc: 'https://host/relay' }],
    ['descriptor-webrtc', { webrtc: 'wss://host/relay' }],
    ['descriptor-websocket', { websocket: 'webrtc+wss://host/relay' }],
    ['descriptor-policy', { exit: { ...exit, refusedTcpPorts: [{ from: 9, to: 8 }] } }],
    ['descriptor-policy', { exit: { ...exit, refusedTcpPorts: [...exit.refusedTcpPorts].reverse() } }],
    [
      'codec-count',
      {
        exit: { ...exit, refusedTcpPorts: Array.from({ length: 9 }, (_, i) => ({ from: 2 * i, to: 2 * i })) },
      },
    ],
  ])('refuses at signing with %s', (code, wrong) => {
    expect(codeOf(() => sign({ ...plain, ...wrong }))).toBe(code)
  })

  it('is refused when it says what may not be said', () => {
    const body = bodyOf(sign({ ...plain, contact: 'abc', country: 'NL', exit }))
    const at = bodyOf(sign(plain)).length
    const withByte = (offset: number, value: number) => () => read(signedBody(body.with(at + offset, value)))
    expect(codeOf(withByte(0, 65))).toBe('codec-length')
    expect(codeOf(withByte(1, 7))).toBe('descriptor-contact')
    expect(codeOf(withByte(4, 0))).toBe('descriptor-country')
    expect(codeOf(withByte(11, 9))).toBe('codec-count')
    expect(codeOf(withByte(12, 255))).toBe('descriptor-policy')
  })

  const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code))
  const letter = fc.integer({ min: 65, max: 90 }).map((code) => String.fromCharCode(code))
  const ports = fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 12 })

  it('round-trips anything', () => {
    const any = fc.record(
      {
        contact: fc.array(printable, { minLength: 1, maxLength: 64 }).map((letters) => letters.join('')),
        country: fc.tuple(letter, letter).map((letters) => letters.join('')),
        as: fc.integer({ min: 1, max: 0xffff_ffff }),
        exit: fc
          .record({
            tcp: fc.boolean(),
            udp: fc.constant(true),
            ipv8: fc.boolean(),
            ipv4: fc.boolean(),
            ipv6: fc.boolean(),
          })
          .chain((kinds) => ports.map((each) => ({ ...kinds, refusedTcpPorts: portRanges(each) }))),
        tcp: fc.constantFrom('tcp://a:1', 'tcp://[::1]:65535'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(any, (value) => {
        const bytes = sign({ ...plain, ...value })
        expect(fieldsOf(bytes)).toEqual({ ...plain, ...value })
        expect(bytes.length).toBeLessThanOrEqual(MAX_DESCRIPTOR_BYTES)
      }),
      { numRuns: 25 },
    )
  })
})

describe('the summary of an exit policy (O-06)', () => {
  it('says which connections are worth a try', () => {
    expect(letsOut(exit, 443, 'ipv4')).toBe(true)
    expect(letsOut(exit, 6010, 'ipv4')).toBe(false)
    expect(letsOut(exit, 443, 'ipv6')).toBe(false)
    expect(letsOut({ ...exit, tcp: false }, 443, 'ipv4')).toBe(false)
  })

  it('puts ports into ranges, eight at most', () => {
    expect(portRanges([465, 25, 24, 25, 587])).toEqual([
      { from: 24, to: 25 },
      { from: 465, to: 465 },
      { from: 587, to: 587 },
    ])
    expect(portRanges(Array.from({ length: 30 }, (_, i) => 2 * i + 1))).toHaveLength(8)
  })
})

describe('descriptors as items of the DHT (D-02, K-04)', () => {
  it('fit at their largest, under the key of their relay', () => {
    const long = `wss://${hostOf(235)}/relay`
    const short = sign({ ...full, websocket: long, webrtc: `webrtc+${long}`, tcp: undefined })
    const room = MAX_DESCRIPTOR_BYTES - short.length
    const largest = sign({
      ...full,
      websocket: long,
      webrtc: `webrtc+${long}`,
      tcp: `tcp://${hostOf(room - 10)}:1`,
    })
    expect(largest).toHaveLength(MAX_DESCRIPTOR_BYTES)
    const value = byteStringValue(largest)
    expect(value.length).toBeLessThanOrEqual(MAX_VALUE_BYTES)
    const salt = relayItemSalt('lab')
    const publicKey = keyPair.publicKey.ed25519
    const item = signItem({ publicKey, salt, sequence: 1, value, sign: (bytes) => keyPair.sign(bytes) })
    expect(isItemOf(mutableTarget(publicKey, salt), item, salt)).toBe(true)
    expect(isItemOf(mutableTarget(publicKey, relayItemSalt('other')), item, salt)).toBe(false)
  })
})

describe('where relays meet (D-02)', () => {
  it('is another place for each network', () => {
    expect(toHex(relayInfoHash('culvert'))).not.toBe(toHex(relayInfoHash('lab')))
    expect(relayInfoHash('culvert')).toHaveLength(20)
    expect(new TextDecoder().decode(relayItemSalt('lab'))).toBe('culvert:lab')
    expect(relayItemSalt('a'.repeat(64))).toHaveLength(64)
  })
})
