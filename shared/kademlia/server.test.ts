import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { encodeBencode } from '../bytes/bencode.ts'
import { toHex } from '../bytes/bytes.ts'
import { nobleCurves } from '../crypto/curves.ts'
import type { Dht, GetPeersResult, KademliaOptions } from './api.ts'
import { TestDht } from './dht.fixture.ts'
import { byteStringValue, immutableTarget, signItem } from './item.ts'
import type { KrpcError, KrpcQuery, KrpcRequest, KrpcResponse } from './krpc.ts'
import { decodeKrpc, encodeKrpc, paddingFor } from './krpc-codec.ts'

const asker: IpAddress = { kind: 'ipv4', host: '90.1.1.1', port: 4444 }
const id = new Uint8Array(20).fill(0x55)
const target = new Uint8Array(20).fill(0x77)

/** One node, and a socket to ask it from. */
function fixture(options: Partial<KademliaOptions> = {}, neighbours = 0) {
  const town = new TestDht()
  const { address, dht, counters } = town.add(options)
  dht.start([])
  for (let i = 0; i < neighbours; i++) town.add().dht.start([address])
  town.clock.advance(60_000)
  const got: Uint8Array[] = []
  const send = town.socket(asker, (_, datagram) => got.push(datagram))
  const raw = (datagram: Uint8Array, from: typeof send = send): KrpcResponse | KrpcError | undefined => {
    got.length = 0
    from(address, datagram)
    town.clock.advance(100)
    const answer = got[0] && decodeKrpc(got[0])
    return answer?.kind === 'response' || answer?.kind === 'error' ? answer : undefined
  }
  const query = (request: KrpcRequest): KrpcQuery => ({
    kind: 'query',
    transaction: Uint8Array.of(1, 2),
    readOnly: true,
    request,
  })
  const error = (request: KrpcRequest) => {
    const answer = raw(encodeKrpc(query(request)))
    return answer?.kind === 'error' ? answer.code : undefined
  }
  const ask = (request: KrpcRequest, padTo = 0): KrpcResponse => {
    const plain = query(request)
    const answer = raw(encodeKrpc({ ...plain, paddingBytes: padTo ? paddingFor(plain, padTo) : 0 }))
    if (answer?.kind !== 'response') throw new Error('no response')
    return answer
  }
  const token = () => ask({ method: 'get_peers', id, target }).token ?? new Uint8Array()
  return { town, dht, counters, raw, ask, error, token, query, lastBytes: () => got[0]?.length ?? 0 }
}

