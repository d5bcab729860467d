import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MISBEHAVIOUR_POINTS, REPUTATION_DEFAULTS } from './constants.ts'
import { newConduct, ReputationRules } from './reputation.ts'
import { fading, newTally, observe, shareOf, weightOf } from './tally.ts'
import { MISBEHAVIOURS } from './verdict.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = 1_790_000_000_000
const rules = new ReputationRules()

describe('tallies of observations (D-10)', () => {
  const rule = { halfLifeMs: DAY, maxWeight: 10, spacingMs: 1_000 }

  it('fade by half in a half-life', () => {
    const tally = newTally()
    observe(tally, 1, 1, START, rule)
    observe(tally, 0, 1, START + DAY, rule)
    expect(tally.good).toBeCloseTo(0.5)
    expect(tally.bad).toBe(1)
    expect(fading(-DAY, DAY)).toBe(1)
    expect(fading(2 * DAY, DAY)).toBe(0.25)
  })

  it('let no single observation, no burst and no long past count for much', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double(), fc.double(), fc.nat(5_000)), { maxLength: 100 }),
        (observations) => {
          const tally = newTally()
          let nowMs = START
          for (const [goodness, weight, passedMs] of observations) {
            nowMs += passedMs
            const before = shareOf(tally, 0.5, 4)
            observe(tally, goodness, weight, nowMs, rule)
            expect(Math.abs(shareOf(tally, 0.5, 4) - before)).toBeLessThanOrEqual(0.2)
            expect(weightOf(tally)).toBeLessThanOrEqual(rule.maxWeight + 1e-9)
            expect(tally.good).toBeGreaterThanOrEqual(0)
            expect(tally.bad).toBeGreaterThanOrEqual(0)
          }
        },
      ),
    )
    const burst = newTally()
    for (let i = 0; i < 20; i++) observe(burst, 0, 1, START, rule)
    expect(weightOf(burst)).toBe(1)
  })
})

