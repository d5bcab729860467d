import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import type { SearchMethod } from '../engine/relays-protocol.ts'
import type { LookupOutcome } from './lookup.ts'
import { RelaySearch, type SearchWay } from './search.ts'

/** A search whose ways end when the test says so. */
function newSearch({ circuit = true, offered = true } = {}) {
  const clock = new VirtualClock()
  const begun: {
    method: SearchMethod
    signal: AbortSignal
    end(outcome: LookupOutcome): void
    fail(): void
  }[] = []
  const way = (method: SearchMethod, needsCircuit: boolean): SearchWay => ({
    offered,
    needsCircuit,
    run: (signal) =>
      new Promise((resolve, reject) => {
        begun.push({ method, signal, end: resolve, fail: () => reject(new TypeError('broken')) })
      }),
  })
  const search = new RelaySearch({
    clock,
    ways: {
      dht: way('dht', true),
      tracker: way('tracker', true),
      exchange: way('exchange', true),
      bootstrap: way('bootstrap', false),
    },
    hasCircuit: () => circuit,
    changed: () => undefined,
  })
  return { clock, search, begun }
}

describe('looking for relays by hand (D-08)', () => {
  it('tells what was found, and in what time', async () => {
    const { clock, search, begun } = newSearch()
    const run = search.run('dht')
    expect(search.view().running).toEqual(['dht'])
    clock.advance(4_000)
    begun[0]?.end({ met: 7, found: 3, answered: true })
    await run
    const { running, results, statistics } = search.view()
    expect(running).toEqual([])
    expect(results).toEqual([
      { method: 'dht', met: 7, found: 3, seconds: 4, success: true, problem: undefined },
    ])
    expect(statistics).toEqual([{ method: 'dht', runs: 1, successes: 1, found: 3, meanSeconds: 4 }])
  })

  it('runs each way once at a time, and several ways at once', async () => {
    const { search, begun } = newSearch()
    void search.run('dht')
    void search.run('dht')
    void search.run('tracker')
    expect(begun.map(({ method }) => method)).toEqual(['dht', 'tracker'])
  })

  it('ends after a minute', async () => {
    const { clock, search, begun } = newSearch()
    void search.run('tracker')
    clock.advance(59_999)
    expect(begun[0]?.signal.aborted).toBe(false)
    clock.advance(1)
    expect(begun[0]?.signal.aborted).toBe(true)
  })

  it('sums up over runs; what fails counts as a run without success', async () => {
    const { clock, search, begun } = newSearch()
    const first = search.run('exchange')
    clock.advance(2_000)
    begun[0]?.end({ met: 4, found: 4, answered: true })
    await first
    const second = search.run('exchange')
    clock.advance(6_000)
    begun[1]?.fail()
    await second
    expect(search.view().statistics).toEqual([
      { method: 'exchange', runs: 2, successes: 1, found: 4, meanSeconds: 4 },
    ])
    expect(search.view().results[0]).toMatchObject({ success: false, problem: 'no-answer' })
  })

  it('says so where there is no circuit, or nothing to look with', async () => {
    const without = newSearch({ circuit: false })
    await without.search.run('dht')
    expect(without.search.view().results[0]?.problem).toBe('no-circuit')
    expect(without.search.view().statistics).toEqual([])
    void without.search.run('bootstrap')
    expect(without.begun.map(({ method }) => method)).toEqual(['bootstrap'])
    const bare = newSearch({ offered: false })
    await bare.search.run('tracker')
    expect(bare.search.view().results[0]?.problem).toBe('not-offered')
  })
})
