import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { OVERLAY_ASK_MS, OverlayWatch } from './overlay-watch.ts'
import type { OverlayState } from './site-document.ts'

function watched(first: OverlayState) {
  const clock = new VirtualClock()
  const world = { says: first as OverlayState | 'nothing', asked: 0, changes: 0, needed: true }
  const watch = new OverlayWatch({
    clock,
    ask: async () => {
      world.asked++
      if (world.says === 'nothing') throw new TypeError('offline')
      return world.says
    },
    needed: () => world.needed,
    changed: () => world.changes++,
  })
  watch.start(first)
  return { clock, world, watch }
}

describe('a site that is cut off from the overlay (N-06)', () => {
  it('is asked each 30 s, and is well again when it says so', async () => {
    const { clock, world, watch } = watched('degraded')
    expect(watch.degraded).toBe(true)
    await clock.advanceAsync(3 * OVERLAY_ASK_MS)
    expect(world.asked).toBe(3)
    world.says = 'joined'
    await clock.advanceAsync(OVERLAY_ASK_MS + 1)
    expect(watch.degraded).toBe(false)
    expect(world.changes).toBe(2)
  })

  it('is noticed later, too, but not asked while a circuit serves', async () => {
    const { clock, world, watch } = watched('joined')
    world.needed = false
    await clock.advanceAsync(10 * OVERLAY_ASK_MS)
    expect(world.asked).toBe(0)
    world.needed = true
    world.says = 'degraded'
    await clock.advanceAsync(OVERLAY_ASK_MS + 1)
    expect(watch.degraded).toBe(true)
  })

  it('stays what it was while it does not answer', async () => {
    const { clock, world, watch } = watched('degraded')
    world.says = 'nothing'
    await clock.advanceAsync(OVERLAY_ASK_MS + 1)
    expect(watch.degraded).toBe(true)
    watch.stop()
    await clock.advanceAsync(5 * OVERLAY_ASK_MS)
    expect(world.asked).toBe(1)
  })
})
