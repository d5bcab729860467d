import { describe, expect, it } from 'vitest'
import { nearness } from './near.ts'
import { captured, honestRelays, nearby, RULES, sybils } from './sybil.fixture.ts'

const honest = honestRelays()

describe('what a hundred relays of one owner gain beside three hundred others (D-07, docs/path-selection.md)', () => {
  it.each([
    ['one network', 0.03],
    ['one system, twenty networks', 0.12],
    ['one family', 0.07],
  ] as const)('in %s: a fraction of what they gain where each counts by itself', (crowd, most) => {
    const bad = sybils(100, crowd)
    const alone = captured(honest, bad, RULES['relays alone'])
    const together = captured(honest, bad, RULES.together)
    expect(alone.guard).toBeGreaterThan(0.2)
    expect(alone.exit).toBeGreaterThan(0.15)
    expect(together.guard).toBeLessThan(most)
    expect(together.exit).toBeLessThan(most)
    // No two of them in one circuit, by any rule.
    expect(together.bothEnds).toBe(0)
  })

  it('that show nothing in common: their share of relays, and less while nobody has proven them', () => {
    const bad = captured(honest, sybils(100, 'nothing'), RULES.together)
    expect(bad.exit).toBeGreaterThan(0.2)
    const unproven = captured(honest, sybils(100, 'nothing, unproven'), RULES.together)
    expect(unproven.exit).toBeLessThan(0.21)
    expect(unproven.bothEnds).toBeLessThan(bad.bothEnds)
  })
})

describe('what near-first gives and takes (K-08)', () => {
  const centres = new Map([
    ['DE', { latitude: 51, longitude: 10 }],
    ['NL', { latitude: 52, longitude: 5 }],
    ['US', { latitude: 40, longitude: -98 }],
  ])
  const centre = (country: string) => centres.get(country)
  const relays = honest.filter(({ country }) => country && centres.has(country))

  it('makes paths shorter, and exits easier to guess and to place oneself at', () => {
    const far = nearby(relays, centre, false, 300)
    const near = nearby(relays, centre, true, 300)
    expect(near.km).toBeLessThan(0.6 * far.km)
    expect(near.oneCountry).toBeGreaterThan(far.oneCountry)
    expect(near.exits).toBeLessThan(far.exits)
    const bad = sybils(10, 'nothing')
    const germans = relays.filter(({ country, exit }) => country === 'DE' || exit !== 'none')
    const without = captured(germans, bad, RULES.together)
    expect(captured(germans, bad, RULES.together, nearness({ centre })).exit).toBeGreaterThan(without.exit)
  })
})
