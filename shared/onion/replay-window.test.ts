import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_COUNTER, REPLAY_WINDOW } from './constants.ts'
import { ReplayWindow } from './replay-window.ts'

function take(window: ReplayWindow, counter: number): boolean {
  if (!window.isFresh(counter)) return false
  window.accept(counter)
  return true
}

describe('replay window (C-02; stricter than py-ipv8, which has none)', () => {
  it('takes an owner that starts at 2 and one that starts at 3', () => {
    for (const first of [2, 3]) {
      const window = new ReplayWindow()
      expect([take(window, first), take(window, first), take(window, first + 1)]).toEqual([true, false, true])
    }
  })

  it('takes what comes late within the window, and nothing older', () => {
    const window = new ReplayWindow()
    take(window, 10_000)
    expect(take(window, 10_001 - REPLAY_WINDOW)).toBe(true)
    expect(take(window, 10_000 - REPLAY_WINDOW)).toBe(false)
  })

  it('follows far jumps, and has forgotten nothing that still counts', () => {
    const window = new ReplayWindow()
    for (const counter of [5, 5 + 4096, 2 ** 40, 2 ** 52]) expect(take(window, counter)).toBe(true)
    for (const counter of [5, 5 + 4096, 2 ** 40, 2 ** 52]) expect(take(window, counter)).toBe(false)
    expect(take(window, 2 ** 52 - 1)).toBe(true)
  })

  it('refuses counters that a double cannot hold', () => {
    const window = new ReplayWindow()
    expect(window.isFresh(MAX_COUNTER)).toBe(false)
    expect(window.isFresh(2 ** 60)).toBe(false)
  })

  it('agrees with a plain set, whatever the order (property)', () => {
    const step = fc.oneof(fc.integer({ min: -3000, max: 60 }), fc.integer({ min: 0, max: 10_000 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const window = new ReplayWindow()
        const seen = new Set<number>()
        let highest = 0
        for (const by of steps) {
          const counter = Math.max(0, highest + by)
          const fresh = !seen.has(counter) && (seen.size === 0 || highest - counter < REPLAY_WINDOW)
          expect(take(window, counter)).toBe(fresh)
          if (fresh) {
            seen.add(counter)
            highest = Math.max(highest, counter)
          }
        }
      }),
    )
  })
})
