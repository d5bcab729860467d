import { describe, expect, it } from 'vitest'
import { BrowserClock } from './browser-clock.ts'
import { BrowserRandom } from './browser-random.ts'

function passes(clock: BrowserClock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

describe('the page in real time', () => {
  it('never runs a timer early', async () => {
    const clock = new BrowserClock()
    const early: number[] = []
    await Promise.all(
      [0, 0.5, 1, 1.2, 3].map(async (delayMs) => {
        const start = clock.now()
        await passes(clock, delayMs)
        if (clock.now() - start < delayMs) early.push(delayMs)
      }),
    )
    expect(early).toEqual([])
  })

  it('runs what is due at once in order, each once, and what that sets later', async () => {
    const clock = new BrowserClock()
    const ran: string[] = []
    clock.after(0, () => {
      ran.push('first')
      clock.after(0, () => ran.push('third'))
    })
    clock.after(0, () => ran.push('second'))
    await passes(clock, 5)
    expect(ran).toEqual(['first', 'second', 'third'])
  })

  it('does not run what was cancelled, however late', async () => {
    const clock = new BrowserClock()
    const ran: string[] = []
    for (const delayMs of [0, 1]) clock.after(delayMs, () => ran.push('cancelled')).cancel()
    clock.after(0, () => neighbour.cancel())
    const neighbour = clock.after(0, () => ran.push('cancelled in its own turn'))
    clock.after(0, () => ran.push('kept'))
    await passes(clock, 5)
    expect(ran).toEqual(['kept'])
  })
})

describe('the page by chance', () => {
  it('hands out fresh bytes that are the caller’s own', () => {
    const random = new BrowserRandom()
    const seen = new Set<string>()
    for (let i = 0; i < 1_000; i++) {
      const bytes = random.bytes(16)
      expect(bytes.buffer.byteLength).toBe(16)
      seen.add(bytes.join())
    }
    expect(seen.size).toBe(1_000)
  })

  it('serves requests of any length, with chance to their end', () => {
    const random = new BrowserRandom()
    for (const length of [0, 1, 4_095, 4_096, 4_097, 150_000]) {
      const bytes = random.bytes(length)
      expect(bytes).toHaveLength(length)
      if (length > 100) expect(bytes.subarray(-50).some((byte) => byte !== 0)).toBe(true)
    }
  })
})
