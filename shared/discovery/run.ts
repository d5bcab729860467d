import { formatAddress } from '../bytes/address.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { DiscoveryMethod } from './constants.ts'
import type { Candidate, CandidateOutcome, DiscoverySource, RunResult, SourceRun } from './source.ts'

export interface DiscoveryRunOptions {
  readonly method: DiscoveryMethod
  readonly clock: Clock
  readonly limitMs: number
  readonly maxCandidates: number
  onEnd(result: RunResult): void
}

/** One run of one source: from its start until all that it named has been looked at, or the time is over. */
export class DiscoveryRun {
  readonly method: DiscoveryMethod
  private readonly options: DiscoveryRunOptions
  private readonly startedMs: number
  private readonly named = new Set<string>()
  private readonly waiters: ((result: RunResult) => void)[] = []
  private readonly timer: Timer
  private source: SourceRun | undefined
  /** Whether anybody could be asked, as the source said at its end; undefined while it looks. */
  private success: boolean | undefined
  private waiting = 0
  private found = 0
  private fresh = 0
  private over = false

  constructor(options: DiscoveryRunOptions) {
    this.options = options
    this.method = options.method
    this.startedMs = options.clock.now()
    this.timer = options.clock.after(options.limitMs, () => this.end())
  }

  start(source: DiscoverySource, report: (candidates: readonly Candidate[]) => void): void {
    this.source = source.run(
      (candidates) => {
        if (!this.over && this.success === undefined) report(candidates)
      },
      (success) => {
        this.success ??= success
        this.look()
      },
    )
  }

  /** Whether a candidate that the source names is one more of this run. */
  name({ address }: Candidate): boolean {
    const key = formatAddress(address)
    if (this.named.has(key) || this.named.size >= this.options.maxCandidates) return false
    this.named.add(key)
    return true
  }

  /** One of its candidates is to be looked at: `settle` follows. */
  wait(): void {
    this.waiting++
  }

  settle(outcome: CandidateOutcome): void {
    this.waiting--
    this.note(outcome)
    this.look()
  }

  /** What is known of one of its candidates without a look. */
  note(outcome: CandidateOutcome): void {
    if (outcome === 'new' || outcome === 'proven') this.found++
    if (outcome === 'new') this.fresh++
  }

  onEnd(done: (result: RunResult) => void): void {
    this.waiters.push(done)
  }

  /** Ends it with what there is. */
  end(): void {
    if (this.over) return
    this.over = true
    this.timer.cancel()
    if (this.success === undefined) this.source?.cancel()
    const { clock } = this.options
    const result: RunResult = {
      method: this.method,
      candidates: this.named.size,
      found: this.found,
      fresh: this.fresh,
      ms: Math.round(clock.now() - this.startedMs),
      // Who named somebody was asked, though he may never have come to an end.
      success: this.success ?? this.named.size > 0,
      endedMs: clock.wall(),
    }
    this.options.onEnd(result)
    for (const done of this.waiters) done(result)
  }

  private look(): void {
    if (this.success !== undefined && this.waiting === 0) this.end()
  }
}