describe('reputation over time (D-10)', () => {
  it('is neutral for a new relay, whatever the hour', () => {
    const judged = rules.judge(newConduct(), START)
    expect(judged).toMatchObject({ value: 0.5, points: 0, suspect: false, blocked: false })
    expect(judged.reasons).toEqual(['few-observations'])
  })

  it('rises with days of good service, and is forgotten in weeks', () => {
    const conduct = newConduct()
    let nowMs = START
    const values: number[] = []
    for (let day = 0; day < 10; day++) {
      for (let i = 0; i < 6; i++) {
        nowMs += 4 * HOUR
        rules.circuit(conduct, true, 1, nowMs)
        rules.answered(conduct, true, nowMs)
        rules.bandwidth(conduct, 1e6, 8e5, nowMs)
      }
      values.push(rules.judge(conduct, nowMs).value)
    }
    expect(values[0]).toBeGreaterThan(0.7)
    expect(values[9]).toBeGreaterThan(0.9)
    expect([...values].sort((a, b) => a - b)).toEqual(values)
    expect(rules.judge(conduct, nowMs).reasons).toEqual(['circuits-work', 'keeps-promise', 'long-up'])
    expect(rules.judge(conduct, nowMs + 60 * DAY).value).toBeLessThan(0.6)
  })

  it('calls suspect who answers questions and carries nothing, by name', () => {
    const conduct = newConduct()
    for (let i = 1; i <= 3; i++) {
      rules.answered(conduct, true, START + i * HOUR)
      rules.circuit(conduct, false, 1, START + i * HOUR)
    }
    const judged = rules.judge(conduct, START + 3 * HOUR)
    expect(judged.suspect).toBe(true)
    expect(judged.reasons).toContain('circuits-fail')
    expect(judged.reasons).toContain('probe-only')
    // It is left in peace and gets another chance.
    expect(rules.judge(conduct, START + 9 * DAY).suspect).toBe(false)
  })

  it('does not call one suspect because our own line was down for twenty minutes', () => {
    const conduct = newConduct()
    for (let second = 0; second < 1_200; second += 2) rules.circuit(conduct, false, 1, START + second * 1_000)
    expect(rules.judge(conduct, START + 1_200_000).suspect).toBe(false)
  })

  it('does not call one suspect that loses one circuit in twenty, in 200 hours', () => {
    const conduct = newConduct()
    for (let i = 1; i <= 800; i++) {
      const nowMs = START + (i * HOUR) / 4
      rules.circuit(conduct, i % 20 !== 0, 1, nowMs)
      if (i % 16 === 0) rules.answered(conduct, i % 320 !== 0, nowMs)
      expect(rules.judge(conduct, nowMs).suspect).toBe(false)
    }
    expect(rules.judge(conduct, START + 200 * HOUR).value).toBeGreaterThan(0.7)
  })

  it('makes a broken promise cost, and a kept one mend it', () => {
    const conduct = newConduct()
    rules.bandwidth(conduct, 50e6, 1e6, START)
    expect(rules.judge(conduct, START)).toMatchObject({ suspect: false })
    expect(rules.judge(conduct, START).reasons).toContain('over-promised')
    rules.bandwidth(conduct, 50e6, 1e6, START + 6 * HOUR)
    expect(rules.judge(conduct, START + 6 * HOUR).suspect).toBe(true)
    rules.bandwidth(conduct, 1e6, 9e5, START + 12 * HOUR)
    expect(rules.judge(conduct, START + 12 * HOUR).suspect).toBe(false)
    const half = newConduct()
    for (let i = 0; i < 9; i++) rules.bandwidth(half, 1e6, 2e5, START + i * HOUR)
    expect(rules.judge(half, START + 9 * HOUR).value).toBeLessThan(0.5)
    expect(rules.judge(half, START + 9 * HOUR).points).toBe(0)
  })

  it('takes no nonsense for a measurement', () => {
    for (const [promised, measured] of [
      [0, 5],
      [Number.NaN, 5],
      [5, Number.NaN],
      [-1, 5],
      [5, -1],
    ] as const) {
      const conduct = newConduct()
      rules.bandwidth(conduct, promised, measured, START)
      expect(rules.judge(conduct, START).value).toBe(0.5)
    }
  })

  it('halves with each point of misbehaviour; twice altered data is blocked', () => {
    const conduct = newConduct()
    rules.caught(conduct, 'altered-data', START)
    const once = rules.judge(conduct, START)
    expect(once).toMatchObject({ suspect: true, blocked: false, points: 3 })
    expect(once.value).toBeCloseTo(0.5 / 8)
    expect(once.reasons).toContain('altered-data')
    rules.caught(conduct, 'altered-data', START + HOUR)
    expect(rules.judge(conduct, START + HOUR).blocked).toBe(true)
    expect(rules.judge(conduct, START + 30 * DAY).blocked).toBe(false)
    expect(rules.judge(conduct, START + 30 * DAY).suspect).toBe(true)
    expect(rules.judge(conduct, START + 300 * DAY).suspect).toBe(false)
  })

  it('a single case of any kind blocks nobody, and what is kept of many is bounded', () => {
    for (const kind of MISBEHAVIOURS) {
      const conduct = newConduct()
      rules.caught(conduct, kind, START)
      expect(rules.judge(conduct, START).blocked).toBe(false)
      expect(rules.judge(conduct, START).reasons).toContain(kind)
      for (let i = 0; i < 100; i++) rules.caught(conduct, kind, START)
      expect(rules.judge(conduct, START).points).toBe(REPUTATION_DEFAULTS.maxPoints)
      const { halfLifeMs } = MISBEHAVIOUR_POINTS[kind]
      expect(rules.judge(conduct, START + halfLifeMs).points).toBeCloseTo(REPUTATION_DEFAULTS.maxPoints / 2)
    }
  })

  it('is never outside 0 to 1, whatever is told of it', () => {
    const step = fc.oneof(
      fc.tuple(fc.constant('circuit' as const), fc.boolean(), fc.double()),
      fc.tuple(fc.constant('bandwidth' as const), fc.double(), fc.double()),
      fc.tuple(fc.constant('answered' as const), fc.boolean(), fc.constant(0)),
      fc.tuple(fc.constant('caught' as const), fc.constantFrom(...MISBEHAVIOURS), fc.constant(0)),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.integer({ min: -DAY, max: DAY }))), (steps) => {
        const conduct = newConduct()
        let nowMs = START
        for (const [[what, a, b], passedMs] of steps) {
          nowMs += passedMs
          if (what === 'circuit') rules.circuit(conduct, a, b, nowMs)
          if (what === 'bandwidth') rules.bandwidth(conduct, a, b, nowMs)
          if (what === 'answered') rules.answered(conduct, a, nowMs)
          if (what === 'caught') rules.caught(conduct, a, nowMs)
          const { value } = rules.judge(conduct, nowMs)
          expect(value >= 0 && value <= 1).toBe(true)
        }
      }),
    )
  })
})
