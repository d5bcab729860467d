import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { KADEMLIA_DEFAULTS, type KademliaSettings } from './constants.ts'
import { compareDistance, prefixBits, randomNear } from './distance.ts'
import { nodeIdFor } from './node-id.ts'
import { Table } from './table.ts'

const QUARTER = 15 * 60_000
const random = new SeededRandom(5)
const own = new Uint8Array(20)

function tableWith(settings: Partial<KademliaSettings> = {}): Table {
  return new Table(own, { ...KADEMLIA_DEFAULTS, nodeIds: 'off', ...settings }, 0)
}

/** Each in a network of its own. */
function addressOf(n: number): IpAddress {
  return { kind: 'ipv4', host: `${20 + (n >> 8)}.${n & 255}.1.1`, port: 6881 }
}

/** A random id that shares exactly that many bits with our own. */
const idAt = (bits: number) => randomNear(own, bits, random, true)

describe('routing table (K-02)', () => {
  it('keeps k nodes of each distance, twice as many where few are nearer, and splits only around us', () => {
    const table = tableWith()
    for (let n = 0; n < 400; n++) table.offer(random.bytes(20), addressOf(n), 0, 10)
    const byDistance = new Map<number, number>()
    for (const { id } of table.nodes()) {
      const bits = prefixBits(own, id)
      byDistance.set(bits, (byDistance.get(bits) ?? 0) + 1)
    }
    for (const bits of [0, 1, 2]) expect(byDistance.get(bits)).toBeGreaterThanOrEqual(20)
    expect(Math.max(...byDistance.values())).toBeLessThanOrEqual(40)
    expect(table.size).toBeLessThan(200)
    expect(table.bucketCount).toBeGreaterThan(3)
    expect(table.bucketCount).toBeLessThan(12)
  })

  it('knows the nodes closest to us all', () => {
    const table = tableWith()
    const ids = Array.from({ length: 500 }, () => random.bytes(20))
    for (const [n, id] of ids.entries()) table.offer(id, addressOf(n), 0, 10)
    const closest = ids.sort((a, b) => compareDistance(own, a, b)).slice(0, 20)
    expect(table.closest(own, 20).map(({ id }) => id)).toEqual(closest)
  })

  it('gives the closest nodes that it has, closest first', () => {
    const table = tableWith()
    for (let n = 0; n < 500; n++) table.offer(random.bytes(20), addressOf(n), 0, 10)
    for (let i = 0; i < 50; i++) {
      const target = randomNear(own, i % 9, random)
      const right = table.nodes().sort((a, b) => compareDistance(target, a.id, b.id))
      expect(table.closest(target, 8).map(({ id }) => id)).toEqual(right.slice(0, 8).map(({ id }) => id))
    }
  })

  it('asks the oldest of a full bucket before another takes its place, and fills places of the dead', () => {
    const table = tableWith()
    for (let n = 0; n < 20; n++) table.offer(idAt(0), addressOf(n), n, 10)
    for (let n = 30; n < 50; n++) table.offer(idAt(1), addressOf(n), n, 10)
    const late = addressOf(60)
    expect(table.offer(idAt(0), late, 1_000, 10)).toEqual({ kind: 'spare', ask: undefined })
    const offer = table.offer(idAt(0), addressOf(61), QUARTER + 5, 10)
    expect(offer.kind).toBe('spare')
    const asked = offer.kind === 'spare' ? offer.ask?.address : undefined
    expect(asked).toEqual(addressOf(0))
    if (!asked) throw new Error('nobody was asked')
    table.failed(asked, true)
    expect(table.at(asked)).toBeDefined()
    table.failed(asked, true)
    expect(table.at(asked)).toBeUndefined()
    expect(table.at(addressOf(61))).toBeDefined()
    expect(table.at(late)).toBeUndefined()
  })

  it('tells others no node that did not answer the last time', () => {
    const table = tableWith()
    table.offer(idAt(3), addressOf(1), 0, 10)
    table.failed(addressOf(1), true)
    expect(table.closest(own, 8)).toHaveLength(1)
    expect(table.closestProven(own, 8)).toHaveLength(0)
    table.failed(addressOf(1), true)
    expect(table.size).toBe(0)
  })

  it('keeps its nodes when it is we who are cut off', () => {
    const table = tableWith()
    table.offer(idAt(3), addressOf(1), 0, 10)
    for (let i = 0; i < 5; i++) table.failed(addressOf(1), false)
    expect(table.size).toBe(1)
    expect(table.usable).toBe(false)
    table.offer(table.at(addressOf(1))?.id ?? own, addressOf(1), 5, 10)
    expect(table.usable).toBe(true)
  })

  it('names the nodes long silent and a target in the bucket longest left alone', () => {
    const table = tableWith({ refreshMs: QUARTER })
    for (let n = 0; n < 60; n++) table.offer(random.bytes(20), addressOf(n), n, 10)
    expect(table.questionable(1_000, 4)).toEqual([])
    expect(table.staleTarget(1_000, random)).toBeUndefined()
    expect(table.questionable(QUARTER + 1, 4).map(({ address }) => address)[0]).toEqual(addressOf(0))
    const targets = Array.from({ length: table.bucketCount }, () => table.staleTarget(2 * QUARTER, random))
    expect(targets.every((target) => target)).toBe(true)
    expect(table.staleTarget(2 * QUARTER, random)).toBeUndefined()
  })

  it('keeps its nodes when our id changes', () => {
    const table = tableWith()
    for (let n = 0; n < 30; n++) table.offer(random.bytes(20), addressOf(n), n, 10)
    const id = random.bytes(20)
    table.moveTo(id, 100)
    expect(table.size).toBe(30)
    const right = table.nodes().sort((a, b) => compareDistance(id, a.id, b.id))[0]
    expect(table.closest(id, 1)[0]).toBe(right)
  })
})

