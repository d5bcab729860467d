import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../fixtures/vectors.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Codec, decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import {
  cellCircuitId,
  hasPrefix,
  isCell,
  isPlaintext,
  isRelayEarly,
  maxPayload,
  plaintextCell,
  writeCellHeader,
} from './cells.ts'
import { CELL_HEADER_BYTES, LAYER_BYTES, MAX_MESSAGE_BYTES, MESSAGE } from './constants.ts'
import * as messages from './messages.ts'

interface CellVector {
  readonly name: string
  readonly msg_id: messages.MessageId
  readonly fields: Record<string, unknown>
  readonly serialized: string
  readonly plaintext?: boolean
  readonly message?: string
  readonly cell?: string
  readonly packet?: string
}

const vectors = vectorFile<{
  readonly prefix: string
  readonly vectors: readonly CellVector[]
  readonly nested: readonly { readonly fields: Record<string, unknown>; readonly bytes: string }[]
}>('cells')
const prefix = fromHex(vectors.prefix)
/** Destroy never travels in a cell; candidates.test.ts has it. */
const cellVectors = vectors.vectors.filter((v) => (v.msg_id as number) !== MESSAGE.destroy)

/** Names of py-ipv8 where ours differ, by message. */
const NAMES: Record<string, string> = {
  dest_address: 'destination',
  org_address: 'origin',
  node_addr: 'address',
  rendezvous_point_addr: 'address',
  candidates_enc: 'candidates',
  rp_info_enc: 'rendezvous',
  response_size: 'responseBytes',
  info_hash: 'infoHash',
  seeder_pk: 'seederKey',
}

function ours(fields: Record<string, unknown>, id: number): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'circuit_id') continue
    out[ourName(name, id)] = ourValue(value, id)
  }
  return out
}

function ourName(name: string, id: number): string {
  if (name === 'key') return id === MESSAGE.peersResponse || id === 0 ? 'nodeKey' : 'dhKey'
  if (name === 'public_key') return 'seederKey'
  if (name === 'node_public_key') return id === MESSAGE.createE2e ? 'seederKey' : 'nodeKey'
  return NAMES[name] ?? name
}

function ourValue(value: unknown, id: number): unknown {
  if (typeof value === 'string') return fromHex(value)
  if (Array.isArray(value)) return value.map((item) => ours(item, id))
  return value
}

