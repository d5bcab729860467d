import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { encode } from '../bytes/codec.ts'
import { parseCandidates } from './candidates.fixture.ts'
import { type Candidate, candidateList, offered } from './candidates.ts'
import { destroyCircuitId, encodeDestroy, readDestroy } from './destroy.ts'
import { PREFIX } from './onion.fixture.ts'
import { circuitIdOf } from './owned-circuits.ts'

const candidate = (name: string): Candidate => ({
  publicKey: keyPairOf(name).publicKey,
  address: { kind: 'ipv4', host: '192.0.2.1', port: 1 },
})
const [bob, carol, dave] = ['bob', 'carol', 'dave'].map(candidate) as [Candidate, Candidate, Candidate]

describe('candidate lists (C-01)', () => {
  const lists = vectorFile<{
    readonly candidate_lists: readonly { readonly names: string[]; readonly bytes: string }[]
  }>('tunnel-crypto').candidate_lists

  it.each(lists)('are written as py-ipv8 writes them: $names', ({ names, bytes }) => {
    const keys = names.map((name) => keyPairOf(name).publicKey.bytes)
    expect(toHex(encode(candidateList, keys))).toBe(bytes)
  })

  it.each([
    [[], [], []],
    [['bob'], ['bob'], []],
    [['bob', 'carol', 'carol', 'dave'], ['bob'], ['carol', 'dave']],
    [['dave', 'dave'], [], ['dave']],
  ])('read: the repeated key of %j separates relays from exits', (names, relays, exits) => {
    const list = lists.find((each) => each.names.join() === names.join())
    const parsed = parseCandidates(fromHex(list?.bytes as string))
    const hex = (keys: readonly Uint8Array[]) => keys.map(toHex)
    expect(hex(parsed.relays)).toEqual(hex(relays.map((name) => keyPairOf(name).publicKey.bytes)))
    expect(hex(parsed.exits)).toEqual(hex(exits.map((name) => keyPairOf(name).publicKey.bytes)))
  })

  it('offer at most four relays and four exits, the first exit twice', () => {
    const all = () => true
    expect(offered({ relays: [], exits: [] }, all)).toEqual([])
    expect(offered({ relays: [bob], exits: [] }, all)).toEqual([bob])
    expect(offered({ relays: [bob], exits: [carol, dave] }, all)).toEqual([bob, carol, carol, dave])
    expect(offered({ relays: Array(9).fill(bob), exits: Array(9).fill(carol) }, all).length).toBe(4 + 1 + 4)
  })

  it('offer the first that are usable, and repeat the first usable exit', () => {
    const list = { relays: [bob, ...Array(8).fill(dave)], exits: [bob, carol, dave] }
    const usable = (candidate: Candidate) => candidate !== bob
    expect(offered(list, usable)).toEqual([dave, dave, dave, dave, carol, carol, dave])
    expect(offered(list, () => false)).toEqual([])
  })
})

describe('destroy (C-04)', () => {
  it('is that of py-ipv8, and read with the key of the neighbour alone', () => {
    const negative = vectorFile<{
      readonly cases: readonly { readonly name: string; readonly packet: string }[]
    }>('negative').cases
    const packet = fromHex(
      negative.find((c) => c.name === 'destroy at the exit, by the neighbour')?.packet as string,
    )
    expect(toHex(encodeDestroy(PREFIX, keyPairOf('alice'), 0x01020304, 4))).toBe(toHex(packet))
    expect(destroyCircuitId(packet)).toBe(0x01020304)
    expect(circuitIdOf(packet, PREFIX)).toBe(0x01020304)
    expect(readDestroy(packet, keyPairOf('alice').publicKey)).toBe(4)
    expect(() => readDestroy(packet, keyPairOf('bob').publicKey)).toThrow(
      expect.objectContaining({ code: 'destroy-stranger' }),
    )
    expect(circuitIdOf(packet.subarray(0, 100), PREFIX)).toBeUndefined()
    expect(circuitIdOf(packet.subarray(0, 10), PREFIX)).toBeUndefined()
  })

  it('has the layout of the cells vectors', () => {
    const { vectors } = vectorFile<{
      readonly vectors: readonly {
        readonly msg_id: number
        readonly serialized: string
        readonly fields: { circuit_id: number; reason: number }
      }[]
    }>('cells')
    const destroys = vectors.filter((v) => v.msg_id === 8)
    expect(destroys.length).toBeGreaterThan(0)
    for (const { serialized, fields } of destroys) {
      const packet = encodeDestroy(PREFIX, keyPairOf('bob'), fields.circuit_id, fields.reason)
      expect(toHex(packet.subarray(-64 - serialized.length / 2, -64))).toBe(serialized)
    }
  })
})
