import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { nobleCurves } from '../crypto/curves.ts'
import { shuffled } from '../world/random.ts'
import type { FindNodeResult, GetItemResult, GetPeersResult, NodeContact, StoreResult } from './api.ts'
import type { KademliaSettings } from './constants.ts'
import { TestDht, type TestNode } from './dht.fixture.ts'
import { compareDistance, randomNear } from './distance.ts'
import { mutableTarget } from './item.ts'
import type { KrpcResponse } from './krpc.ts'
import { decodeKrpc, encodeKrpc } from './krpc-codec.ts'
import { nodeIdFits, nodeIdFor } from './node-id.ts'

const FALSE_PEER: IpAddress = { kind: 'ipv4', host: '66.6.6.6', port: 666 }
const sibling = (n: number): IpAddress => ({
  kind: 'ipv4',
  host: `${100 + (n >> 8)}.${n & 255}.3.3`,
  port: 6881,
})

/** Nodes that answer everything, with some of each other and one peer that is none, and keep nothing. */
function addHostile(town: TestDht, contacts: NodeContact[], extra: Partial<KrpcResponse> = {}): void {
  for (const { id, address } of contacts) {
    const send = town.socket(address, (from, datagram) => {
      const query = decodeKrpc(datagram)
      if (query.kind !== 'query') return
      const { request, transaction } = query
      const nodes = shuffled(town.random, contacts).slice(0, 8)
      const about = request.method === 'ping' ? {} : { nodes, token: id }
      const values = request.method === 'get_peers' ? { values: [FALSE_PEER] } : {}
      send(from, encodeKrpc({ kind: 'response', transaction, id, ...about, ...values, ...extra }))
    })
  }
}

/** They get known as anybody does: by asking. */
function introduce(town: TestDht, contacts: readonly NodeContact[], to: readonly TestNode[]): void {
  for (const { id, address } of contacts) {
    for (const { address: there, dht } of to) {
      const request = { method: 'ping', id } as const
      dht.receive(address, encodeKrpc({ kind: 'query', transaction: Uint8Array.of(1), request }))
      expect(there).not.toEqual(address)
    }
    town.clock.advance(300)
  }
}

function townOf(count: number, settings: Partial<KademliaSettings> = {}) {
  const town = new TestDht({ seed: 4 })
  town.grow(count, { settings: { k: 8, ...settings } })
  town.clock.advance(300_000)
  return town
}

/** Ids in the middle of nowhere but very near to the target, where chance would put one node of a trillion. */
const around = (town: TestDht, target: Uint8Array, count: number): NodeContact[] =>
  Array.from({ length: count }, (_, n) => ({ id: randomNear(target, 40, town.random), address: sibling(n) }))

function peersOf({ peers }: GetPeersResult): string[] {
  return peers.map(({ host }) => host).filter((host) => host !== FALSE_PEER.host)
}

