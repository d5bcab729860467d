import { describe, expect, it } from 'vitest'
import { doubledPause, listedPause, RetrySchedule } from './retry.ts'

describe('retries of control messages (N-04)', () => {
  it('waits 100 ms first, twice as long each time, and sends five times', () => {
    const schedule = new RetrySchedule()
    expect([1, 2, 3, 4, 5, 6].map((tries) => schedule.delayAfter(tries))).toEqual([
      100,
      200,
      400,
      800,
      undefined,
      undefined,
    ])
  })

  it('never waits longer than 5 s', () => {
    const schedule = new RetrySchedule({ tries: 20 })
    expect(schedule.delayAfter(6)).toBe(3_200)
    expect(schedule.delayAfter(7)).toBe(5_000)
    expect(schedule.delayAfter(19)).toBe(5_000)
  })
})

describe('pauses after failures (N-11)', () => {
  it('double up to a limit, however often', () => {
    expect([0, 1, 2, 3, 4, 5_000].map((times) => doubledPause(60, 600, times))).toEqual([
      60, 120, 240, 480, 600, 600,
    ])
  })

  it('go through a list and stay at its last, and are none where the list is empty', () => {
    expect([0, 1, 2, 9].map((failures) => listedPause([0, 5, 7], failures))).toEqual([0, 5, 7, 7])
    expect(listedPause([], 3)).toBe(0)
  })
})
