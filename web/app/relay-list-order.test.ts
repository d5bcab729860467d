import { describe, expect, it } from 'vitest'
import { allRelays, listed, type RelayFilter } from './relay-list-order.ts'
import { relay, relayScenes, verdict } from './relays.fixture.ts'

const { relays } = relayScenes.world
const names = (filter: Partial<RelayFilter>) =>
  listed(relays, { ...allRelays, ...filter }).map(({ name }) => name)

describe('which relays are listed, and in what order (D-08, W-10)', () => {
  it('begins with the circuit in use, hop by hop, and goes on with the standby', () => {
    expect(names({}).slice(0, 6)).toEqual(['Marram', 'Sallow', 'Osier', 'Alder', 'Willow', 'Hazel'])
    expect(names({})).toHaveLength(relays.length)
  })

  it('lists what is asked for', () => {
    expect(names({ kind: 'circuits' })).toHaveLength(6)
    expect(names({ kind: 'blocked' })).toEqual(['Bindweed'])
    expect(names({ kind: 'hidden' }).sort()).toEqual(['Reed', 'Sedge'])
    expect(names({ kind: 'unconfirmed' })).toEqual(['Sedge'])
    expect(listed(relays, { ...allRelays, kind: 'exits' }).every(({ exit }) => exit !== 'none')).toBe(true)
    expect(names({ country: '?' })).toEqual(['Sedge'])
    expect(names({ country: 'BR', kind: 'trusted' })).toEqual([])
  })

  it('finds by name, address, network and country, in any case', () => {
    expect(names({ text: ' osIER ' })).toEqual(['Osier'])
    expect(names({ text: 'as2852' })).toEqual(['Sallow'])
    expect(names({ text: 'iceland' })).toEqual(['Alder'])
    expect(names({ text: 'withy' })).toEqual(['Osier'])
    expect(names({ text: relays[4]?.host ?? '-' })).toContain('Willow')
    expect(names({ text: 'no such relay' })).toEqual([])
  })

  it('orders by what was measured before what is promised', () => {
    const [honest, boaster] = [
      relay(1, { promised: 2_000, measured: undefined }),
      relay(2, { promised: 9_000, measured: 1_000 }),
    ]
    const order = listed([boaster, honest], { ...allRelays, order: 'bandwidth' })
    expect(order).toEqual([honest, boaster])
  })

  it('orders by score, then reputation; by country with the unknown last', () => {
    const low = relay(1, { verdict: verdict({ score: 0.4 }), country: 'AT' })
    const good = relay(2, { verdict: verdict({ score: 1, reputation: 0.5 }) })
    const best = relay(3, { verdict: verdict({ score: 1, reputation: 0.9 }), country: 'CH' })
    expect(listed([low, good, best], { ...allRelays, order: 'score' })).toEqual([best, good, low])
    expect(listed([good, best, low], { ...allRelays, order: 'country' })).toEqual([low, best, good])
  })
})
