import { describe, expect, it } from 'vitest'
import { KADEMLIA_DEFAULTS } from '../../kademlia/constants.ts'
import { compareDistance, prefixBits } from '../../kademlia/distance.ts'
import { settledTown } from './dht-town.ts'

const NODES = 400
const { k } = KADEMLIA_DEFAULTS

describe('a simulated DHT that begins with its tables filled (K-01, K-02)', () => {
  const town = settledTown({ nodes: NODES, seed: 3, filled: true, settlingMs: 0, churnPerHour: 0 })
  const { all } = town.nodes

  it('has everybody, and nobody asked anybody yet but the routers each other', () => {
    expect(all).toHaveLength(NODES)
    expect(town.clock.now()).toBe(0)
  })

  it('knows the nodes nearest to each, and a bucketful of every distance that has as many', () => {
    for (const { id, machine } of all.slice(-20)) {
      const known = machine.nodes()
      expect(known.some((each) => compareDistance(id, each.id, id) === 0)).toBe(false)
      const others = all.map((each) => each.id).filter((each) => each !== id)
      for (let bits = 0; bits < 10; bits++) {
        const of = (ids: readonly Uint8Array[]) => ids.filter((each) => prefixBits(id, each) === bits).length
        // Two of one /24 in a bucket are the most that a table takes; here, nearly all are of different ones.
        expect(of(known.map((each) => each.id))).toBeGreaterThanOrEqual(Math.min(k, of(others)))
      }
    }
  })

  it('finds what is closest from anywhere', () => {
    let found = 0
    for (let i = 0; i < 20; i++) {
      const target = town.random.bytes(20)
      town.nodes.anyone(0)?.machine.findNode(target, ({ closest }) => {
        const [truly] = town.nodes.closest(target, 1, () => true)
        if (truly && closest[0] && compareDistance(target, closest[0].id, truly.id) <= 0) found++
      })
    }
    town.clock.advance(30_000)
    expect(found).toBeGreaterThanOrEqual(19)
  })
})
