import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { mayShareCircuit, NETWORK_BITS, networkOf, type PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { Reliability } from './reliability.ts'
import { type Hops, selectPath } from './select.ts'

function select(entry: PathRelay, relays: readonly PathRelay[], hops: Hops, more = {}) {
  return selectPath({
    entry,
    hops,
    relays,
    networkBits: NETWORK_BITS,
    factor: () => 1,
    avoid: [],
    random: new SeededRandom(7),
    ...more,
  })
}

describe('path selection (C-03, C-06)', () => {
  const entry = testRelay('entry', '203.0.113.1')
  const middle = testRelay('middle', '198.51.100.1')
  const exit = testRelay('exit', '192.0.2.1', { exit: true })

  it('puts the entry first and an exit last', () => {
    expect(select(entry, [entry, middle, exit], 3)).toEqual([entry, middle, exit])
    expect(select(entry, [entry, middle, exit], 2)).toEqual([entry, exit])
    expect(select(exit, [entry, middle, exit], 1)).toEqual([exit])
  })

  it('says what is missing', () => {
    expect(select(entry, [entry, middle, exit], 1)).toBe('no-exit')
    expect(select(entry, [entry, middle], 3)).toBe('no-exit')
    expect(select(entry, [entry, exit], 3)).toBe('no-relay')
  })

  it('never takes two relays of one network or one family, whatever the directory', () => {
    const relay = fc.record({
      a: fc.integer({ min: 1, max: 3 }),
      b: fc.integer({ min: 0, max: 2 }),
      family: fc.constantFrom('', 'x', 'y'),
      exit: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(relay, { minLength: 1, maxLength: 10 }), fc.nat(), (specs, seed) => {
        const relays = specs.map((spec, i) =>
          testRelay(`r${i}`, `${spec.a}.${spec.b}.0.${i}`, { family: spec.family, exit: spec.exit }),
        )
        const path = select(relays[0] as PathRelay, relays, 3, { random: new SeededRandom(seed) })
        if (typeof path === 'string') return
        expect(path).toHaveLength(3)
        expect(path[2]?.exit).toBe(true)
        for (const one of path) {
          for (const other of path) {
            if (one !== other) expect(mayShareCircuit(one, other, NETWORK_BITS)).toBe(true)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('finds the one path there is, even if the first exit it draws leads nowhere', () => {
    const family = 'one operator'
    const last = testRelay('last', '192.0.2.1', { exit: true, family })
    const dead = testRelay('no middle fits', '198.51.100.9', { exit: true, family, bytesPerSecond: 5e7 })
    expect(select(entry, [entry, dead, middle, last], 3)).toEqual([entry, middle, last])
  })

  it('draws by bandwidth, but not beyond what a relay may promise', () => {
    const slow = testRelay('slow', '192.0.3.1', { exit: true, bytesPerSecond: 100_000 })
    const boaster = testRelay('boaster', '192.1.2.1', { exit: true, bytesPerSecond: 4e9 })
    const fast = testRelay('fast', '192.2.2.1', { exit: true, bytesPerSecond: 4_000_000 })
    const drawn = draw([slow, boaster, fast])
    expect(drawn('slow')).toBeGreaterThan(5)
    expect(drawn('slow')).toBeLessThan(60)
    expect(drawn('boaster') / drawn('fast')).toBeCloseTo(1, 0)
  })

  it('gives a relay that promises the world a few times the share of those that promise nothing', () => {
    const boaster = testRelay('boaster', '192.1.2.1', { exit: true, bytesPerSecond: 0xffff_ffff })
    const honest = Array.from({ length: 8 }, (_, i) =>
      testRelay('honest', `192.${i + 2}.2.1`, { exit: true }),
    )
    const drawn = draw([boaster, ...honest])
    expect(drawn('boaster')).toBeGreaterThan(2_000 / 9)
    expect(drawn('boaster')).toBeLessThan(2_000 / 2)
  })

  it('avoids relays of the other circuits while there are others', () => {
    const other = testRelay('other', '192.5.2.1', { exit: true })
    const random = new SeededRandom(4)
    for (let i = 0; i < 50; i++) {
      expect(select(entry, [entry, exit, other], 2, { random, avoid: [exit] })).toEqual([entry, other])
    }
    expect(select(entry, [entry, exit], 2, { avoid: [exit] })).toEqual([entry, exit])
  })

  it('masks networks by the bits asked for', () => {
    const bits = { ipv4: 12, ipv6: 32 }
    expect(networkOf(testRelay('a', '10.31.0.1').address, bits)).toBe('ipv4 0a100000')
    expect(networkOf(testRelay('a', '2001:db8:1::').address, bits)).toBe(`ipv6 20010db8${'0'.repeat(24)}`)
    expect(networkOf(testRelay('a', '127.0.0.1').address, { ipv4: 32, ipv6: 128 })).toBe('ipv4 7f000001')
  })
})

/** How often each is the exit of 2,000 paths. */
function draw(exits: PathRelay[]): (name: string) => number {
  const entry = testRelay('entry', '203.0.113.1')
  const random = new SeededRandom(3)
  const drawn = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    const path = select(entry, [entry, ...exits], 2, { random })
    const name = typeof path === 'string' ? path : (path[1]?.name as string)
    drawn.set(name, (drawn.get(name) ?? 0) + 1)
  }
  return (name) => drawn.get(name) ?? 0
}

describe('reliability (C-06, N-12)', () => {
  it('sinks a relay that failed, and forgives it with time', () => {
    const clock = new VirtualClock()
    const reliability = new Reliability(clock)
    const relay = testRelay('relay', '192.0.2.7')
    expect(reliability.factor(relay)).toBe(1)
    for (let i = 0; i < 4; i++) reliability.failed(relay)
    expect(reliability.factor(relay)).toBeLessThan(0.01)
    clock.advance(61_000)
    const rested = reliability.factor(relay)
    expect(rested).toBeGreaterThan(0.05)
    expect(rested).toBeLessThan(0.5)
    clock.advance(3_600_000)
    expect(reliability.factor(relay)).toBeGreaterThan(0.7)
  })

  it('lifts the rest at the first success', () => {
    const reliability = new Reliability(new VirtualClock())
    const relay = testRelay('relay', '192.0.2.8')
    reliability.failed(relay)
    reliability.succeeded(relay)
    expect(reliability.factor(relay)).toBeGreaterThan(0.4)
  })
})