describe('cell messages (C-01, C-02)', () => {
  it.each(cellVectors.map((v) => [v.name, v] as const))('reads and writes %s as py-ipv8 does', (_, v) => {
    const hasId = 'circuit_id' in v.fields
    const body = v.serialized.slice(hasId ? 8 : 0)
    const message = fromHex(toHex(Uint8Array.of(v.msg_id)) + body)
    if (v.message !== undefined) expect(toHex(message)).toBe(v.message)
    const fields = ours(v.fields, v.msg_id)
    expect(messages.decodeMessage(v.msg_id, message)).toEqual(fields)
    expect(toHex(messages.encodeMessage(v.msg_id, fields as never))).toBe(toHex(message))
  })

  it('has a vector for every message of the protocol', () => {
    const seen = new Set(cellVectors.map((v) => v.msg_id))
    const outside: number[] = [MESSAGE.cell, MESSAGE.destroy]
    // Ours.
    outside.push(MESSAGE.stream, MESSAGE.streamReset, MESSAGE.directory, MESSAGE.mtu)
    // Of Tribler's own endpoint, which py-ipv8 does not know.
    outside.push(MESSAGE.wideTestRequest, MESSAGE.wideTestResponse, MESSAGE.httpRequest, MESSAGE.httpResponse)
    const expected = Object.values(MESSAGE).filter((id) => !outside.includes(id))
    expect([...seen].sort((a, b) => a - b)).toEqual(expected)
  })

  it.each([
    [
      'test request',
      { identifier: 0x01020304, responseBytes: 5, data: fromHex('aa') },
      21,
      '15010203040005aa',
    ],
    ['test response', { identifier: 0x01020304, data: fromHex('bb') }, 22, '1601020304bb'],
    [
      'HTTP request',
      { identifier: 0x01020304, target: { kind: 'domain', host: 'a.b', port: 80 }, request: fromHex('4745') },
      28,
      '1c010203040200' + '03612e62' + '0050' + '00024745',
    ],
    [
      'HTTP response',
      { identifier: 1, part: 2, parts: 3, response: fromHex('cc') },
      29,
      '1d00000001000200030001cc',
    ],
  ] as const)("lays out Tribler's %s", (_, fields, id, hex) => {
    expect(toHex(messages.encodeMessage(id, fields as never))).toBe(hex)
    expect(messages.decodeMessage(id, fromHex(hex))).toEqual(fields)
  })

  it('reads and writes the rendezvous info as py-ipv8 does', () => {
    for (const v of vectors.nested) {
      const codec: Codec<unknown> = messages.rendezvousInfo as never
      expect(decode(codec, fromHex(v.bytes))).toEqual(ours(v.fields, 0))
      expect(toHex(encode(codec, ours(v.fields, 0)))).toBe(v.bytes)
    }
  })

  it('ignores what is left over, and refuses what is cut short', () => {
    const ping = messages.encodeMessage(MESSAGE.ping, { identifier: 9 })
    expect(messages.decodeMessage(MESSAGE.ping, Uint8Array.of(...ping, 1, 2))).toEqual({ identifier: 9 })
    expect(() => messages.decodeMessage(MESSAGE.ping, ping.subarray(0, 2))).toThrow(CodecError)
    expect(() => messages.decodeMessage(MESSAGE.pong, ping)).toThrow(CodecError)
  })

  it('never throws anything but a CodecError, whatever comes', () => {
    const ids = cellVectors.map((v) => v.msg_id)
    fc.assert(
      fc.property(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 300 }), (id, bytes) => {
        try {
          messages.decodeMessage(id, Uint8Array.of(id, ...bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })
})

describe('stream messages of our own (C-07)', () => {
  it('gives stream the layout of data', () => {
    const body = {
      destination: { kind: 'ipv4', host: '198.51.100.7', port: 6881 },
      origin: { kind: 'ipv4', host: '0.0.0.0', port: 0 },
      data: Uint8Array.of(0x41, 0, 1),
    } as const
    const message = messages.encodeMessage(MESSAGE.stream, body)
    expect(toHex(message)).toBe('5001c63364071ae101000000000000410001')
    expect(messages.decodeMessage(MESSAGE.stream, message)).toEqual(body)
  })

  it('names destination, connection and reason in stream-reset', () => {
    const body = {
      destination: { kind: 'domain', host: 'a.example', port: 80 },
      connectionId: 0x1234,
      reason: 3,
    } as const
    const message = messages.encodeMessage(MESSAGE.streamReset, body)
    expect(toHex(message)).toBe('51020009612e6578616d706c650050123403')
    expect(messages.decodeMessage(MESSAGE.streamReset, message)).toEqual(body)
  })
})

describe('message 82 (C-03)', () => {
  it('carries a packet of the directory as it is, without its prefix', () => {
    const packet = Uint8Array.of(7, 1, 2, 3)
    const message = messages.encodeMessage(MESSAGE.directory, packet)
    expect(toHex(message)).toBe('5207010203')
    expect(messages.decodeMessage(MESSAGE.directory, message)).toEqual(packet)
  })
})

describe('cell header (C-01)', () => {
  it('is that of py-ipv8 for every message', () => {
    const inCells = cellVectors.filter((v) => v.cell !== undefined && v.message !== undefined)
    expect(inCells.length).toBeGreaterThan(20)
    for (const v of inCells) {
      const message = fromHex(v.message as string)
      const cell = new Uint8Array(CELL_HEADER_BYTES + message.length)
      writeCellHeader(cell, 0, prefix, v.fields.circuit_id as number, v.plaintext === true, false)
      cell.set(message, CELL_HEADER_BYTES)
      expect(toHex(cell)).toBe(v.cell)
      expect(isCell(cell)).toBe(true)
      expect(hasPrefix(cell, prefix)).toBe(true)
      expect(cellCircuitId(cell)).toBe(v.fields.circuit_id)
      expect(isPlaintext(cell)).toBe(v.plaintext)
      expect(isRelayEarly(cell)).toBe(false)
    }
  })

  it('brings back every id and flag', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.boolean(), fc.boolean(), fc.nat(20), (id, plain, early, at) => {
        const buffer = new Uint8Array(at + CELL_HEADER_BYTES + 1)
        writeCellHeader(buffer, at, prefix, id, plain, early)
        const cell = buffer.subarray(at)
        expect([cellCircuitId(cell), isPlaintext(cell), isRelayEarly(cell)]).toEqual([id, plain, early])
      }),
    )
  })

  it('refuses a cell without a message, and other prefixes', () => {
    const cell = plaintextCell(prefix, 1, true, Uint8Array.of(6))
    expect(isCell(cell)).toBe(true)
    expect(isCell(cell.subarray(0, CELL_HEADER_BYTES))).toBe(false)
    const other = cell.slice()
    other[1] = 1
    expect(hasPrefix(other, prefix)).toBe(false)
    expect(hasPrefix(cell.subarray(0, 22), prefix)).toBe(false)
  })

  it('leaves room for three layers in a 1,472-byte datagram', () => {
    expect(MAX_MESSAGE_BYTES).toBe(1371)
    expect(CELL_HEADER_BYTES + 3 * LAYER_BYTES + 1 + 7 + 7 + maxPayload(7)).toBe(1472)
  })
})
