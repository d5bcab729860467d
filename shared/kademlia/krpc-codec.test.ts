import { utf8ToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, formatIpv4, formatIpv6, type IpAddress } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { codeOf } from '../bytes/error-code.fixture.ts'
import type { NodeContact } from './api.ts'
import type { KrpcError, KrpcQuery, KrpcRequest, KrpcResponse } from './krpc.ts'
import { decodeKrpc, encodeKrpc, paddingFor } from './krpc-codec.ts'

const text = (bytes: Uint8Array) => String.fromCharCode(...bytes)
const id = utf8ToBytes('abcdefghij0123456789')
const target = utf8ToBytes('mnopqrstuvwxyz123456')
const transaction = utf8ToBytes('aa')
const at = (host: string, port: number) => addressOf(host, port) as IpAddress

const bytes = (min: number, max = min) => fc.uint8Array({ minLength: min, maxLength: max })
const port = fc.integer({ min: 1, max: 0xffff })
const v4 = fc.tuple(bytes(4).map(formatIpv4), port).map(([host, p]) => at(host, p))
const v6 = fc.tuple(bytes(16).map(formatIpv6), port).map(([host, p]) => at(host, p))
const contacts = (address: fc.Arbitrary<IpAddress>): fc.Arbitrary<NodeContact[]> =>
  fc.array(fc.record({ id: bytes(20), address }), { maxLength: 16 })
const sequence = fc.nat(2 ** 31 - 1)
const value = bytes(0, 300).map((content) => concat(utf8ToBytes(`${content.length}:`), content))
const item = fc.oneof(
  fc.record({ value }),
  fc.record({ value, publicKey: bytes(32), sequence, signature: bytes(64) }),
)
const want = fc.constantFrom<('ipv4' | 'ipv6')[]>([], ['ipv4'], ['ipv6'], ['ipv4', 'ipv6'])
const both = { id: bytes(20), target: bytes(20) }
const only: { requiredKeys: ('method' | 'id' | 'target')[] } = { requiredKeys: ['method', 'id', 'target'] }

const requests: fc.Arbitrary<KrpcRequest> = fc.oneof(
  fc.record({ method: fc.constant('ping' as const), id: bytes(20) }),
  fc.record(
    { method: fc.constantFrom('find_node', 'get_peers', 'sample_infohashes'), ...both, want },
    {
      requiredKeys: ['method', 'id', 'target'],
    },
  ) as fc.Arbitrary<KrpcRequest>,
  fc.record({ method: fc.constant('get' as const), ...both, want, sequence, token: bytes(1, 64) }, only),
  fc.record(
    { method: fc.constant('announce_peer' as const), ...both, port, token: bytes(1, 64) },
    {
      requiredKeys: ['method', 'id', 'target', 'token'],
    },
  ),
  fc.record(
    {
      method: fc.constant('put' as const),
      id: bytes(20),
      token: bytes(1, 64),
      item,
      salt: bytes(1, 64),
      cas: sequence,
    },
    { requiredKeys: ['method', 'id', 'token', 'item'] },
  ),
)
const transactions = bytes(1, 16)
const queries: fc.Arbitrary<KrpcQuery> = fc.record(
  {
    kind: fc.constant('query' as const),
    transaction: transactions,
    request: requests,
    readOnly: fc.constant(true),
    version: bytes(0, 8),
  },
  { requiredKeys: ['kind', 'transaction', 'request'] },
)
const responses: fc.Arbitrary<KrpcResponse> = fc.record(
  {
    kind: fc.constant('response' as const),
    transaction: transactions,
    id: bytes(20),
    nodes: contacts(v4),
    nodes6: contacts(v6),
    values: fc.array(fc.oneof(v4, v6), { maxLength: 30 }),
    token: bytes(1, 64),
    ip: fc.oneof(v4, v6),
    version: bytes(4),
  },
  { requiredKeys: ['kind', 'transaction', 'id'] },
)
const errors: fc.Arbitrary<KrpcError> = fc.record({
  kind: fc.constant('error' as const),
  transaction: transactions,
  code: fc.integer({ min: 0, max: 9999 }),
  message: fc.stringMatching(/^[ -~]{0,100}$/),
})

