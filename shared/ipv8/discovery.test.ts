import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { DISCOVERY_COMMUNITY_ID } from './constants.ts'
import { ping, similarityRequest, similarityResponse } from './discovery.ts'
import { ipOf, type JsonAddress } from './json-address.fixture.ts'
import { messageIdOf, openSigned, prefixOf, readUnsigned, signedPacket, unsignedPacket } from './packet.ts'

interface Vector {
  name: string
  msg_id: number
  signed: boolean
  key: string
  global_time: number
  fields: {
    identifier: number
    preference_list?: string[]
    lan_address?: JsonAddress
    wan_address?: JsonAddress
  }
  packet: string
}
const vectors = vectorFile<{ vectors: Vector[] }>('discovery').vectors
const prefix = prefixOf(DISCOVERY_COMMUNITY_ID)

function messageOf({ msg_id, global_time, fields }: Vector): { codec: Codec<object>; value: object } {
  const head = { time: BigInt(global_time), identifier: fields.identifier }
  const communities = fields.preference_list?.map(fromHex)
  if (msg_id === 1) {
    const value = {
      ...head,
      lan: ipOf(fields.lan_address!),
      wan: ipOf(fields.wan_address!),
      bits: 0,
      communities,
    }
    return { codec: similarityRequest as Codec<object>, value }
  }
  if (msg_id === 2) {
    const value = { ...head, communities, overlap: new Uint8Array() }
    return { codec: similarityResponse as Codec<object>, value }
  }
  return { codec: ping as Codec<object>, value: head }
}

describe('DiscoveryCommunity messages (N-08)', () => {
  for (const vector of vectors) {
    it(vector.name, () => {
      const { codec, value } = messageOf(vector)
      const packet = fromHex(vector.packet)
      expect(messageIdOf(packet, prefix)).toBe(vector.msg_id)
      if (vector.signed) {
        const made = signedPacket(prefix, vector.msg_id, keyPairOf(vector.key), codec, value)
        expect(toHex(made)).toBe(vector.packet)
        expect(openSigned(packet, codec).value).toEqual(value)
      } else {
        expect(toHex(unsignedPacket(prefix, vector.msg_id, codec, value))).toBe(vector.packet)
        expect(readUnsigned(packet, codec)).toEqual(value)
      }
    })
  }

  it('round-trips any communities, and bounds their number', () => {
    const id = fc.uint8Array({ minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(id, { maxLength: 64 }), fc.nat(65_535), (communities, identifier) => {
        const value = { time: 1n, identifier, communities, overlap: new Uint8Array(3) }
        expect(decode(similarityResponse, encode(similarityResponse, value))).toEqual(value)
      }),
    )
    const many = {
      time: 1n,
      identifier: 1,
      communities: Array(65).fill(new Uint8Array(20)),
      overlap: new Uint8Array(),
    }
    expect(() => decode(similarityResponse, encode(similarityResponse, many))).toThrow(CodecError)
  })
})