describe('Sybils around a target (K-06, D-10)', () => {
  it('do not hide what was announced before they came, nor what is announced after', {
    timeout: 30_000,
  }, () => {
    const town = townOf(40, { nodeIds: 'off' })
    const infoHash = town.random.bytes(20)
    const [, early, late, reader] = town.nodes
    const announce = (node: TestNode) =>
      town.result<StoreResult>((done) => node.dht.announcePeer(infoHash, 1000, done))
    announce(early!)
    const sybils = around(town, infoHash, 60)
    addHostile(town, sybils)
    introduce(town, sybils, town.nodes.slice(0, 25))
    announce(late!)
    const found = town.result<GetPeersResult>((done) => reader!.dht.getPeers(infoHash, {}, done))
    // They have the neighbourhood: all of the closest are theirs.
    const theirs = found.closest.filter(({ address }) => address.host.endsWith('.3.3'))
    expect(theirs.length).toBe(8)
    expect(reader!.counters.get('kademlia-crowded-targets')).toBe(1)
    expect(peersOf(found).sort()).toEqual([early!.address.host, late!.address.host].sort())
  })

  it('do not come into play where their ids do not fit their addresses', { timeout: 30_000 }, () => {
    const town = townOf(40)
    const seed = new Uint8Array(32).fill(8)
    const publicKey = nobleCurves.ed25519Public(seed)
    const sybils = around(town, mutableTarget(publicKey), 60)
    expect(sybils.some(({ id, address }) => nodeIdFits(id, address))).toBe(false)
    addHostile(town, sybils)
    introduce(town, sybils, town.nodes.slice(0, 30))
    const [, putter, reader] = town.nodes
    const item = {
      publicKey,
      seq: 1,
      value: seed,
      sign: (message: Uint8Array) => nobleCurves.sign(message, seed, publicKey),
    }
    const { stored, closest } = town.result<StoreResult>((done) => putter!.dht.putMutable(item, done))
    expect(closest.filter(({ address }) => address.host.endsWith('.3.3')).length).toBeLessThanOrEqual(8)
    expect(stored).toBeGreaterThanOrEqual(8)
    const found = town.result<GetItemResult>((done) => reader!.dht.getItem({ publicKey }, done))
    expect(found.item?.value).toEqual(seed)
    expect(reader!.counters.get('kademlia-crowded-targets')).toBe(0)
  })

  it('are hardly ever seen where there are none', () => {
    const town = townOf(50)
    let seen = 0
    for (let i = 0; i < 20; i++) {
      town.result<FindNodeResult>((done) => town.nodes[1 + i]!.dht.findNode(town.random.bytes(20), done))
      seen += town.nodes[1 + i]!.counters.get('kademlia-crowded-targets')
    }
    // Eight nodes tell little of how dense they stand; twenty, as outside of tests, tell more.
    expect(seen).toBeLessThanOrEqual(2)
    const { networkSize } = town.nodes[45]!.dht.status()
    expect(networkSize).toBeGreaterThan(20)
    expect(networkSize).toBeLessThan(150)
  })
})

describe('hostile answers (K-06)', () => {
  it('lead one path astray, not the lookup', () => {
    const town = townOf(40)
    // A node that names forty that are not there, each nearer than the other.
    const target = town.random.bytes(20)
    const liar: NodeContact = { id: randomNear(target, 3, town.random), address: sibling(0) }
    const fakes = Array.from({ length: 40 }, (_, n) => ({
      id: nodeIdFor(sibling(n + 1), town.random),
      address: sibling(n + 1),
    }))
    addHostile(town, [liar], { nodes: fakes })
    introduce(town, [liar], town.nodes)
    const right = town.nodes
      .slice(2)
      .map(({ dht }) => dht.status().nodeId)
      .sort((a, b) => compareDistance(target, a, b))
      .slice(0, 5)
      .map(toHex)
    const { closest } = town.result<FindNodeResult>((done) => town.nodes[1]!.dht.findNode(target, done))
    const honest = closest.filter(({ address }) => address.host !== liar.address.host)
    expect(honest.slice(0, 5).map(({ id }) => toHex(id))).toEqual(right)
  })

  it('cannot hide a node under a false id', () => {
    const town = townOf(30)
    const victim = town.nodes[7]!
    const target = victim.dht.status().nodeId
    const liar: NodeContact = { id: randomNear(target, 2, town.random), address: sibling(0) }
    const misnamed = [{ id: randomNear(target, 30, town.random), address: victim.address }]
    addHostile(town, [liar], { nodes: misnamed })
    const asker = town.add({ settings: { nodeIds: 'off' } })
    asker.dht.addNodes([liar.address])
    town.clock.advance(20_000)
    const { closest } = town.result<FindNodeResult>((done) => asker.dht.findNode(target, done))
    expect(toHex(closest[0]!.id)).toBe(toHex(target))
    expect(closest[0]!.address).toEqual(victim.address)
  })

  it('do not pass off other items', () => {
    const town = townOf(20)
    const target = town.random.bytes(20)
    const item = { value: Uint8Array.of(0x31, 0x3a, 0x78) }
    const liars = around(town, target, 10)
    addHostile(town, liars, { item })
    introduce(town, liars, town.nodes)
    const found = town.result<GetItemResult>((done) => town.nodes[3]!.dht.getItem({ target }, done))
    expect(found.item).toBeUndefined()
    expect(town.nodes[3]!.counters.get('kademlia-false-items')).toBeGreaterThan(0)
  })
})
