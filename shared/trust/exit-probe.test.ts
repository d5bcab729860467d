import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleCurves, useCurves } from '../crypto/curves.ts'
import { toyCurves } from '../sim/toy-crypto.ts'
import { type Lies, ProbeWorld } from './exit-probe.fixture.ts'
import type { Misbehaviour } from './verdict.ts'

// Days of probes: with real curves they would take an hour.
beforeAll(() => useCurves(toyCurves))
afterAll(() => useCurves(nobleCurves))

/** Who else was caught, or is held suspect. */
const others = (world: ProbeWorld) =>
  [...world.caught, ...world.suspects()].filter((each) => !each.startsWith('liar'))

/** Ten honest relays, of which six are exits, and one that is not; a share of the packets is lost on every link. */
function worldWith(lies: Lies, exit: boolean, seed: number, loss: number): ProbeWorld {
  const world = new ProbeWorld(seed, loss)
  for (let i = 0; i < 10; i++) world.add(`honest ${i}`, {}, i < 6)
  world.add('liar', lies, exit)
  return world
}

describe('probes of relays that lie (issue 4, D-06)', { timeout: 120_000 }, () => {
  it.each<[string, Misbehaviour, number, Lies, boolean]>([
    ['sends from another address than it claims', 'wrong-address', 10, { leavesFrom: '203.0.113.9' }, true],
    ['changes a byte of one datagram in three that go out', 'altered-data', 10, { altersOut: 1 / 3 }, true],
    ['changes a byte of one datagram in three that return', 'altered-data', 10, { altersBack: 1 / 3 }, true],
    ['drops 30 % of what goes out', 'dropped-data', 40, { dropsOut: 0.3 }, true],
    ['drops 30 % of what returns', 'dropped-data', 40, { dropsBack: 0.3 }, true],
    ['drops 30 % of the cells, as a relay between others', 'dropped-data', 16, { dropsCells: 0.3 }, false],
    ['answers, and kills circuits that carry', 'probe-only', 16, { killsAfter: 14 }, true],
    ['answers, and kills circuits that it relays', 'probe-only', 16, { killsAfter: 20 }, false],
    ['carries nothing out', 'probe-only', 16, { dropsOut: 1 }, true],
    ['changes a byte of what streams bring back', 'altered-data', 10, { altersStreams: 1 }, true],
    ['opens no stream, though it says so', 'probe-only', 48, { refusesStreams: true }, true],
    ['serves relays, and nobody else', 'probe-only', 24, { dropsStrangers: 1 }, true],
    ['promises fifty times what it carries', 'over-promised', 48, { promises: 5e6, carries: 1e5 }, true],
  ])('name one that %s, and nobody else: %s after %i circuits at most', (_, kind, most, lies, exit) => {
    for (const loss of [0, 0.05]) {
      const world = worldWith(lies, exit, 1, loss)
      expect(world.untilNamed('liar', kind, 96)).toBe(true)
      expect(world.probesOf('liar')).toBeLessThanOrEqual(most)
      expect(others(world)).toEqual([])
    }
  })

  it('name nobody of twenty honest ones in 200 hours, though every link loses 5 %', {
    timeout: 300_000,
  }, () => {
    const world = new ProbeWorld(5, 0.05)
    for (let i = 0; i < 20; i++) world.add(`honest ${i}`, {}, i < 12)
    world.hours(200)
    expect([...world.caught, ...world.suspects()]).toEqual([])
    for (const { name } of world.relays) {
      const { ok = 0, failed = 0 } = world.circuitsOf.get(name) ?? {}
      expect(ok).toBeGreaterThan(30)
      expect(failed / ok).toBeLessThan(0.05)
    }
    for (const { promised, measured } of world.bandwidths) expect(measured).toBeGreaterThan(promised / 2)
  })

  it('do not take the word of bad hops against good relays', () => {
    const world = new ProbeWorld(9, 0.02)
    for (let i = 0; i < 9; i++) world.add(`honest ${i}`, {}, i < 5)
    // They spoil what they relay, and answer for themselves as they should.
    for (let i = 0; i < 3; i++) world.add(`liar ${i}`, { dropsCells: 0.5 }, false)
    world.hours(24)
    expect(others(world)).toEqual([])
    for (let i = 0; i < 3; i++) expect(world.caught.some((each) => each.startsWith(`liar ${i} `))).toBe(true)
  })

  it('hold nothing against one whom half of the others cannot reach, nor against these', () => {
    const world = new ProbeWorld(3, 0.02)
    world.add('far')
    for (let i = 0; i < 10; i++) world.add(`near ${i}`, i < 5 ? { cannotReach: 'far' } : {}, i % 2 === 0)
    world.hours(48)
    expect([...world.caught, ...world.suspects()]).toEqual([])
    expect(world.circuitsOf.get('far')?.ok).toBeGreaterThan(10)
    expect(world.circuitsOf.get('far')?.failed ?? 0).toBeLessThan(5)
  })

  it('hold nothing against exits while nobody can reach the echo', () => {
    const world = new ProbeWorld(2, 0)
    for (let i = 0; i < 8; i++) world.add(`honest ${i}`)
    world.echoOpen = false
    world.hours(48)
    expect(world.counters.get('probe-trials')).toBeGreaterThan(50)
    expect([...world.caught, ...world.suspects()]).toEqual([])
  })

  it('do not call one that is switched off a liar, though its circuits fail', () => {
    const world = worldWith({ off: true }, true, 3, 0)
    world.hours(48)
    expect(world.caught).toEqual([])
    expect(world.circuitsOf.get('liar')?.ok).toBe(0)
    expect(world.circuitsOf.get('liar')?.failed).toBeGreaterThan(5)
  })

  it('stay within what a day may cost', () => {
    const world = new ProbeWorld(4, 0, { bytesPerDay: 2_000_000 })
    for (let i = 0; i < 12; i++) world.add(`honest ${i}`)
    world.hours(24)
    expect(world.counters.get('probe-budget')).toBeGreaterThan(0)
    expect(world.counters.get('probe-trials')).toBeLessThan(60)
    expect(world.counters.get('probe-trials')).toBeGreaterThan(8)
  })

  it('end with the relay that runs them', () => {
    const world = new ProbeWorld(6, 0)
    for (let i = 0; i < 6; i++) world.add(`honest ${i}`)
    world.hours(1)
    world.probes.stop()
    const before = world.counters.get('probe-trials')
    world.clock.advance(24 * 3_600_000)
    expect(world.counters.get('probe-trials')).toBe(before)
  })
})
