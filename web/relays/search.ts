import type { Clock } from '../../shared/world/clock.ts'
import type { SearchMethod, SearchResult, SearchStatistics, SearchView } from '../engine/relays-protocol.ts'
import { SEARCH_MS } from './limits.ts'
import type { LookupOutcome } from './lookup.ts'

/** One way to look for relays; ends at the latest when `signal` says so. */
export interface SearchWay {
  /** Whether this site names anything to look with. */
  readonly offered: boolean
  /** Whether it goes through a circuit of the pool, so that without one there is nothing to do. */
  readonly needsCircuit: boolean
  run(signal: AbortSignal): Promise<LookupOutcome>
}

interface Sum {
  runs: number
  successes: number
  found: number
  ms: number
}

export interface RelaySearchOptions {
  readonly clock: Clock
  readonly ways: Readonly<Record<SearchMethod, SearchWay>>
  /** Whether there is a circuit now. */
  hasCircuit(): boolean
  changed(): void
}

/** Looks for relays when it is told to, each way at most once at a time, and keeps count (D-08). */
export class RelaySearch {
  private readonly options: RelaySearchOptions
  private readonly running = new Set<SearchMethod>()
  private readonly results = new Map<SearchMethod, SearchResult>()
  private readonly sums = new Map<SearchMethod, Sum>()

  constructor(options: RelaySearchOptions) {
    this.options = options
  }

  /** Never rejects: what goes wrong is a result. */
  async run(method: SearchMethod): Promise<void> {
    const { clock, ways, hasCircuit, changed } = this.options
    const way = ways[method]
    if (this.running.has(method)) return
    if (!way.offered) {
      this.note(method, { met: 0, found: 0, answered: false }, 0, 'not-offered')
      return
    }
    if (way.needsCircuit && !hasCircuit()) {
      this.note(method, { met: 0, found: 0, answered: false }, 0, 'no-circuit')
      return
    }
    this.running.add(method)
    const over = new AbortController()
    const timer = clock.after(SEARCH_MS, () => over.abort())
    const beganMs = clock.now()
    const none: LookupOutcome = { met: 0, found: 0, answered: false }
    // Third parties' code is not in it, but streams and databases are: whatever fails, nothing was found.
    const outcome = await way.run(over.signal).catch(() => none)
    timer.cancel()
    this.running.delete(method)
    this.note(method, outcome, clock.now() - beganMs, outcome.answered ? undefined : 'no-answer')
    changed()
  }

  view(): SearchView {
    return {
      running: [...this.running],
      results: [...this.results.values()],
      statistics: [...this.sums].map(
        ([method, { runs, successes, found, ms }]): SearchStatistics => ({
          method,
          runs,
          successes,
          found,
          meanSeconds: ms / runs / 1_000,
        }),
      ),
    }
  }

  private note(
    method: SearchMethod,
    { met, found }: LookupOutcome,
    ms: number,
    problem: SearchResult['problem'],
  ): void {
    const success = met > 0
    this.results.set(method, { method, met, found, seconds: ms / 1_000, success, problem })
    // What could not even begin says nothing about the way.
    if (problem === 'not-offered' || problem === 'no-circuit') return
    const sum = this.sums.get(method) ?? { runs: 0, successes: 0, found: 0, ms: 0 }
    this.sums.set(method, {
      runs: sum.runs + 1,
      successes: sum.successes + (success ? 1 : 0),
      found: sum.found + found,
      ms: sum.ms + ms,
    })
  }
}