describe('messages of the DHT (K-01, K-04, D-02: BEP 5, 32, 42, 43, 44, 51)', () => {
  it('reads back what it wrote (property)', () => {
    fc.assert(
      fc.property(fc.oneof(queries, responses, errors), (message) => {
        expect(decodeKrpc(encodeKrpc(message))).toEqual(message)
      }),
    )
  })

  it.each<[KrpcRequest, string]>([
    [{ method: 'ping', id }, 'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe'],
    [
      { method: 'find_node', id, target },
      'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe',
    ],
    [
      { method: 'get_peers', id, target },
      'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe',
    ],
  ])('writes the queries of BEP 5', (request, expected) => {
    expect(text(encodeKrpc({ kind: 'query', transaction, request }))).toBe(expected)
  })

  it('announces as BEP 5 does, with a port of its own or the one that the datagram comes from', () => {
    const announce = (own?: number) =>
      text(
        encodeKrpc({
          kind: 'query',
          transaction,
          request: {
            method: 'announce_peer',
            id,
            target,
            token: utf8ToBytes('aoeusnth'),
            ...(own && { port: own }),
          },
        }),
      )
    const both20 = '2:id20:abcdefghij0123456789'
    expect(announce(6881)).toBe(
      `d1:ad${both20}12:implied_porti0e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe`,
    )
    expect(announce()).toContain('12:implied_porti1e')
  })

  it('reads the answers and errors of BEP 5', () => {
    const ping = utf8ToBytes('d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re')
    expect(decodeKrpc(ping)).toEqual({ kind: 'response', transaction, id: target })
    const peers = utf8ToBytes(
      'd1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re',
    )
    expect(decodeKrpc(peers)).toMatchObject({
      values: [at('97.120.106.101', 0x2e75), at('105.100.104.116', 0x6e6d)],
      token: utf8ToBytes('aoeusnth'),
    })
    const error = utf8ToBytes('d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee')
    expect(decodeKrpc(error)).toEqual({
      kind: 'error',
      transaction,
      code: 201,
      message: 'A Generic Error Ocurred',
    })
  })

  it('marks read-only nodes, tells the asker its address, gives samples', () => {
    const query = { kind: 'query', transaction, request: { method: 'ping', id }, readOnly: true } as const
    expect(text(encodeKrpc(query))).toContain('2:roi1e')
    const response = {
      kind: 'response',
      transaction,
      id,
      ip: at('192.0.2.1', 6881),
      samples: [id, target],
      sampleTotal: 7,
      sampleIntervalSeconds: 60,
    } as const
    expect(decodeKrpc(encodeKrpc(response))).toEqual(response)
    expect(text(encodeKrpc(response)).startsWith('d2:ip6:')).toBe(true)
  })

  it('pads a query to the size asked for, or no more than a few bytes beyond', () => {
    const query: KrpcQuery = { kind: 'query', transaction, request: { method: 'get', id, target } }
    for (const size of [100, 200, 1100, 1400]) {
      const padded = encodeKrpc({ ...query, paddingBytes: paddingFor(query, size) })
      expect(padded.length).toBeGreaterThanOrEqual(size)
      expect(padded.length).toBeLessThanOrEqual(size + 3)
      expect(decodeKrpc(padded)).toEqual(query)
    }
    expect(paddingFor(query, 50)).toBe(0)
  })

  it.each([
    ['d1:ad2:id2:xxe1:q4:ping1:t2:aa1:y1:qe', 203],
    ['d1:q4:ping1:t2:aa1:y1:qe', 203],
    ['d1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe', 203],
    ['d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe', 203],
    [
      'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti0e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe',
      203,
    ],
    [
      'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti5ee1:q13:announce_peer1:t2:aa1:y1:qe',
      203,
    ],
    ['d1:ad2:id20:abcdefghij01234567891:k3:abc5:token1:x1:v0:e1:q3:put1:t2:aa1:y1:qe', 203],
    ['d1:ad2:id20:abcdefghij01234567895:token1:xe1:q3:put1:t2:aa1:y1:qe', 203],
    ['d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe', 204],
  ])('knows what to answer to a bad query (%#)', (query, expected) => {
    expect(decodeKrpc(utf8ToBytes(query))).toEqual({ kind: 'bad-query', transaction, code: expected })
  })

  it('takes an unknown method with a target for find_node', () => {
    const query = 'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe'
    expect(decodeKrpc(utf8ToBytes(query))).toMatchObject({ request: { method: 'find_node', target } })
  })

  it('leaves items that are too large for the answer to name', () => {
    const large = concat(utf8ToBytes('1100:'), new Uint8Array(1100))
    const put: KrpcQuery = {
      kind: 'query',
      transaction,
      request: { method: 'put', id, token: transaction, item: { value: large }, salt: new Uint8Array(70) },
    }
    expect(decodeKrpc(encodeKrpc(put))).toEqual(put)
  })

  it.each([
    ['hello', 'bencode-syntax'],
    ['de', 'krpc-transaction'],
    ['d1:t0:1:y1:qe', 'krpc-transaction'],
    [`d1:t17:${'t'.repeat(17)}1:y1:qe`, 'krpc-transaction'],
    ['d1:ti5e1:y1:qe', 'krpc-transaction'],
    ['d1:t2:aae', 'krpc-kind'],
    ['d1:t2:aa1:y1:xe', 'krpc-kind'],
    ['d1:t2:aa1:y2:qqe', 'krpc-kind'],
    ['d1:t2:aa1:y1:re', 'krpc-response'],
    ['d1:rd2:id3:abce1:t2:aa1:y1:re', 'krpc-response'],
    ['d1:rd2:id20:abcdefghij01234567895:nodes5:abcdee1:t2:aa1:y1:re', 'krpc-nodes'],
    ['d1:rd2:id20:abcdefghij01234567897:samples5:abcdee1:t2:aa1:y1:re', 'krpc-samples'],
    ['d1:rd2:id20:abcdefghij01234567891:k3:abc1:v0:e1:t2:aa1:y1:re', 'krpc-item'],
    [`d1:rd2:id20:abcdefghij01234567895:token65:${'t'.repeat(65)}e1:t2:aa1:y1:re`, 'krpc-token'],
    ['d1:t2:aa1:y1:ee', 'krpc-error'],
    ['d1:el3:abce1:t2:aa1:y1:ee', 'krpc-error'],
    ['d1:eli-1e3:abce1:t2:aa1:y1:ee', 'krpc-error'],
    [`d1:t2:aa1:v1500:${'v'.repeat(1500)}1:y1:qe`, 'krpc-size'],
  ])('refuses nonsense (%#)', (datagram, expected) => {
    expect(codeOf(() => decodeKrpc(utf8ToBytes(datagram)))).toBe(expected)
  })

  it('passes over what it cannot use of an otherwise good answer', () => {
    const odd =
      'd2:ip3:abc1:rd2:id20:abcdefghij01234567896:valuesl3:abci5e6:ab\0\0\0\x006:axje.uee1:t2:aa1:v20:12345678901234567890' +
      '1:y1:re'
    expect(decodeKrpc(utf8ToBytes(odd))).toEqual({
      kind: 'response',
      transaction,
      id,
      values: [at('97.120.106.101', 0x2e75)],
    })
  })

  it('keeps no datagram alive by the ids of contacts', () => {
    const nodes = [{ id, address: at('192.0.2.1', 1) }]
    const read = decodeKrpc(encodeKrpc({ kind: 'response', transaction, id, nodes })) as KrpcResponse
    expect(read.nodes?.[0]?.id.buffer.byteLength).toBe(20)
  })

  it('is a message or a CodecError, whatever the bytes (property)', () => {
    const message = fc.oneof(queries, responses, errors)
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.nat(),
        (sent, changes, cut) => {
          const datagram = encodeKrpc(sent)
          expect(codeOf(() => decodeKrpc(datagram.subarray(0, cut % datagram.length)))).not.toBe('none')
          for (const [place, byte] of changes) datagram[place % datagram.length] = byte
          codeOf(() => decodeKrpc(datagram))
        },
      ),
    )
  })
})