describe('answers to others (K-04, D-02)', () => {
  it('are what BEP 5 says, with the address of the asker (BEP 42)', () => {
    const { dht, ask } = fixture({}, 30)
    const pong = ask({ method: 'ping', id })
    expect(pong.id).toEqual(dht.status().nodeId)
    expect(pong.transaction).toEqual(Uint8Array.of(1, 2))
    expect(pong.ip).toEqual(asker)
    expect(pong.nodes).toBeUndefined()
    const { nodes, nodes6, token } = ask({ method: 'find_node', id, target })
    expect(nodes).toHaveLength(8)
    expect(nodes6).toBeUndefined()
    expect(token).toBeUndefined()
    expect(ask({ method: 'get_peers', id, target }).nodes).toEqual(nodes)
  })

  it('have more nodes for longer queries, never more bytes', () => {
    const { ask, lastBytes } = fixture({}, 30)
    const find = { method: 'find_node', id, target } as const
    expect(ask(find, 300).nodes).toHaveLength(8)
    for (const [bytes, nodes] of [
      [420, 10],
      [680, 20],
      [1_300, 20],
    ] as const) {
      expect(ask(find, bytes).nodes).toHaveLength(nodes)
      expect(lastBytes()).toBeLessThanOrEqual(bytes)
    }
  })

  it('keep peers only for who has a token, at the port named or the one seen', () => {
    const { ask, error, token } = fixture()
    const announce = { method: 'announce_peer', id, target } as const
    expect(error({ ...announce, port: 1, token: new Uint8Array(8) })).toBe(203)
    ask({ ...announce, port: 7777, token: token() })
    ask({ ...announce, token: token() })
    const { values } = ask({ method: 'get_peers', id, target })
    expect(values?.map(({ port }) => port)).toEqual([7777, 4444])
  })

  it('forget peers after half an hour and items after two hours', () => {
    const { town, dht, ask, token } = fixture()
    ask({ method: 'announce_peer', id, target, port: 7777, token: token() })
    ask({ method: 'put', id, token: token(), item: { value: byteStringValue(target) } })
    expect(dht.status().stored).toEqual({ infoHashes: 1, peers: 1, items: 1, itemBytes: 23 })
    town.clock.advance(32 * 60_000)
    expect(ask({ method: 'get_peers', id, target }).values).toBeUndefined()
    expect(dht.status().stored).toMatchObject({ infoHashes: 0, peers: 0, items: 1 })
    town.clock.advance(90 * 60_000)
    expect(dht.status().stored).toMatchObject({ items: 0, itemBytes: 0 })
  })

  it('keep items as BEP 44 says, with its errors', () => {
    const { ask, error, token } = fixture()
    const seed = new Uint8Array(32).fill(4)
    const publicKey = nobleCurves.ed25519Public(seed)
    const signed = (sequence: number) =>
      signItem({
        publicKey,
        sequence,
        value: encodeBencode('hello'),
        sign: (message) => nobleCurves.sign(message, seed, publicKey),
      })
    const put = { method: 'put', id } as const
    expect(error({ ...put, token: new Uint8Array(8), item: signed(3) })).toBe(203)
    ask({ ...put, token: token(), item: signed(3) })
    expect(error({ ...put, token: token(), item: signed(2) })).toBe(302)
    expect(error({ ...put, token: token(), item: signed(5), cas: 4 })).toBe(301)
    expect(error({ ...put, token: token(), item: { ...signed(5), sequence: 6 } })).toBe(206)
    expect(error({ ...put, token: token(), item: signed(5), salt: new Uint8Array(65) })).toBe(207)
    expect(error({ ...put, token: token(), item: { value: encodeBencode(new Uint8Array(1_000)) } })).toBe(205)
    ask({ ...put, token: token(), item: signed(5), cas: 3 })
    const itemTarget = immutableTarget(publicKey)
    const { item } = ask({ method: 'get', id, target: itemTarget })
    expect(item).toEqual(signed(5))
    const known = ask({ method: 'get', id, target: itemTarget, sequence: 5 })
    expect(known.item).toBeUndefined()
    expect(known.sequence).toBe(5)
  })

  it('tell some of the info hashes they have (BEP 51)', () => {
    const { ask, token } = fixture({ settings: { samples: 2 } })
    for (let i = 0; i < 5; i++) {
      const infoHash = new Uint8Array(20).fill(i)
      ask({ method: 'announce_peer', id, target: infoHash, port: 7777, token: token() })
    }
    const { samples, sampleTotal } = ask({ method: 'sample_infohashes', id, target })
    expect(new Set(samples?.map(toHex)).size).toBe(2)
    expect(sampleTotal).toBe(5)
  })

  it('are errors for what they do not understand, and nothing for what is no message', () => {
    const { raw, counters, dht } = fixture()
    const t = Uint8Array.of(1)
    expect(raw(encodeBencode({ t, y: 'q', q: 'vote', a: { id } }))).toMatchObject({ code: 204 })
    expect(raw(encodeBencode({ t, y: 'q', q: 'find_node', a: { id } }))).toMatchObject({ code: 203 })
    expect(raw(encodeBencode({ t, y: 'z' }))).toBeUndefined()
    expect(raw(Uint8Array.of(0x64, 1, 2, 3))).toBeUndefined()
    expect(raw(new Uint8Array(2_000).fill(0x64))).toBeUndefined()
    expect(counters.get('kademlia-malformed')).toBe(3)
    expect(dht.receive(asker, Uint8Array.of(0, 1))).toBe(false)
  })

  it('fit a datagram, however much there is to tell', () => {
    const settings = { peersPerNetwork: 1_000, queriesPerSource: 1_000, queriesPerNetwork: 1_000 }
    const { ask, token, lastBytes } = fixture({ settings }, 30)
    const again = token()
    for (let port = 1; port < 200; port++) ask({ method: 'announce_peer', id, target, port, token: again })
    expect(ask({ method: 'get_peers', id, target }).values?.length).toBeGreaterThan(30)
    expect(lastBytes()).toBeLessThanOrEqual(1_400)
    const value = encodeBencode(new Uint8Array(996))
    ask({ method: 'put', id, token: again, item: { value } })
    expect(ask({ method: 'get', id, target: immutableTarget(value) }).item?.value).toEqual(value)
    expect(lastBytes()).toBeLessThanOrEqual(1_400)
  })
})

