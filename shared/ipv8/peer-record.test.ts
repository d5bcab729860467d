import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WALK_DEFAULTS } from './constants.ts'
import { PeerRecord } from './peer-record.ts'

describe('what is kept of a peer (N-11, N-12)', () => {
  it('smooths round trips and their variation as TCP does (RFC 6298)', () => {
    const record = new PeerRecord()
    expect(record.rttMs).toBeUndefined()
    record.measured(100)
    expect([record.rttMs, record.rttVarianceMs]).toEqual([100, 50])
    record.measured(180)
    expect([record.rttMs, record.rttVarianceMs]).toEqual([110, 57.5])
  })

  it('prefers the quick to the slow, the steady to the erratic, and any of them to what fails', () => {
    const peer = (rtts: number[], failures: number) => {
      const record = new PeerRecord()
      for (const rtt of rtts) record.measured(rtt)
      for (let n = 0; n < 10; n++) {
        if (n < failures) record.failure(n * 10_000)
        else record.success()
      }
      return record.suitability
    }
    const steady = Array<number>(20).fill(100)
    const erratic = Array.from({ length: 20 }, (_, n) => (n % 2 ? 20 : 180))
    const slow = Array<number>(20).fill(900)
    expect(peer(steady, 0)).toBeGreaterThan(peer(erratic, 0))
    expect(peer(erratic, 0)).toBeGreaterThan(peer(slow, 0))
    expect(peer(slow, 0)).toBeGreaterThan(peer(steady, 8))
  })

  it('forgets old failures, and never leaves 0 to 1', () => {
    const record = new PeerRecord()
    for (let n = 0; n < 100; n++) record.failure(n * 10_000)
    expect(record.successRate).toBeLessThan(0.1)
    for (let n = 0; n < 100; n++) record.success()
    expect(record.successRate).toBeGreaterThan(0.9)
    const events = fc.array(
      fc.constantFrom('success', 'failure', 'invalid', 'alive', 'circuitFailure', 'circuitSuccess'),
    )
    fc.assert(
      fc.property(events, fc.array(fc.nat(10_000)), (list, rtts) => {
        const any = new PeerRecord()
        for (const [n, event] of list.entries()) any[event](n * 5_000)
        for (const rtt of rtts) any.measured(rtt)
        expect(any.suitability).toBeGreaterThanOrEqual(0)
        expect(any.suitability).toBeLessThanOrEqual(1)
        expect(any.successRate).toBeGreaterThan(0)
        expect(any.successRate).toBeLessThan(1)
      }),
    )
  })

  it('counts failures in a row once in 10 s, and starts anew with each sign of life', () => {
    const record = new PeerRecord()
    for (const atMs of [0, 100, 8_000, 9_500, 20_000]) record.failure(atMs)
    expect(record.consecutiveFailures).toBe(3)
    record.alive()
    expect(record.consecutiveFailures).toBe(0)
  })

  it('rests for a minute, twice as long each time, ten minutes at most, and from the start after a success', () => {
    const record = new PeerRecord()
    const rests = Array.from({ length: 6 }, () => {
      record.rest(0, WALK_DEFAULTS)
      return record.restUntil / 60_000
    })
    expect(rests).toEqual([1, 2, 4, 8, 10, 10])
    record.success()
    record.rest(0, WALK_DEFAULTS)
    expect(record.restUntil).toBe(60_000)
  })
})
