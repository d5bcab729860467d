import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { nobleCurves } from '../crypto/curves.ts'
import type { FindNodeResult, GetItemResult, GetPeersResult, StoreResult } from './api.ts'
import { TestDht } from './dht.fixture.ts'
import { compareDistance } from './distance.ts'
import { byteStringValue, immutableTarget } from './item.ts'

const seed = new Uint8Array(32).fill(7)
const publicKey = nobleCurves.ed25519Public(seed)
const sign = (message: Uint8Array) => nobleCurves.sign(message, seed, publicKey)
const text = (bytes: Uint8Array | undefined) => bytes && String.fromCharCode(...bytes)
const bytes = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0))

describe('a small DHT (K-01, K-02, K-03, K-04, D-02)', () => {
  const town = new TestDht()
  town.grow(80)

  it('finds the nodes closest to a target', () => {
    const target = town.random.bytes(20)
    const { closest, ok } = town.result<FindNodeResult>((done) => town.nodes[5]!.dht.findNode(target, done))
    const right = town.nodes
      .slice(1)
      .filter((node) => node !== town.nodes[5])
      .map(({ dht }) => dht.status().nodeId)
      .sort((a, b) => compareDistance(target, a, b))
      .slice(0, 8)
      .map(toHex)
    expect(ok).toBe(true)
    expect(closest.slice(0, 8).map(({ id }) => toHex(id))).toEqual(right)
  })

  it('finds the peers that others announced', () => {
    const infoHash = town.random.bytes(20)
    const stored = town.result<StoreResult>((done) => town.nodes[10]!.dht.announcePeer(infoHash, 4000, done))
    town.result<StoreResult>((done) => town.nodes[11]!.dht.announcePeer(infoHash, undefined, done))
    expect(stored.stored).toBeGreaterThanOrEqual(20)
    const told: string[] = []
    const { peers } = town.result<GetPeersResult>((done) =>
      town.nodes[40]!.dht.getPeers(
        infoHash,
        { peers: (found) => told.push(...found.map(({ host, port }) => `${host}:${port}`)) },
        done,
      ),
    )
    const expected = [`${town.nodes[10]!.address.host}:4000`, `${town.nodes[11]!.address.host}:6881`]
    expect(peers.map(({ host, port }) => `${host}:${port}`).sort()).toEqual(expected)
    expect(told.sort()).toEqual(expected)
  })

  it('keeps immutable items', () => {
    const { dht } = town.nodes[20]!
    const put = town.result<StoreResult>((done) => dht.putImmutable(bytes('twelve monkeys'), done))
    expect(put.ok).toBe(true)
    const target = immutableTarget(byteStringValue(bytes('twelve monkeys')))
    const { item } = town.result<GetItemResult>((done) => town.nodes[2]!.dht.getItem({ target }, done))
    expect(text(item?.value)).toBe('twelve monkeys')
    const none = town.result<GetItemResult>((done) =>
      town.nodes[2]!.dht.getItem({ target: town.random.bytes(20) }, done),
    )
    expect(none.item).toBeUndefined()
  })

  it('keeps mutable items, the newest of them', () => {
    const salt = bytes('culvert:test')
    const putter = town.nodes[20]!.dht
    for (const seq of [1, 2]) {
      const item = { publicKey, sign, salt, seq, value: bytes(`version ${seq}`) }
      expect(town.result<StoreResult>((done) => putter.putMutable(item, done)).ok).toBe(true)
    }
    const { item } = town.result<GetItemResult>((done) =>
      town.nodes[33]!.dht.getItem({ publicKey, salt }, done),
    )
    expect(item?.seq).toBe(2)
    expect(text(item?.value)).toBe('version 2')
    const old = { publicKey, sign, salt, seq: 1, value: bytes('version 1') }
    const refused = town.result<StoreResult>((done) => putter.putMutable(old, done))
    expect(refused.ok).toBe(false)
    expect(refused.refused.get(302)).toBeGreaterThan(0)
  })
})
