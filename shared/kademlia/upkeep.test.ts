import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { Family, FindNodeResult, GetPeersResult, NodeContact, StoreResult } from './api.ts'
import { TestDht } from './dht.fixture.ts'
import { nodeIdFits } from './node-id.ts'

const MINUTE = 60_000

describe('the way in (K-01, K-09)', () => {
  it('is asked for again while nobody answers, and lookups wait for it', () => {
    const town = new TestDht()
    const router = town.addressOf(150)
    const { dht } = town.add()
    dht.start([router])
    const results: FindNodeResult[] = []
    dht.findNode(town.random.bytes(20), (result) => results.push(result))
    town.clock.advance(5_000)
    expect(results.map(({ ok }) => ok)).toEqual([false])
    town.add({}, router)
    town.clock.advance(40_000)
    const late = town.result<FindNodeResult>((done) => dht.findNode(town.random.bytes(20), done))
    expect(late.ok).toBe(true)
    expect(late.closest[0]?.address).toEqual(router)
    // Routers are asked, but are no nodes of the table.
    expect(dht.status().nodes.ipv4).toBe(0)
  })

  it('is found again when all nodes are gone (network healing)', () => {
    const town = new TestDht()
    town.grow(12)
    const [router, first] = town.nodes
    const others = town.nodes.slice(2)
    for (const node of others) town.remove(node)
    town.clock.advance(40 * MINUTE)
    expect(first!.dht.status().nodes.ipv4).toBe(0)
    town.grow(12)
    town.clock.advance(2 * MINUTE)
    expect(first!.dht.status().nodes.ipv4).toBeGreaterThan(8)
    expect(router!.dht.status().nodes.ipv4).toBeGreaterThan(8)
  })

  it('leads through nodes saved before', () => {
    const town = new TestDht()
    town.grow(30)
    const saved = town.nodes[5]!.dht.nodes().map(({ address }) => address)
    expect(saved.length).toBeGreaterThan(20)
    const again = town.add()
    again.dht.start([])
    again.dht.addNodes(saved)
    town.clock.advance(20_000)
    expect(again.dht.nodes().length).toBeGreaterThan(20)
  })

  it('ends with stop', () => {
    const town = new TestDht()
    town.grow(10)
    const [, node] = town.nodes
    const results: unknown[] = []
    const late = town.add()
    late.dht.start([town.nodes[0]!.address])
    town.clock.advance(50)
    node!.dht.findNode(town.random.bytes(20), (result) => results.push(result))
    for (const { dht } of town.nodes) dht.stop()
    const { sent } = town
    // What is on the wires arrives; no timer is left.
    town.clock.advance(50)
    expect(town.clock.idle).toBe(true)
    town.clock.advance(60 * MINUTE)
    expect(town.sent).toBe(sent)
    expect(results).toEqual([])
    expect(node!.dht.receive(town.addressOf(0), Uint8Array.of(0x64))).toBe(false)
  })
})

describe('staying in (K-02, K-09)', () => {
  it('knows who lives, of those who come and go', { timeout: 30_000 }, () => {
    const town = new TestDht({ loss: 0.02 })
    town.grow(30, { settings: { k: 8 } })
    const infoHash = town.random.bytes(20)
    const announcer = town.nodes[1]!
    const announced = announcer.dht.publish({ kind: 'peer', infoHash, port: 99 })
    // Half of the nodes go within an hour, and others come.
    for (let i = 0; i < 20; i++) {
      town.remove(town.nodes[2 + ((i * 7) % 25)]!)
      const node = town.add({ settings: { k: 8 } })
      node.dht.setOwnAddress(node.address)
      node.dht.start([town.nodes[0]!.address])
      town.clock.advance(2 * MINUTE)
    }
    const alive = new Set(town.nodes.map(({ address }) => address.host))
    const reader = town.nodes[20]!
    const known = reader.dht.nodes()
    expect(known.filter(({ address }) => alive.has(address.host)).length / known.length).toBeGreaterThan(0.6)
    const { peers } = town.result<GetPeersResult>((done) => reader.dht.getPeers(infoHash, {}, done))
    expect(peers).toEqual([{ ...announcer.address, port: 99 }])
    announced.cancel()
    town.clock.advance(40 * MINUTE)
    const gone = town.result<GetPeersResult>((done) => reader.dht.getPeers(infoHash, {}, done))
    expect(gone.peers).toEqual([])
  })

  it('keeps what is published though all that kept it leave', { timeout: 30_000 }, () => {
    const town = new TestDht()
    town.grow(20)
    const value = Uint8Array.of(1, 2, 3)
    const [router, putter] = town.nodes
    const results: StoreResult[] = []
    putter!.dht.publish({ kind: 'immutable', value }, (result) => results.push(result))
    town.clock.advance(MINUTE)
    for (const node of town.nodes.slice(2)) town.remove(node)
    town.grow(20)
    town.clock.advance(30 * MINUTE)
    expect(results.map(({ ok }) => ok)).toEqual([true, true])
    const keepers = town.nodes.filter((node) => node !== router && node.dht.status().stored.items > 0)
    expect(keepers.length).toBeGreaterThan(10)
  })
})

