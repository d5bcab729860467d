import { describe, expect, it } from 'vitest'
import { NodeClock } from './node-clock.ts'
import { NodeRandom } from './node-random.ts'

describe('the relay in real time', () => {
  it('never runs a timer early', async () => {
    const clock = new NodeClock()
    const early: number[] = []
    const runs = [0, 0.5, 1, 1.2, 3].map(
      (delayMs) =>
        new Promise<void>((resolve) => {
          const start = clock.now()
          clock.after(delayMs, () => {
            if (clock.now() - start < delayMs) early.push(delayMs)
            resolve()
          })
        }),
    )
    await Promise.all(runs)
    expect(early).toEqual([])
  })

  it('does not run what was cancelled', async () => {
    const clock = new NodeClock()
    const ran: number[] = []
    for (const delayMs of [0, 1]) clock.after(delayMs, () => ran.push(delayMs)).cancel()
    await new Promise<void>((resolve) => {
      clock.after(5, resolve)
    })
    expect(ran).toEqual([])
  })
})

describe('the relay by chance', () => {
  it('hands out fresh bytes that are the caller’s own', () => {
    const random = new NodeRandom()
    const seen = new Set<string>()
    for (let i = 0; i < 2_000; i++) {
      const bytes = random.bytes(16)
      expect(bytes.buffer.byteLength).toBe(16)
      seen.add(bytes.join())
    }
    expect(seen.size).toBe(2_000)
  })

  it('serves requests of any length', () => {
    const random = new NodeRandom()
    for (const length of [0, 1, 1_023, 1_024, 1_025, 20_000])
      expect(random.bytes(length)).toHaveLength(length)
  })
})
