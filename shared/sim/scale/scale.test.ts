import { afterEach, describe, expect, it } from 'vitest'
import { nobleCurves, useCurves } from '../../crypto/curves.ts'
import { nobleAead } from '../../crypto/noble-aead.ts'
import { toyAead, toyCurves } from '../toy-crypto.ts'
import { distribution, gini } from './measures.ts'
import { COARSE } from './population.ts'
import { simulateScale } from './run.ts'

const HOUR_MS = 3_600_000

afterEach(() => useCurves(nobleCurves))

describe('a whole network in virtual time (N-07, C-04, C-05, D-07)', () => {
  it('serves visitors while relays come and go', async () => {
    useCurves(toyCurves)
    const figures = await simulateScale({
      aead: toyAead,
      options: {
        relays: 40,
        clients: 1_000,
        hours: 0.5,
        warmUpMs: 120_000,
        networks: 40,
        bootstraps: 4,
        relayUpMs: HOUR_MS,
        walk: COARSE.walk,
        discovery: false,
      },
    })
    expect(figures.sessions).toBeGreaterThan(15)
    expect(figures.relayLives).toBeGreaterThan(45)
    expect(figures.circuitsBuilt).toBeGreaterThan(2 * figures.sessions)
    expect(figures.circuitsBuilt).toBeGreaterThan(0.75 * (figures.circuitsBuilt + figures.circuitsFailed))
    expect(figures.sessionsWithoutCircuit).toBe(0)
    expect(figures.buildMs.median).toBeLessThan(2_000)
    expect(figures.trafficAnswered).toBeGreaterThan(0.9)
    expect(figures.directoryCoverage.median).toBeGreaterThan(0.95)
    expect(figures.peersPerTable.median).toBeGreaterThanOrEqual(15)
    expect(figures.peersPerTable.most).toBeLessThanOrEqual(30)
    // Some seconds of processor time; more by the clock where others work too.
  }, 120_000)

  it('comes out the same with the real cryptography as with its stand-in', async () => {
    const options = {
      relays: 5,
      clients: 1_000,
      hours: 0.03,
      warmUpMs: 20_000,
      networks: 40,
      bootstraps: 3,
      exitShare: 0.6,
      walk: COARSE.walk,
      discovery: false,
      minRelays: 4,
      trafficMs: 60_000,
    }
    useCurves(toyCurves)
    const toy = await simulateScale({ aead: toyAead, options })
    expect(toy.circuitsBuilt).toBeGreaterThan(0)
    useCurves(nobleCurves)
    expect(await simulateScale({ aead: nobleAead, options })).toEqual(toy)
  }, 120_000)
})

describe('measures of a simulation', () => {
  it('sums up values, and tells how evenly a load is spread', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(distribution(values)).toEqual({ count: 100, mean: 50.5, least: 1, median: 50, p95: 95, most: 100 })
    expect(gini([5, 5, 5, 5])).toBeCloseTo(0)
    expect(gini([0, 0, 0, 8])).toBeCloseTo(0.75)
    expect(gini([1, 3])).toBeCloseTo(0.25)
  })
})
