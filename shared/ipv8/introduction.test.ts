import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { TUNNEL_COMMUNITY_ID } from './constants.ts'
import {
  connectionTypeOf,
  extraOf,
  flagsOf,
  type IntroductionStyle,
  NEW_STYLE,
  OLD_STYLE,
} from './introduction.ts'
import { ipOf, type JsonAddress } from './json-address.fixture.ts'
import { messageIdOf, openSigned, prefixOf, readUnsigned, signedPacket, unsignedPacket } from './packet.ts'

interface Vector {
  name: string
  msg_id: number
  signed: boolean
  key: string
  global_time: number
  fields: Record<string, JsonAddress | string | number | boolean>
  payload: string
  packet: string
}
const vectors = vectorFile<{
  prefix: string
  vectors: Vector[]
  peer_flags: { mask: number; extra_bytes: string }[]
}>('introduction')
const prefix = prefixOf(TUNNEL_COMMUNITY_ID)

const NAMES: Record<string, string> = {
  destination_address: 'destination',
  source_lan_address: 'lan',
  source_wan_address: 'wan',
  lan_introduction_address: 'introducedLan',
  wan_introduction_address: 'introducedWan',
  lan_walker_address: 'walkerLan',
  wan_walker_address: 'walkerWan',
  identifier: 'identifier',
  extra_bytes: 'extra',
}

const CONNECTION: Record<string, number> = { unknown: 0, public: 0x80, 'symmetric-NAT': 0xc0 }

/** The byte of bits that the named fields of the vector make, in the order of IPV8-WIRE. */
function bitsOf({ msg_id, fields }: Vector): number {
  const on = (name: string, bit: number) => (fields[name] ? bit : 0)
  const connection = CONNECTION[String(fields.connection_type)] ?? 0
  if (msg_id === 246) return connection | on('supports_new_style', 0x20) | on('advice', 1)
  if (msg_id === 245) {
    return (
      connection |
      on('supports_new_style', 0x10) |
      on('intro_supports_new_style', 0x08) |
      on('peer_limit_reached', 0x04)
    )
  }
  if (msg_id === 233) return on('intro_supports_new_style', 0x80)
  const order = [
    'connection_type_0',
    'connection_type_1',
    'supports_new_style',
    'dflag1',
    'dflag2',
    'tunnel',
    'sync',
    'advice',
  ]
  return order.reduce((bits, name) => (bits << 1) | Number(fields[name]), 0)
}

function fieldsOf(vector: Vector): Record<string, unknown> {
  const value: Record<string, unknown> = { time: BigInt(vector.global_time) }
  for (const [name, field] of Object.entries(vector.fields)) {
    const ours = NAMES[name]
    if (ours === 'extra') value[ours] = fromHex(String(field))
    else if (ours) value[ours] = typeof field === 'object' ? ipOf(field) : field
  }
  if ('extra_bytes' in vector.fields) value.bits = bitsOf(vector)
  return value
}

function codecOf(id: number): Codec<Record<string, unknown>> {
  for (const style of [OLD_STYLE, NEW_STYLE]) {
    const codecs: [number, unknown][] = [
      [style.requestId, style.request],
      [style.responseId, style.response],
      [style.punctureRequestId, style.punctureRequest],
      [style.punctureId, style.puncture],
    ]
    const found = codecs.find(([each]) => each === id)
    if (found) return found[1] as Codec<Record<string, unknown>>
  }
  throw new RangeError(`message ${id}`)
}

describe('introductions and punctures on the wire (N-08)', () => {
  for (const vector of vectors.vectors) {
    it(vector.name, () => {
      const codec = codecOf(vector.msg_id)
      const value = fieldsOf(vector)
      const packet = fromHex(vector.packet)
      expect(messageIdOf(packet, prefix)).toBe(vector.msg_id)
      if (vector.signed) {
        const keyPair = keyPairOf(vector.key)
        expect(toHex(signedPacket(prefix, vector.msg_id, keyPair, codec, value))).toBe(vector.packet)
        const opened = openSigned(packet, codec)
        expect(opened.key.equals(keyPair.publicKey)).toBe(true)
        expect(opened.value).toEqual(value)
      } else {
        expect(toHex(unsignedPacket(prefix, vector.msg_id, codec, value))).toBe(vector.packet)
        expect(readUnsigned(packet, codec)).toEqual(value)
      }
    })
  }

  for (const { mask, extra_bytes } of vectors.peer_flags) {
    it(`flags ${mask} in "${extra_bytes}"`, () => {
      expect(flagsOf(fromHex(extra_bytes))).toBe(mask)
      if (extra_bytes !== '') expect(toHex(extraOf(mask))).toBe(extra_bytes)
    })
  }

  it('names the connection type', () => {
    expect([0x00, 0x40, 0x80, 0xc0, 0xff].map(connectionTypeOf)).toEqual([
      'unknown',
      'unknown',
      'public',
      'symmetric-nat',
      'symmetric-nat',
    ])
  })

  it('refuses every changed byte of a signed packet', () => {
    const vector = vectors.vectors[0]!
    const codec = codecOf(vector.msg_id)
    const packet = fromHex(vector.packet)
    for (let at = 0; at < packet.length; at += 13) {
      const bad = packet.map((byte, i) => (i === at ? byte ^ 1 : byte))
      expect(() => openSigned(bad, codec)).toThrow(CodecError)
    }
    for (let length = 0; length < packet.length; length += 11) {
      expect(() => openSigned(packet.subarray(0, length), codec)).toThrow(CodecError)
    }
  })

  const port = fc.nat(65_535)
  const v4 = fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), port)
    .map(([ip, port]): IpAddress => ({ kind: 'ipv4', host: formatIpv4(ip), port }))
  const v6 = fc
    .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), port)
    .map(([ip, port]): IpAddress => ({ kind: 'ipv6', host: formatIpv6(ip), port }))
  const anyOf = (style: IntroductionStyle) => {
    const address = style.anyFamily ? fc.oneof(v4, v6) : v4
    return fc.record({
      time: fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      destination: address,
      lan: address,
      wan: address,
      introducedLan: address,
      introducedWan: address,
      walkerLan: address,
      walkerWan: address,
      bits: fc.nat(255),
      identifier: fc.nat(65_535),
      extra: fc.uint8Array({ maxLength: 8 }),
    })
  }

  it.each([
    ['old', OLD_STYLE],
    ['new', NEW_STYLE],
  ] as const)('round-trips any values in %s style', (_, style) => {
    fc.assert(
      fc.property(anyOf(style), (value) => {
        for (const codec of [style.request, style.response, style.punctureRequest, style.puncture]) {
          const bytes = encode(codec as Codec<unknown>, value)
          expect(value).toMatchObject(decode(codec as Codec<object>, bytes))
        }
      }),
    )
  })

  it('throws nothing but CodecError on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        for (const style of [OLD_STYLE, NEW_STYLE]) {
          for (const codec of [style.request, style.response, style.punctureRequest, style.puncture]) {
            try {
              decode(codec as Codec<unknown>, bytes)
            } catch (error) {
              expect(error).toBeInstanceOf(CodecError)
            }
          }
        }
      }),
    )
  })
})
