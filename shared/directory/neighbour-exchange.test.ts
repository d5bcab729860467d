import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { decode, encode } from '../bytes/codec.ts'
import { KeyPair } from '../identity/keys.ts'
import { prefixOf, unsignedPacket } from '../ipv8/packet.ts'
import { TestLink } from '../onion/onion.fixture.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import {
  DIRECTORY_COMMUNITY_ID,
  NEIGHBOURS_REQUEST,
  NEIGHBOURS_RESPONSE,
  REQUEST_BYTES,
  STOCK_PEERS,
} from './constants.ts'
import { Directory } from './directory.ts'
import { DirectoryExchange } from './exchange.ts'
import { neighboursRequest, neighboursResponse } from './neighbour-exchange.ts'
import { type StockPeer, StockPeers } from './stock-peers.ts'

const prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
const random = new SeededRandom(3)
const peerOf = (n: number, host = `203.0.${n}.1`): StockPeer => ({
  publicKey: KeyPair.generate(random).publicKey,
  address: { kind: host.includes(':') ? 'ipv6' : 'ipv4', host, port: 7000 + n },
  flags: n & 0xff,
  rttMs: n % 2 === 0 ? undefined : n,
})

/** A page that asks, and a relay that walks with `peers`. */
function pair(peers: readonly StockPeer[]) {
  const clock = new VirtualClock()
  const node = (neighbours?: () => readonly StockPeer[]) => {
    const counters = new Counters()
    const world = { clock, random: new SeededRandom(4), counters }
    const directory = new Directory({ ...world, network: 'lab' })
    const own = () => undefined
    const exchange = new DirectoryExchange({ ...world, directory, own, ...(neighbours && { neighbours }) })
    return { exchange, counters }
  }
  const relay = node(() => peers)
  const page = node()
  const toRelay = new TestLink({ kind: 'ipv4', host: '198.51.100.1', port: 1 })
  const toPage = new TestLink({ kind: 'ipv4', host: '192.0.2.1', port: 1 })
  const told: StockPeer[][] = []
  const ask = () => page.exchange.askNeighbours(toRelay, (answer) => told.push([...answer]))
  return { clock, relay, page, toRelay, toPage, told, ask }
}

