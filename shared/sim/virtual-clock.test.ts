import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('virtual clock (O-02)', () => {
  it('runs timers in order of time, then of setting, at exactly their time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 60 }), (delays) => {
        const clock = new VirtualClock()
        const ran: [number, number][] = []
        delays.forEach((delay, i) => {
          clock.after(delay, () => ran.push([clock.now(), i]))
        })
        clock.advance(50)
        const expected = delays.map((delay, i): [number, number] => [delay, i])
        expected.sort(([a, i], [b, j]) => a - b || i - j)
        expect(ran).toEqual(expected)
        expect(clock.now()).toBe(50)
      }),
    )
  })

  it('does not run what was cancelled, nor what is not due', () => {
    const clock = new VirtualClock(1000)
    const ran: string[] = []
    const cancelled = clock.after(5, () => ran.push('cancelled'))
    clock.after(10, () => ran.push('due'))
    clock.after(10.5, () => ran.push('later'))
    cancelled.cancel()
    clock.advance(10)
    expect(ran).toEqual(['due'])
    expect(clock.wall()).toBe(1010)
    expect(clock.idle).toBe(false)
    clock.advance(1)
    expect(ran).toEqual(['due', 'later'])
    expect(clock.idle).toBe(true)
  })

  it('runs timers that timers set, and stops where the predicate holds', () => {
    const clock = new VirtualClock()
    let ticks = 0
    const tick = () => {
      ticks++
      clock.after(10, tick)
    }
    clock.after(10, tick)
    expect(clock.runUntil(() => ticks === 5, 1000)).toBe(true)
    expect(clock.now()).toBe(50)
    expect(clock.runUntil(() => ticks === 1000, 100)).toBe(false)
    expect([ticks, clock.now()]).toEqual([15, 150])
  })

  it('lets promises settle between timers', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve))
    const work = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10)
        seen.push(clock.now())
      }
    })()
    expect(await clock.runUntilAsync(() => seen.length === 3, 100)).toBe(true)
    await work
    expect(seen).toEqual([10, 20, 30])
  })
})

describe('seeded chance (O-02)', () => {
  it('is the same for the same seed, and another for another', () => {
    const bytes = new SeededRandom(7).bytes(33)
    expect(new SeededRandom(7).bytes(33)).toEqual(bytes)
    expect(new SeededRandom(8).bytes(33)).not.toEqual(bytes)
  })

  it('is spread evenly', () => {
    const counts = new Array<number>(256).fill(0)
    for (const byte of new SeededRandom(3).bytes(256 * 400)) counts[byte]!++
    const chiSquare = counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0)
    // 255 degrees of freedom: 99.9 % of fair sources lie between these.
    expect(chiSquare).toBeGreaterThan(190)
    expect(chiSquare).toBeLessThan(330)
  })
})
