import { afterEach, describe, expect, it } from 'vitest'
import { type Curves, nobleCurves, useCurves } from '../shared/crypto/curves.ts'
import { FLOOD_RATE, FLOOD_SECONDS, FLOODS, FloodWorld } from '../shared/sim/fuzz/floods.fixture.ts'
import { sodiumAead } from './crypto/sodium-aead.ts'
import { sodiumCurves } from './crypto/sodium-curves.ts'

/** Signatures made or checked and key agreements computed, of which each costs as much as many cells. */
function counting(): { curves: Curves; costly: () => number } {
  let costly = 0
  const counted =
    <A extends readonly unknown[], R>(compute: (...args: A) => R) =>
    (...args: A): R => {
      costly++
      return compute(...args)
    }
  const { name, ed25519Public } = sodiumCurves
  const curves: Curves = {
    name,
    ed25519Public,
    x25519Public: counted(sodiumCurves.x25519Public),
    x25519Shared: counted(sodiumCurves.x25519Shared),
    sign: counted(sodiumCurves.sign),
    verify: counted(sodiumCurves.verify),
  }
  return { curves, costly: () => costly }
}

/** Costly operations a second that one source may cause: at 60 microseconds each, half a hundredth of a core. */
const COSTLY_PER_SECOND = 80

describe('floods from one source (N-11; C-01)', () => {
  afterEach(() => useCurves(nobleCurves))

  it.each(FLOODS)('$name: little is computed for them, and no more is sent than they bring', (flood) => {
    useCurves(sodiumCurves)
    const world = new FloodWorld(sodiumAead)
    const packets = flood.packets(world, FLOOD_RATE * FLOOD_SECONDS)
    world.source.bytes = 0
    world.others.bytes = 0
    const { curves, costly } = counting()
    useCurves(curves)
    world.flood(packets)
    expect(costly()).toBeLessThanOrEqual(COSTLY_PER_SECOND * FLOOD_SECONDS)
    const brought = packets.reduce((sum, packet) => sum + packet.length, 0)
    expect(world.source.bytes + world.others.bytes).toBeLessThanOrEqual(brought)
  })

  it('leave an honest circuit, and a stranger from elsewhere, served', () => {
    useCurves(sodiumCurves)
    for (const flood of FLOODS) {
      const world = new FloodWorld(sodiumAead)
      const circuit = world.honest()
      world.flood(flood.packets(world, 2_000))
      expect(circuit.state, flood.name).toBe('ready')
      expect(world.honest().state, flood.name).toBe('ready')
    }
  })
})
