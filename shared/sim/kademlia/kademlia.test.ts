import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleCurves, useCurves } from '../../crypto/curves.ts'
import { toyCurves } from '../toy-crypto.ts'
import { type ChurnFigures, simulateChurn } from './churn-run.ts'
import { simulateSybils } from './sybil-run.ts'

beforeAll(() => useCurves(toyCurves))
afterAll(() => useCurves(nobleCurves))

// The whole of it, with 10,000 nodes and more, is bench/kademlia.ts.

const settlingMs = 120_000
/** Of real time, on a machine with much else to do. */
const LONG_MS = 120_000

describe('a DHT of nodes that come and go (K-02 to K-05)', () => {
  let figures: ChurnFigures
  beforeAll(() => {
    figures = simulateChurn({
      nodes: 150,
      hours: 1 / 6,
      lookups: 100,
      churnPerHour: 0.3,
      settlingMs,
      seed: 1,
    })
  }, LONG_MS)

  it('finds the nodes that are closest', () => {
    expect(figures.findNode.lookups).toBeGreaterThan(90)
    expect(figures.findNode.share).toBeGreaterThanOrEqual(0.99)
  })

  it.each(['peers', 'immutable', 'mutable'] as const)(
    'finds what nodes that are there have left: %s',
    (kind) => {
      expect(figures.contents[kind].lookups).toBeGreaterThan(80)
      expect(figures.contents[kind].share).toBeGreaterThanOrEqual(0.99)
    },
  )
})

describe('hostile nodes around what is looked for (K-06: Sybils)', () => {
  it('are in the way, and it is found', { timeout: LONG_MS }, () => {
    const [free, bound] = simulateSybils({
      nodes: 100,
      cases: [
        { share: 0.1, ids: 'free', perNetwork: 1 },
        { share: 0.25, ids: 'bound', perNetwork: 1 },
      ],
      trials: 3,
      lookups: 20,
      settlingMs,
      seed: 2,
    })
    expect(free?.all.lookups).toBeGreaterThan(50)
    expect(free?.all.share).toBeGreaterThanOrEqual(0.99)
    expect(bound?.all.lookups).toBeGreaterThan(50)
    expect(bound?.all.share).toBeGreaterThanOrEqual(0.95)
  })
})
