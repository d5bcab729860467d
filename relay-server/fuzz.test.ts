import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleCurves, useCurves } from '../shared/crypto/curves.ts'
import { FuzzWorld } from '../shared/sim/fuzz/fuzz-world.fixture.ts'
import { sodiumAead } from './crypto/sodium-aead.ts'
import { sodiumCurves } from './crypto/sodium-curves.ts'

// A short part, the same every time, of what `npx tsx bench/fuzz.ts` runs for millions of packets (docs/hostile-peers.md).
describe('a relay and an owner under mutated packets (N-09, N-11)', () => {
  beforeAll(() => useCurves(sodiumCurves))
  afterAll(() => useCurves(nobleCurves))

  it.each([2, 3, 4])('lets no exception out, and valid traffic on (seed %i)', (seed) => {
    const world = new FuzzWorld(seed, sodiumAead)
    const result = world.run(15_000)
    expect(result.escaped).toEqual([])
    // What machines catch of their own faults, so that a relay lives on, is a fault all the same.
    expect(result.counters).not.toHaveProperty('router-fault')
    expect(result.counters).not.toHaveProperty('circuit-fault')
    // Before the keys are proved, at the seal, and behind it.
    for (const reached of [
      'datagram-auth-unexpected',
      'datagram-seal',
      'control-refused',
      'signal-malformed',
    ])
      expect(result.counters).toHaveProperty(reached)
    expect(result.counters).toHaveProperty('forward-session')
    // Before an address is proved, and at the token behind it.
    for (const reached of ['ipv8-dht-asker-unproven', 'ipv8-dht-token']) {
      expect(result.counters).toHaveProperty(reached)
    }
    expect(result.honestSent).toBeGreaterThan(600)
    expect(result.honestBack).toBe(result.honestSent)
    expect(result.honestLost).toBe(0)
  })

  it('keeps the tables that strangers fill within their bounds', () => {
    const world = new FuzzWorld(5, sodiumAead)
    world.run(5_000)
    const before = world.sizes()
    world.run(15_000)
    const after = world.sizes()
    expect(after.peers).toBeLessThanOrEqual(30)
    expect(after.walkable).toBeLessThanOrEqual(200)
    expect(after.links).toBeLessThanOrEqual((before.links ?? 0) + 5)
    expect(after.dhtOpen).toBeLessThanOrEqual(256)
    expect(after.dhtValues).toBeLessThanOrEqual(200)
  })
})
