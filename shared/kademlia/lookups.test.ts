import { describe, expect, it } from 'vitest'
import type { FindNodeResult, GetItemResult, GetPeersResult, StoreResult } from './api.ts'
import { TestDht } from './dht.fixture.ts'
import { byteStringValue, immutableTarget } from './item.ts'

describe('lookups asked for from outside (K-03, K-05, K-09)', () => {
  it('run so many at once, others wait, and too many fail', () => {
    const town = new TestDht()
    town.grow(10)
    const { dht, counters } = town.add({ settings: { lookups: 2, lookupsWaiting: 3 } })
    dht.start([town.nodes[0]!.address])
    town.clock.advance(20_000)
    const results: boolean[] = []
    for (let i = 0; i < 7; i++) dht.findNode(town.random.bytes(20), ({ ok }) => results.push(ok))
    expect(dht.status().lookups.running).toBe(2)
    expect(results).toEqual([])
    town.clock.advance(30_000)
    expect(results.filter((ok) => ok)).toHaveLength(5)
    expect(results.filter((ok) => !ok)).toHaveLength(2)
    expect(counters.get('kademlia-too-many-lookups')).toBe(2)
  })

  it('end when cancelled, waiting ones too, and make room', () => {
    const town = new TestDht()
    town.grow(10)
    const { dht } = town.add({ settings: { lookups: 1 } })
    dht.start([town.nodes[0]!.address])
    town.clock.advance(20_000)
    const results: number[] = []
    const lookups = [0, 1, 2].map((n) => dht.findNode(town.random.bytes(20), () => results.push(n)))
    lookups[1]!.cancel()
    lookups[0]!.cancel()
    town.clock.advance(30_000)
    expect(results).toEqual([2])
    expect(dht.status().lookups.running).toBe(0)
  })

  it('are answered from the cache for a minute, until something of ours is put there', () => {
    const town = new TestDht()
    town.grow(12)
    const [, a, b] = town.nodes
    const infoHash = town.random.bytes(20)
    const announce = (port: number) =>
      town.result<StoreResult>((done) => b!.dht.announcePeer(infoHash, port, done))
    announce(1)
    const told: number[] = []
    const find = (dht = a!.dht) =>
      town.result<GetPeersResult>((done) =>
        dht.getPeers(infoHash, { peers: (peers) => told.push(...peers.map(({ port }) => port)) }, done),
      )
    expect(find().cached).toBe(false)
    const { sent } = town
    expect(find()).toMatchObject({ cached: true, tookMs: 0 })
    expect(town.sent).toBe(sent)
    expect(told).toEqual([1, 1])
    expect(find(b!.dht).cached).toBe(false)
    announce(2)
    expect(find(b!.dht).cached).toBe(false)
    town.clock.advance(61_000)
    expect(find().cached).toBe(false)
  })

  it('leave what was found where it was missing, and keep it for others', () => {
    const town = new TestDht()
    const settings = { replication: 3 }
    town.grow(30, { settings })
    const value = Uint8Array.of(5)
    const keepers = () => town.nodes.filter(({ dht }) => dht.status().stored.items > 0)
    town.result<StoreResult>((done) => town.nodes[1]!.dht.putImmutable(value, done))
    const first = keepers()
    for (const keeper of first.slice(1)) town.remove(keeper)
    expect(first).toHaveLength(3)
    const target = immutableTarget(byteStringValue(value))
    const reader = town.nodes.at(-1)!
    const { item } = town.result<GetItemResult>((done) => reader.dht.getItem({ target }, done))
    expect(item?.value).toEqual(value)
    town.clock.advance(5_000)
    expect(reader.dht.status().stored.items).toBe(1)
    expect(keepers().length).toBeGreaterThan(2)
  })

  it('fail where there is nobody', () => {
    const town = new TestDht()
    const { dht } = town.add()
    dht.start([])
    const nobody = town.result<FindNodeResult>((done) => dht.findNode(town.random.bytes(20), done))
    expect(nobody).toMatchObject({ ok: false, asked: 0, closest: [] })
    const nothing = town.result<StoreResult>((done) => dht.announcePeer(town.random.bytes(20), 1, done))
    expect(nothing).toMatchObject({ ok: false, stored: 0 })
    expect(dht.status().lookups).toMatchObject({ completed: 2, successRate: 0 })
  })
})