describe('whatever comes in (K-09)', () => {
  it('does not throw, nor make an answer larger than a datagram (property)', () => {
    const sent: Uint8Array[] = []
    const { dht, query } = fixture({ send: (_, datagram) => sent.push(datagram) })
    const token = new Uint8Array(8)
    const requests: KrpcRequest[] = [
      { method: 'ping', id },
      { method: 'get_peers', id, target },
      { method: 'announce_peer', id, target, token },
      { method: 'put', id, token, item: { value: encodeBencode(target) } },
      { method: 'get', id, target, sequence: 4 },
    ]
    const samples = requests.map((request) => encodeKrpc(query(request)))
    const position = fc.nat({ max: 200 })
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(position, fc.nat(255))),
        position,
        (sample, changes, cut) => {
          const bytes = Uint8Array.from(sample)
          for (const [at, value] of changes) if (at < bytes.length && at > 0) bytes[at] = value
          expect(dht.receive(asker, cut % 3 ? bytes : bytes.subarray(0, cut))).toBe(cut % 3 !== 0 || cut > 0)
        },
      ),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), (bytes) => {
        expect(dht.receive(asker, bytes)).toBe(bytes[0] === 0x64)
      }),
    )
    for (const { length } of sent) expect(length).toBeLessThanOrEqual(1_400)
    expect(sent.length).toBeGreaterThan(10)
  })
})

describe('own item (D-02)', () => {
  const own = new Uint8Array(995).fill(3)
  const ownItem = (asked: Uint8Array) => (toHex(asked) === toHex(target) ? own : undefined)
  const get = { method: 'get', id, target } as const

  it('is given to who asks with as many bytes as it gets', () => {
    const { ask, counters, lastBytes } = fixture({ ownItem }, 20)
    const unpadded = ask(get)
    expect(unpadded.item).toBeUndefined()
    expect(unpadded.nodes).toHaveLength(8)
    expect(counters.get('kademlia-own-item-unpadded')).toBe(1)
    expect(ask(get, 900).item).toBeUndefined()
    expect(ask(get, 1_200).item?.value).toEqual(encodeBencode(own))
    expect(lastBytes()).toBeLessThanOrEqual(1_200)
  })

  it('is given to who has a token from before', () => {
    const { ask, token } = fixture({ ownItem })
    expect(ask({ ...get, token: new Uint8Array(8) }).item).toBeUndefined()
    expect(ask({ ...get, token: token() }).item?.value).toEqual(encodeBencode(own))
  })

  it('is found by askOwnItem, or its absence', () => {
    const town = new TestDht()
    const { address } = town.add({ ownItem })
    const { dht } = town.add()
    const other = new Uint8Array(20)
    expect(town.result((done) => dht.askOwnItem(address, target, done))).toEqual(own)
    expect(town.result((done) => dht.askOwnItem(address, other, done))).toBeUndefined()
    expect(town.result((done) => dht.askOwnItem(asker, target, done))).toBeUndefined()
  })

  it('makes a node a peer of the target, for who looks for peers', () => {
    const town = new TestDht()
    const [first, second] = [town.add({ ownItem }), town.add({ ownItem })]
    for (const { dht, address } of [first, second]) dht.setOwnAddress(address)
    first.dht.start([])
    second.dht.start([first.address])
    town.clock.advance(60_000)
    const peersOf = (dht: Dht, of: Uint8Array) =>
      town.result<GetPeersResult>((done) => dht.getPeers(of, {}, done)).peers
    // Two nodes and nobody else, of which one is the other's router.
    expect(peersOf(first.dht, target)).toEqual([second.address])
    expect(peersOf(second.dht, target)).toEqual([first.address])
    expect(peersOf(second.dht, new Uint8Array(20))).toEqual([])
  })

  it('is not given if it is too large for a packet that asks as much', () => {
    const { ask } = fixture({ ownItem: () => new Uint8Array(996) })
    expect(ask(get, 1_400).item).toBeUndefined()
  })
})

