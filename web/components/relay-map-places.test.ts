import { describe, expect, it } from 'vitest'
import { relay, verdict } from '../app/relays.fixture.ts'
import { type MapGround, mapPlaces } from './relay-map-places.ts'

const ground: MapGround = {
  countries: { DE: [500, 100], NL: [480, 95], CA: [200, 90] },
  width: 1_000,
  height: 450,
}
const plain = { scale: 1, avoided: [] }
const hop = (position: number, primary = true) => ({
  circuit: primary ? 1 : 2,
  position,
  last: position === 2,
  primary,
})

describe('relays on the map (K-08, W-10)', () => {
  it('makes one dot a country, larger where there are more', () => {
    const { dots } = mapPlaces(
      [relay(1, { country: 'DE' }), relay(2, { country: 'DE' }), relay(3, { country: 'NL' })],
      ground,
      plain,
    )
    expect(dots.map(({ country, count }) => [country, count])).toEqual([
      ['DE', 2],
      ['NL', 1],
    ])
    expect(dots[0]?.radius).toBeGreaterThan(dots[1]?.radius ?? 99)
  })

  it('keeps the size on small screens', () => {
    const [wide] = mapPlaces([relay(1, { country: 'DE' })], ground, plain).dots
    const [narrow] = mapPlaces([relay(1, { country: 'DE' })], ground, { scale: 3, avoided: [] }).dots
    expect((narrow?.radius ?? 0) / (wide?.radius ?? 1)).toBeCloseTo(3)
  })

  it('puts relays of no country, or of one that there is not, in a row of its own', () => {
    const rows = [relay(1), relay(2, { country: 'ZZ' }), relay(3, { country: '__proto__' })]
    const { dots } = mapPlaces(rows, ground, plain)
    expect(dots.map(({ country }) => country)).toEqual(['?', '?', '?'])
    expect(new Set(dots.map(({ at }) => at[0])).size).toBe(3)
    expect(new Set(dots.map(({ at }) => at[1])).size).toBe(1)
    const many = mapPlaces(
      Array.from({ length: 90 }, (_, i) => relay(i)),
      ground,
      plain,
    ).dots
    expect(many.length).toBeLessThan(20)
    expect(many.reduce((sum, { count }) => sum + count, 0)).toBe(90)
  })

  it('marks countries that no circuit passes', () => {
    const blocked = verdict({ standing: 'blocked' })
    const { dots } = mapPlaces(
      [
        relay(1, { country: 'DE' }),
        relay(2, { country: 'NL', verdict: blocked }),
        relay(3, { country: 'CA' }),
        relay(4, { country: 'CA', verdict: blocked }),
      ],
      ground,
      { scale: 1, avoided: ['DE'] },
    )
    const shunned = dots.filter(({ shunned }) => shunned).map(({ country }) => country)
    expect(shunned.sort()).toEqual(['DE', 'NL'])
  })

  it('draws each circuit from its entry to its exit, the one in use on top', () => {
    const { lines } = mapPlaces(
      [
        relay(1, { country: 'CA', circuits: [hop(2), hop(1, false)] }),
        relay(2, { country: 'DE', circuits: [hop(1)] }),
        relay(3, { country: 'NL', circuits: [hop(0), hop(0, false)] }),
      ],
      ground,
      plain,
    )
    expect(lines.map(({ primary }) => primary)).toEqual([false, true])
    expect(lines[1]?.stops).toEqual([
      [480, 95],
      [500, 100],
      [200, 90],
    ])
    expect(lines[1]?.path).toMatch(/^M480 95Q[^Q]+ 500 100Q[^Q]+ 200 90$/)
  })

  it('draws a loop where two hops share a country, and nothing for one hop alone', () => {
    const shared = mapPlaces(
      [relay(1, { country: 'DE', circuits: [hop(0)] }), relay(2, { country: 'DE', circuits: [hop(1)] })],
      ground,
      plain,
    )
    expect(shared.lines[0]?.path).toMatch(/^M500 100c.+ 0 0$/)
    expect(mapPlaces([relay(1, { country: 'DE', circuits: [hop(2)] })], ground, plain).lines).toEqual([])
  })
})