describe('our own address (K-06)', () => {
  it('makes our id, when it is told', () => {
    const town = new TestDht()
    town.grow(20)
    const { dht } = town.nodes[3]!
    const address: IpAddress = { kind: 'ipv4', host: '77.88.99.11', port: 6881 }
    dht.setOwnAddress(address)
    expect(nodeIdFits(dht.status().nodeId, address)).toBe(true)
    expect(dht.status().ownAddresses).toEqual([address])
    expect(dht.nodes().length).toBeGreaterThan(10)
  })

  it('is what eight networks see, if nobody told', () => {
    const town = new TestDht()
    town.grow(20)
    const node = town.add()
    const before = toHex(node.dht.status().nodeId)
    node.dht.start([town.nodes[0]!.address])
    town.clock.advance(20_000)
    expect(node.dht.status().ownAddresses).toEqual([node.address])
    expect(toHex(node.dht.status().nodeId)).not.toBe(before)
    expect(nodeIdFits(node.dht.status().nodeId, node.address)).toBe(true)
  })
})

describe('values too large to be kept (K-05)', () => {
  it('are refused before anybody is asked', () => {
    const { dht } = new TestDht().add()
    const put = (bytes: number) => dht.putImmutable(new Uint8Array(bytes), () => {})
    expect(() => put(996)).not.toThrow()
    expect(() => put(997)).toThrow(expect.objectContaining({ code: 'item-too-large' }))
  })
})

describe('two families (BEP 32, K-04)', () => {
  it('have tables of their own, filled through either', () => {
    const town = new TestDht()
    const both: readonly Family[] = ['ipv4', 'ipv6']
    const v6 = (n: number): IpAddress => ({ kind: 'ipv6', host: `2001:db8:${n + 1}::1`, port: 6881 })
    for (let n = 0; n < 16; n++) {
      const address = town.addressOf(n)
      const send4 = town.socket(address, (from, datagram) => node.dht.receive(from, datagram))
      const send6 = town.socket(v6(n), (from, datagram) => node.dht.receive(from, datagram))
      const node = town.add({
        families: both,
        send: (to, datagram) => (to.kind === 'ipv4' ? send4 : send6)(to, datagram),
      })
      town.socket(address, (from, datagram) => node.dht.receive(from, datagram))
      node.dht.setOwnAddress(address)
      node.dht.setOwnAddress(v6(n))
      // The way into IPv6 is learnt over IPv4, but for the first two, who are told.
      node.dht.start(n === 0 ? [] : [town.addressOf(0)])
      if (n === 1) node.dht.addNodes([v6(0)])
      town.clock.advance(1_000)
    }
    town.clock.advance(2 * MINUTE)
    const { dht } = town.nodes[9]!
    expect(dht.status().nodes.ipv4).toBeGreaterThan(10)
    expect(dht.status().nodes.ipv6).toBeGreaterThan(10)
    const infoHash = town.random.bytes(20)
    town.result<StoreResult>((done) => dht.announcePeer(infoHash, undefined, done))
    const { peers } = town.result<GetPeersResult>((done) => town.nodes[3]!.dht.getPeers(infoHash, {}, done))
    expect(peers.map(({ kind }) => kind).sort()).toEqual(['ipv4', 'ipv6'])
  })
})

describe('events and numbers (K-10)', () => {
  it('tell what happens', () => {
    const town = new TestDht()
    town.grow(10)
    const discovered: NodeContact[] = []
    const sizes: number[] = []
    const kinds: string[] = []
    const stored: string[] = []
    const node = town.add({
      events: {
        nodeDiscovered: (contact) => discovered.push(contact),
        tableUpdated: (_, size) => sizes.push(size),
        lookupCompleted: ({ kind }) => kinds.push(kind),
        dataStored: (kind) => stored.push(kind),
      },
    })
    node.dht.start([town.nodes[0]!.address])
    town.clock.advance(20_000)
    expect(discovered.length).toBe(9)
    expect(Math.max(...sizes)).toBe(9)
    const target = town.random.bytes(20)
    town.result<FindNodeResult>((done) => node.dht.findNode(target, done))
    const again = town.result<FindNodeResult>((done) => node.dht.findNode(target, done))
    expect(again.cached).toBe(true)
    expect(kinds).toContain('refresh')
    expect(kinds.filter((kind) => kind === 'find-node')).toHaveLength(1)
    town.result<StoreResult>((done) => town.nodes[2]!.dht.announcePeer(target, 1, done))
    town.result<StoreResult>((done) => town.nodes[2]!.dht.putImmutable(target, done))
    expect(stored).toEqual(['peer', 'immutable'])
    const status = node.dht.status()
    expect(status.lookups).toMatchObject({ running: 0, successRate: 1 })
    expect(status.meanLatencyMs).toBe(40)
    expect(status.availability).toBe(1)
    expect(status.cacheHitRate).toBe(0.5)
    expect(status.errorRate).toBe(0)
    expect(status.queriesPerSecond.in).toBeGreaterThan(0)
    expect(status.queriesPerSecond.out).toBeGreaterThan(0)
    expect(status.stored).toEqual({ infoHashes: 1, peers: 1, items: 1, itemBytes: 23 })
  })

  it('tell how many answered', () => {
    const town = new TestDht()
    const { dht } = town.add()
    town.add()
    town.result((done) => dht.ping(town.addressOf(1), done))
    expect(town.result((done) => dht.ping(town.addressOf(99), done))).toBeUndefined()
    expect(dht.status().availability).toBe(0.5)
  })
})
