import { describe, expect, it } from 'vitest'
import { ip, ip6, NatBox } from '../ipv8/town.fixture.ts'
import { type DhtHouse, DhtTown } from './dht.fixture.ts'

const TARGET = new Uint8Array(20).fill(9)
const text = (data: Uint8Array) => String.fromCharCode(...data)
const data = (letters: string) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0))

/** What one finds, by the time it has. */
function findAt(town: DhtTown, { node }: DhtHouse, target = TARGET): string[] | undefined {
  let done = false
  const search = node.find(target, () => {
    done = true
  })
  town.clock.advance(15_000)
  return search && done ? search.values().map((each) => text(each.data)) : undefined
}

function storeAt(town: DhtTown, { node }: DhtHouse, value: string, target = TARGET): number | undefined {
  let stored: number | undefined
  node.store(target, data(value), (count) => {
    stored = count
  })
  town.clock.advance(15_000)
  return stored
}

describe('nodes of IPv8’s DHT (issue 3: hidden seeding, the DHT community)', () => {
  it('find each other by the walk, and what one stores others find', () => {
    const town = new DhtTown()
    const houses = town.settled(12)
    for (const { node } of houses) expect(node.stats.nodes).toBeGreaterThanOrEqual(8)
    const [first, , , , fifth, , , eighth] = houses as DhtHouse[]
    if (!first || !fifth || !eighth) throw new RangeError('too few')
    expect(storeAt(town, first, 'one')).toBe(8)
    expect(storeAt(town, fifth, 'two')).toBe(8)
    expect(findAt(town, eighth)?.sort()).toEqual(['one', 'two'])
    expect(findAt(town, eighth, new Uint8Array(20))).toEqual([])
    town.stop()
  })

  it('meet over IPv6 as well, and behind NATs where they were punctured', () => {
    const six = new DhtTown()
    for (let n = 0; n < 5; n++) six.member(n, {}, {}, { address: ip6(n) })
    for (const { walker } of six.dht) walker.start()
    six.clock.advance(60_000)
    const [first, second] = six.dht as [DhtHouse, DhtHouse]
    expect(storeAt(six, first, 'six')).toBe(4)
    expect(findAt(six, second)).toEqual(['six'])
    six.stop()

    const town = new DhtTown()
    for (let n = 0; n < 6; n++) {
      const nat = n < 3 ? undefined : new NatBox(ip(n).host, 'port-restricted')
      town.member(n, {}, {}, nat ? { nat, address: { ...ip(n), host: `192.168.1.${n}` } } : {})
    }
    for (const { walker } of town.dht) walker.start()
    town.clock.advance(120_000)
    const [open, , , inside] = town.dht as [DhtHouse, DhtHouse, DhtHouse, DhtHouse]
    expect(storeAt(town, inside, 'inside')).toBeGreaterThanOrEqual(4)
    expect(findAt(town, open)).toEqual(['inside'])
    town.stop()
  })

  it('forget values after their hour (ten minutes here), and leave nothing open', () => {
    const town = new DhtTown()
    const houses = town.settled(5, 30_000, { entryMs: 600_000 })
    const [first, second] = houses
    if (!first || !second) throw new RangeError('too few')
    storeAt(town, first, 'one')
    town.clock.advance(500_000)
    expect(findAt(town, second)).toEqual(['one'])
    town.clock.advance(100_000)
    expect(findAt(town, second)).toEqual([])
    for (const { node } of houses) expect(node.stats).toMatchObject({ nodes: 4, values: 0 })
    town.stop()
  })
})