describe('limits of what others get (K-06, K-09)', () => {
  it('of one address, and of one network', () => {
    const settings = { queriesPerSource: 5, queriesPerNetwork: 12 }
    const { town, raw, query, counters } = fixture({ settings })
    const ping = encodeKrpc(query({ method: 'ping', id }))
    const count = (send?: Parameters<typeof raw>[1]) =>
      Array.from({ length: 10 }, () => raw(ping, send)).filter((answer) => answer).length
    expect(count()).toBe(5)
    expect(counters.get('kademlia-source-limit')).toBe(5)
    for (const host of ['90.1.1.2', '90.1.1.3']) town.socket({ ...asker, host }, () => {})
    const others = ['90.1.1.2', '90.1.1.3'].map((host) => town.socket({ ...asker, host }, () => {}))
    for (const other of others) count(other)
    expect(counters.get('kademlia-network-limit')).toBe(3)
    town.clock.advance(10_000)
    expect(count()).toBe(5)
  })

  it('of all together: load is shed', () => {
    const { town, dht, counters, query } = fixture({ settings: { queriesPerSecond: 20 } })
    const ping = encodeKrpc(query({ method: 'ping', id }))
    for (let i = 0; i < 50; i++) dht.receive(town.addressOf(100 + i), ping)
    expect(counters.get('kademlia-load-shed')).toBe(30)
  })

  it('of unread datagrams of a flood', () => {
    const { town, dht, counters, query } = fixture({ settings: { queriesPerSource: 5 } })
    const ping = encodeKrpc(query({ method: 'ping', id }))
    for (let i = 0; i < 80; i++) dht.receive(town.addressOf(100), ping)
    expect(counters.get('kademlia-flood')).toBe(30)
  })

  it('and not of those whom we asked: made-up sources take no room from them', () => {
    const { town, dht, counters } = fixture()
    const { address } = town.add()
    const noise = Uint8Array.of(0x64, 0x65)
    // The first 4,096 fill the places, the others what all further ones share.
    for (let i = 0; i < 5_000; i++) {
      dht.receive({ kind: 'ipv4', host: `91.${i >> 8}.${i & 255}.1`, port: 7 }, noise)
    }
    expect(counters.get('kademlia-flood')).toBeGreaterThan(0)
    expect(town.result((done) => dht.ping(address, done))).toHaveLength(20)
  })

  it('where nothing may be sent: no answer', () => {
    const { raw, query, counters } = fixture({ mayReach: ({ host }) => host !== asker.host })
    expect(raw(encodeKrpc(query({ method: 'ping', id })))).toBeUndefined()
    expect(counters.get('kademlia-out-of-reach')).toBe(1)
  })

  it('of peers: of one network, for one info hash, and of info hashes, the far ones first', () => {
    const settings = { peersPerNetwork: 3, infoHashes: 4 }
    const { dht, ask, error, token } = fixture({ settings })
    const announce = { method: 'announce_peer', id, target } as const
    const again = token()
    for (let port = 1; port <= 3; port++) ask({ ...announce, port, token: again })
    expect(error({ ...announce, port: 4, token: again })).toBe(202)
    const near = (byte: number) => dht.status().nodeId.map((each, i) => (i === 10 ? each ^ byte : each))
    for (let i = 1; i <= 4; i++) ask({ ...announce, target: near(i), port: 1, token: again })
    expect(dht.status().stored).toMatchObject({ infoHashes: 4, peers: 4 })
    const far = dht.status().nodeId.map((each) => each ^ 0xff)
    expect(error({ ...announce, target: far, port: 1, token: again })).toBe(202)
    expect(ask({ method: 'get_peers', id, target: near(1) }).values).toHaveLength(1)
  })

  it('of peers: of one network for all info hashes, until they are forgotten', () => {
    const settings = { peersPerNetworkInAll: 3, infoHashes: 4, peerMs: 600_000 }
    const { town, dht, ask, error, token } = fixture({ settings })
    const at = (byte: number) => dht.status().nodeId.map((each, i) => (i === 10 ? each ^ byte : each))
    const announce = (byte: number, again: Uint8Array): KrpcRequest => ({
      method: 'announce_peer',
      id,
      target: at(byte),
      port: 1,
      token: again,
    })
    const first = token()
    for (const byte of [1, 2, 3, 3]) ask(announce(byte, first))
    expect(error(announce(4, first))).toBe(202)
    expect(dht.status().stored).toMatchObject({ infoHashes: 3, peers: 3 })
    town.clock.advance(1_200_000)
    const later = token()
    for (const byte of [4, 5, 6]) ask(announce(byte, later))
    expect(error(announce(7, later))).toBe(202)
    expect(dht.status().stored).toMatchObject({ infoHashes: 3, peers: 3 })
  })

  it('of items: of one network, and in all', () => {
    const { dht, ask, error, token } = fixture({ settings: { itemsPerNetwork: 3 } })
    const again = token()
    const put = (i: number): KrpcRequest => ({
      method: 'put',
      id,
      token: again,
      item: { value: encodeBencode(i) },
    })
    for (let i = 0; i < 3; i++) ask(put(i))
    expect(error(put(3))).toBe(202)
    ask(put(1))
    expect(dht.status().stored.items).toBe(3)
  })
})