describe('relays tell which stock peers they walk with (C-01)', () => {
  it('tell up to twelve, in no more bytes than they were asked with', () => {
    for (const peers of [
      Array.from({ length: 30 }, (_, n) => peerOf(n)),
      Array.from({ length: 30 }, (_, n) => peerOf(n, `2001:db8:${n}::1`)),
    ]) {
      const { relay, page, toRelay, toPage, told, ask } = pair(peers)
      ask()
      const [request] = toRelay.take() as [Uint8Array]
      relay.exchange.receive(toPage, request)
      const [response] = toPage.take() as [Uint8Array]
      expect(request.length).toBe(REQUEST_BYTES)
      expect(response.length).toBeLessThanOrEqual(REQUEST_BYTES)
      page.exchange.receive(toRelay, response)
      expect(told[0]?.length).toBeGreaterThanOrEqual(10)
      const keys = new Map(peers.map((peer) => [peer.address.host, peer]))
      for (const { address, flags, rttMs, publicKey } of told[0] ?? []) {
        const peer = keys.get(address.host) as StockPeer
        expect({ address, flags, rttMs }).toEqual({
          address: peer.address,
          flags: peer.flags,
          rttMs: peer.rttMs,
        })
        expect(publicKey.equals(peer.publicKey)).toBe(true)
      }
    }
  })

  it('answer no short request, no flood, and nothing where they have nothing to tell', () => {
    const { relay, page, toPage, clock } = pair([peerOf(1)])
    const request = (bytes: number) =>
      unsignedPacket(prefix, NEIGHBOURS_REQUEST, neighboursRequest, {
        nonce: 1,
        padding: new Uint8Array(bytes - prefix.length - 5),
      })
    relay.exchange.receive(toPage, request(REQUEST_BYTES - 1))
    expect(toPage.take()).toEqual([])
    for (let i = 0; i < 20; i++) relay.exchange.receive(toPage, request(REQUEST_BYTES))
    expect(toPage.take()).toHaveLength(STOCK_PEERS.requestsBurst)
    clock.advance(5_000)
    relay.exchange.receive(toPage, request(REQUEST_BYTES))
    expect(toPage.take()).toHaveLength(1)
    page.exchange.receive(toPage, request(REQUEST_BYTES))
    expect(toPage.take()).toEqual([])
  })

  it('are not believed unasked, twice, or too late', () => {
    const { page, toRelay, told, ask, clock } = pair([])
    const answer = (nonce: number) =>
      page.exchange.receive(
        toRelay,
        unsignedPacket(prefix, NEIGHBOURS_RESPONSE, neighboursResponse, { nonce, peers: [] }),
      )
    answer(5)
    ask()
    const nonce = () =>
      decode(neighboursRequest, (toRelay.take()[0] as Uint8Array).subarray(prefix.length + 1)).nonce
    const first = nonce()
    answer(first + 1)
    expect(told).toEqual([])
    answer(first)
    answer(first)
    expect(told).toEqual([[]])
    ask()
    const second = nonce()
    clock.advance(STOCK_PEERS.questionMs)
    answer(second)
    expect(told).toHaveLength(1)
    expect(page.counters.get('directory-unasked-response')).toBe(4)
  })

  it('round-trip, and throw nothing out of receive', () => {
    const { page, toRelay } = pair([])
    const peers = [peerOf(3), peerOf(9, '2001:db8::9')].map((peer) => ({ ...peer, rttMs: 7 }))
    expect(decode(neighboursResponse, encode(neighboursResponse, { nonce: 1, peers }))).toMatchObject({
      peers: peers.map(({ address, flags }) => ({ address, flags, rttMs: 7 })),
    })
    fc.assert(
      fc.property(fc.constantFrom(3, 4), fc.uint8Array({ maxLength: 1_200 }), (id, body) => {
        expect(page.exchange.receive(toRelay, Uint8Array.from([...prefix, id, ...body]))).toBe(true)
      }),
    )
  })
})

describe('stock peers by who told of them (C-01)', () => {
  const [one, two] = [KeyPair.generate(random).publicKey, KeyPair.generate(random).publicKey]

  it('are confirmed by a second teller, and forgotten when nobody repeats them', () => {
    const clock = new VirtualClock()
    const stock = new StockPeers(clock)
    const [a, b] = [peerOf(1), peerOf(2)]
    stock.tell(one, [a, b])
    clock.advance(300_000)
    stock.tell(two, [b])
    expect(stock.list().map(({ tellers }) => tellers.length)).toEqual([1, 2])
    clock.advance(300_001)
    expect(stock.list().map(({ tellers }) => tellers.length)).toEqual([1])
  })

  it('are neither moved nor confirmed by one who names another address', () => {
    const stock = new StockPeers(new VirtualClock())
    const peer = peerOf(1)
    stock.tell(one, [peer])
    stock.tell(two, [{ ...peer, address: { ...peer.address, host: '192.0.2.250' } }])
    expect(stock.list()).toEqual([{ ...peer, tellers: [toHex(one.bytes)] }])
  })

  it('are few of one teller and of few tellers, and none is at no address', () => {
    const stock = new StockPeers(new VirtualClock())
    stock.tell(one, [peerOf(1, '0.0.0.0'), peerOf(1, '224.0.0.1')])
    expect(stock.list()).toEqual([])
    for (let i = 0; i < 10; i++) {
      stock.tell(
        one,
        Array.from({ length: 12 }, (_, n) => peerOf(n)),
      )
    }
    expect(stock.list()).toHaveLength(STOCK_PEERS.maxPerTeller)
    for (let i = 0; i < 20; i++) stock.tell(KeyPair.generate(random).publicKey, [peerOf(i)])
    expect(stock.list()).toHaveLength(STOCK_PEERS.maxTellers)
  })
})
