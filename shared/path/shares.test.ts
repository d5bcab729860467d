import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SHARES } from './constants.ts'
import { NETWORK_BITS, type PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { fairShares, limited } from './shares.ts'

const many = (count: number, relay: (i: number) => PathRelay) =>
  Array.from({ length: count }, (_, i) => relay(i))
const sum = (weights: readonly number[]) => weights.reduce((all, weight) => all + weight, 0)

/** What those of `relays` get together that are `counted`, of 1; all weigh 1 by themselves. */
function shareOf(relays: readonly PathRelay[], counted: readonly PathRelay[]): number {
  const weights = fairShares(
    relays,
    relays.map(() => 1),
    NETWORK_BITS,
  )
  return sum(weights.filter((_, i) => counted.includes(relays[i] as PathRelay))) / sum(weights)
}

/** Sixty operators, each with a network, every second with an AS of his own and the others in ten. */
const honest = many(60, (i) =>
  testRelay(`h${i}`, `198.${i}.0.1`, { as: i % 2 === 0 ? 64_500 + i : 65_000 + (i % 10) }),
)

describe('what many relays of one owner get together (D-07, issue 4)', () => {
  it('of one network: about what two networks of others get', () => {
    const sybils = many(100, (i) => testRelay(`s${i}`, `203.0.113.${i}`))
    expect(shareOf([...honest, ...sybils], sybils)).toBeLessThan(2.01 / 61)
  })

  it('of one autonomous system with twenty networks: a tenth', () => {
    const sybils = many(100, (i) => testRelay(`s${i}`, `203.${i % 20}.113.${i}`, { as: 64_499 }))
    expect(shareOf([...honest, ...sybils], sybils)).toBeLessThan(1.05 * SHARES.system)
  })

  it('of one declared family in a hundred networks: a twentieth', () => {
    const sybils = many(100, (i) => testRelay(`s${i}`, `203.${i}.113.1`, { family: 'one' }))
    expect(shareOf([...honest, ...sybils], sybils)).toBeLessThan(1.05 * SHARES.family)
  })

  it('that nobody has proven: a fifth, while others are proven, and all where none is', () => {
    const sybils = many(100, (i) => testRelay(`s${i}`, `203.${i}.113.1`, { standing: 'unproven' }))
    const proven = honest.map((relay) => ({ ...relay, standing: 'trusted' as const }))
    expect(shareOf([...proven, ...sybils], sybils)).toBeLessThan(1.05 * SHARES.unproven)
    expect(shareOf(sybils, sybils)).toBe(1)
    expect(shareOf(sybils, sybils.slice(0, 10))).toBeCloseTo(0.1)
  })

  it('says nothing of honest relays that stand each for itself', () => {
    const weights = fairShares(
      honest,
      honest.map((_, i) => 1 + (i % 3)),
      NETWORK_BITS,
    )
    expect(weights.slice(0, 3)).toEqual([1, 2, 3])
  })

  it('leaves no relay of a network above twice its even share of the network', () => {
    const crowd = many(20, (i) => testRelay(`c${i}`, `203.0.113.${i}`))
    const others = many(2, (i) => testRelay(`o${i}`, `198.${i}.0.1`))
    const relays = [...crowd, ...others]
    const weights = fairShares(
      relays,
      relays.map((_, i) => (i === 0 ? 1e6 : 1)),
      NETWORK_BITS,
    )
    const ofCrowd = sum(weights.slice(0, 20))
    expect((weights[0] as number) / ofCrowd).toBeLessThan(0.101)
  })
})

describe('bounds on groups (D-07)', () => {
  const items = fc.array(
    fc.record({
      weight: fc.double({ min: 0.01, max: 1e4, noNaN: true }),
      group: fc.integer({ min: 0, max: 6 }),
    }),
    { minLength: 1, maxLength: 40 },
  )

  it('hold for every group, or nothing is cut because nobody is left to take it', () => {
    fc.assert(
      fc.property(items, fc.double({ min: 0.05, max: 1, noNaN: true }), (list, ceiling) => {
        const weights = list.map(({ weight }) => weight)
        // Nobody is of group 0.
        const groups = list.map(({ group }) => (group === 0 ? undefined : group))
        const cut = limited(weights, groups, ceiling)
        const all = sum(cut)
        const totals = new Map<number, number>()
        for (const [i, group] of groups.entries()) {
          expect(cut[i]).toBeGreaterThan(0)
          expect(cut[i]).toBeLessThanOrEqual(weights[i] as number)
          if (group === undefined) expect(cut[i]).toBe(weights[i])
          else totals.set(group, (totals.get(group) ?? 0) + (cut[i] as number))
        }
        const isFeasible = groups.includes(undefined) || totals.size * ceiling > 1.001
        if (isFeasible) for (const total of totals.values()) expect(total / all).toBeLessThan(ceiling + 1e-6)
        else if (totals.size * ceiling < 0.999) expect(cut).toEqual(weights)
      }),
    )
  })

  it('keep the proportions within a group', () => {
    const cut = limited([6, 3, 1], ['a', 'a', undefined], 0.5)
    expect((cut[0] as number) / (cut[1] as number)).toBeCloseTo(2)
    expect((cut[0] as number) + (cut[1] as number)).toBeCloseTo(1)
  })
})