describe('nobody gets the table (K-06)', () => {
  it('takes one node for each machine, as long as that one answers', () => {
    const table = tableWith()
    const address = addressOf(1)
    expect(table.offer(idAt(2), address, 0, 10).kind).toBe('added')
    expect(table.offer(idAt(3), { ...address, port: 7000 }, 0, 10).kind).toBe('refused')
    table.failed(address, true)
    expect(table.offer(idAt(3), { ...address, port: 7000 }, 0, 10).kind).toBe('added')
    expect(table.size).toBe(1)
  })

  it('takes one address for each id', () => {
    const table = tableWith()
    const id = idAt(2)
    table.offer(id, addressOf(1), 0, 10)
    expect(table.offer(id, addressOf(2), 0, 10).kind).toBe('refused')
    expect(table.offer(own, addressOf(3), 0, 10).kind).toBe('refused')
  })

  it('takes few of a network: in a bucket, and in all', () => {
    const table = tableWith()
    const neighbour = (n: number): IpAddress => ({ kind: 'ipv4', host: `198.51.100.${n}`, port: 6881 })
    let n = 1
    for (let bits = 0; bits < 12; bits++) {
      for (let i = 0; i < 4; i++) table.offer(idAt(bits), neighbour(n++), 0, 10)
      for (let i = 0; i < 20; i++) table.offer(idAt(bits), addressOf(100 * bits + i), 0, 10)
    }
    const ofIt = table.nodes().filter(({ network }) => network === '4/c63364')
    expect(ofIt.length).toBe(10)
    for (let bits = 0; bits < 5; bits++) {
      expect(ofIt.filter(({ id }) => prefixBits(own, id) === bits).length).toBeLessThanOrEqual(2)
    }
  })

  it('prefers ids that fit their addresses, or wants no others', () => {
    const table = tableWith({ nodeIds: 'prefer' })
    const strict = tableWith({ nodeIds: 'require' })
    for (let n = 0; n < 20; n++) table.offer(idAt(0), addressOf(n), 0, 10)
    for (let n = 20; n < 40; n++) table.offer(idAt(1), addressOf(n), 0, 10)
    expect(strict.offer(idAt(0), addressOf(1), 0, 10).kind).toBe('refused')
    const fit: IpAddress[] = []
    for (let n = 50; fit.length < 5; n++) {
      const id = nodeIdFor(addressOf(n), random)
      if (prefixBits(own, id) !== 0) continue
      fit.push(addressOf(n))
      expect(table.offer(id, addressOf(n), 1, 10).kind).toBe('added')
      expect(strict.offer(id, addressOf(n), 1, 10).kind).toBe('added')
    }
    for (const address of fit) expect(table.at(address)?.fits).toBe(true)
    expect(table.size).toBe(40)
  })
})
