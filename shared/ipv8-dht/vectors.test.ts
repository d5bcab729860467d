import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { addressOf, formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import type { JsonAddress } from '../ipv8/json-address.fixture.ts'
import { openSigned, prefixOf, signedPacket } from '../ipv8/packet.ts'
import { DHT_COMMUNITY_ID } from './constants.ts'
import { parseEntry, plainEntry } from './entry.ts'
import { decodePoint, encodePoint } from './introduction-point.ts'
import {
  acknowledgement,
  connectPeerRequest,
  connectPeerResponse,
  contactsOf,
  findRequest,
  findResponse,
  storePeerRequest,
  storeRequest,
} from './messages.ts'
import { dhtNodeId } from './node-id.ts'

interface Fields {
  readonly identifier: number
  readonly token?: string
  readonly target?: string
  readonly values?: readonly string[]
  readonly nodes?: readonly { readonly key: string; readonly address: JsonAddress }[]
  readonly lan?: JsonAddress
  readonly offset?: number
  readonly force_nodes?: boolean
}

const vectors = vectorFile<{
  readonly community_id: string
  readonly packets: readonly { name: string; msg_id: number; from: string; fields: Fields; packet: string }[]
  readonly node_ids: readonly { key: string; address: JsonAddress; id: string }[]
  readonly entries: readonly {
    name: string
    entry: string
    data: string
    key: string | null
    version: number
  }[]
  readonly refused_entries: readonly { name: string; entry: string }[]
  readonly introduction_points: readonly {
    address: JsonAddress
    last_seen: number
    introduction_point: string
    seeder: string
    value: string
    entry: string
  }[]
}>('dht')

const at = ({ host, port }: JsonAddress) => addressOf(host, port) as IpAddress

const CODECS = [
  ...[acknowledgement, acknowledgement, storeRequest, acknowledgement, findRequest],
  ...[findResponse, storePeerRequest, acknowledgement, connectPeerRequest, connectPeerResponse],
] as unknown as readonly Codec<object>[]

function bodyOf({ identifier, token, target, values, nodes, lan, offset, force_nodes }: Fields): object {
  return {
    identifier,
    ...(token !== undefined && { token: fromHex(token) }),
    ...(target !== undefined && { target: fromHex(target) }),
    ...(values && { values: values.map((value) => fromHex(value)) }),
    ...(nodes && {
      nodes: nodes.map(({ key, address }) => ({
        address: at(address),
        key: keyPairOf(key).publicKey.bytes,
      })),
    }),
    ...(lan && { lan: at(lan) }),
    ...(offset !== undefined && { offset, forceNodes: force_nodes }),
  }
}

describe('the DHT community byte for byte as py-ipv8 (C-01, issue 3: vectors in dht.json)', () => {
  it('has its id', () => {
    expect(toHex(DHT_COMMUNITY_ID)).toBe(vectors.community_id)
  })

  for (const { name, msg_id, from, fields, packet } of vectors.packets) {
    it(`${name}, identifier ${fields.identifier}`, () => {
      const codec = CODECS[msg_id - 1] as Codec<object>
      const keyPair = keyPairOf(from)
      const made = signedPacket(prefixOf(DHT_COMMUNITY_ID), msg_id, keyPair, codec, bodyOf(fields))
      expect(toHex(made)).toBe(packet)
      const opened = openSigned(fromHex(packet), codec)
      expect(opened.key.equals(keyPair.publicKey)).toBe(true)
      expect(opened.value).toEqual(bodyOf(fields))
    })
  }

  it('node ids', () => {
    for (const { key, address, id } of vectors.node_ids) {
      expect(toHex(dhtNodeId(at(address), keyPairOf(key).publicKey.mid))).toBe(id)
    }
  })

  for (const { name, entry, data, key, version } of vectors.entries) {
    it(`entry: ${name}`, () => {
      const parsed = parseEntry(fromHex(entry))
      expect(toHex(parsed.data)).toBe(data)
      expect(parsed.version).toBe(version)
      expect(parsed.publicKey?.bytes).toEqual(key === null ? undefined : keyPairOf(key).publicKey.bytes)
      expect(parsed.verify()).toBe(true)
      if (key === null) expect(toHex(plainEntry(fromHex(data)))).toBe(entry)
    })
  }

  for (const { name, entry } of vectors.refused_entries) {
    it(`entry refused: ${name}`, () => {
      const holds = () => parseEntry(fromHex(entry)).verify()
      let held: boolean
      try {
        held = holds()
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
        held = false
      }
      expect(held).toBe(false)
    })
  }

  it('introduction points', () => {
    for (const {
      address,
      last_seen,
      introduction_point,
      seeder,
      value,
      entry,
    } of vectors.introduction_points) {
      const point = {
        address: at(address),
        lastSeen: last_seen,
        nodeKey: keyPairOf(introduction_point).publicKey.bytes,
        seederKey: keyPairOf(seeder).publicKey.bytes,
      }
      expect(toHex(encodePoint(point))).toBe(value)
      expect(decodePoint(fromHex(`${value}00`))).toEqual(point)
      expect(toHex(plainEntry(encodePoint(point)))).toBe(entry)
    }
  })
})

const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max })
const u32 = fc.nat(0xffff_ffff)
const address = fc.oneof(
  fc
    .tuple(bytes(4).map(formatIpv4), fc.nat(0xffff))
    .map(([host, port]) => addressOf(host, port) as IpAddress),
  fc
    .tuple(bytes(16).map(formatIpv6), fc.nat(0xffff))
    .map(([host, port]) => addressOf(host, port) as IpAddress),
)
const nodes = fc.array(fc.record({ address, key: bytes(0, 100) }), { maxLength: 8 })
const values = fc.array(bytes(0, 170), { maxLength: 8 })

describe('codecs of the DHT community, any value', () => {
  const samples: readonly (readonly [Codec<object>, fc.Arbitrary<object>])[] = [
    [storeRequest, fc.record({ identifier: u32, token: bytes(20), target: bytes(20), values })],
    [
      findRequest,
      fc.record({ identifier: u32, lan: address, target: bytes(20), offset: u32, forceNodes: fc.boolean() }),
    ],
    [findResponse, fc.record({ identifier: u32, token: bytes(20), values, nodes })],
    [connectPeerResponse, fc.record({ identifier: u32, nodes })],
  ] as unknown as (readonly [Codec<object>, fc.Arbitrary<object>])[]

  it('come back as they went', () => {
    for (const [codec, value] of samples) {
      fc.assert(
        fc.property(value, (each) => {
          expect(decode(codec, encode(codec, each))).toEqual(each)
        }),
      )
    }
  })

  it('of any bytes are a value or a CodecError', () => {
    const decoders: ((input: Uint8Array) => unknown)[] = [
      ...CODECS.map((codec) => (input: Uint8Array) => decode(codec, input)),
      (input) => parseEntry(input).verify(),
      decodePoint,
      (input) => contactsOf(decode(connectPeerResponse, input).nodes),
    ]
    fc.assert(
      fc.property(bytes(0, 200), (input) => {
        for (const read of decoders) {
          try {
            read(input)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
          }
        }
      }),
    )
  })

  it('pass over nodes with keys of another kind', () => {
    const [packet] = vectors.packets.filter(({ name }) => name === 'find response with nodes')
    const { value } = openSigned(fromHex(packet?.packet ?? ''), findResponse)
    const [first, second] = value.nodes
    if (!first || !second) throw new RangeError('no nodes')
    const contacts = contactsOf([{ ...first, key: new Uint8Array(40) }, second])
    expect(contacts.map((each) => each.address)).toEqual([second.address])
    expect(codeOf(() => parseEntry(new Uint8Array()))).toBe('codec-short')
  })
})
