import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { fraction, type Random } from '../world/random.ts'
import { CandidateQueue } from './candidate-queue.ts'
import {
  type ByMethod,
  DISCOVERY_DEFAULTS,
  DISCOVERY_METHODS,
  type DiscoveryMethod,
  type DiscoverySettings,
  type SourceIntervals,
} from './constants.ts'
import { OutcomeCache } from './outcome-cache.ts'
import { DiscoveryRun } from './run.ts'
import { Shares } from './shares.ts'
import type { Candidate, CandidateOutcome, DiscoverySource, RunResult, SourceRun } from './source.ts'
import type { DiscoveryStatistics, MethodStatistics } from './statistics.ts'

/** What the statistics of D-08 hold beside what the scheduler counts itself. */
export type OutsideStatistics = Pick<
  DiscoveryStatistics,
  | 'relaysProven'
  | 'dhtNodesKnown'
  | 'trackerAnnounces'
  | 'peerExchanges'
  | 'verificationsAttempted'
  | 'verificationsSuccessful'
  | 'spiesDetected'
>

export interface DiscoveryOptions {
  readonly clock: Clock
  readonly random: Random
  /** `discovery-candidate-dropped` (no room), `discovery-candidate-invalid`, `discovery-cache-hit`. */
  readonly counters: Counters
  /** At most one of each method; a method without one is switched off. */
  readonly sources: readonly DiscoverySource[]
  readonly weights: ByMethod<number>
  readonly intervals: ByMethod<SourceIntervals>
  /** Looks at a candidate: fetches its descriptor, verifies it. `done` once, or never after a cancel. */
  handle(candidate: Candidate, done: (outcome: CandidateOutcome) => void): SourceRun
  outside(): OutsideStatistics
  /** A run has ended. */
  onRun?(result: RunResult): void
  readonly settings?: Partial<DiscoverySettings>
}

/** What is known of one method. */
interface Method {
  readonly source: DiscoverySource
  intervalMs: number
  attempted: number
  successful: number
  candidates: number
  relays: number
  run: DiscoveryRun | undefined
  timer: Timer | undefined
  nextAtMs: number
  last: RunResult | undefined
}

interface Job {
  readonly candidate: Candidate
  readonly method: DiscoveryMethod
  /** Runs that named it. */
  readonly runs: Set<DiscoveryRun>
}

/**
 * Looks for relays in all ways at once and for ever (D-01, D-10): each source runs by itself, more often the larger its
 * share; what they name is looked at in the same shares. Machine without I/O.
 */
export class Discovery {
  private readonly options: DiscoveryOptions
  private readonly settings: DiscoverySettings
  private readonly shares: Shares
  private readonly cache: OutcomeCache
  private readonly queue: CandidateQueue<Job>
  private readonly methods = new Map<DiscoveryMethod, Method>()
  /** By address: those that wait, and those being looked at. */
  private readonly jobs = new Map<string, Job>()
  private readonly handled = new Map<Job, SourceRun>()
  private results: RunResult[] = []
  private found = 0
  /** Between `start` and `stop` sources run by themselves; by hand they run at any time before `stop`. */
  private started = false
  private stopped = false
  private pumping = false

  constructor(options: DiscoveryOptions) {
    this.options = options
    this.settings = { ...DISCOVERY_DEFAULTS, ...options.settings }
    const { adaptation, yieldGain } = this.settings
    this.shares = new Shares(options.weights, adaptation, yieldGain)
    this.cache = new OutcomeCache(options.clock, this.settings)
    this.queue = new CandidateQueue(this.settings, (method) => this.shareOf(method))
    for (const source of options.sources) {
      this.methods.set(source.method, {
        source,
        // Doubled before it is first used.
        intervalMs: options.intervals[source.method].firstMs / 2,
        attempted: 0,
        successful: 0,
        candidates: 0,
        relays: 0,
        run: undefined,
        timer: undefined,
        nextAtMs: 0,
        last: undefined,
      })
    }
  }

  /** Every source runs for the first time. */
  start(): void {
    if (this.started || this.stopped) return
    this.started = true
    for (const method of this.methods.values()) if (this.isWanted(method)) this.begin(method)
  }

  /** Ends all runs and lets go of what waits, for good. */
  stop(): void {
    this.stopped = true
    this.started = false
    for (const method of this.methods.values()) {
      method.timer?.cancel()
      method.run?.end()
    }
    for (const handling of this.handled.values()) handling.cancel()
    this.handled.clear()
    this.jobs.clear()
    this.queue.clear()
  }

  /**
   * Runs one method now, or waits for the run that is under way (D-01).
   * @returns false if there is no such source, or all is stopped
   */
  runNow(method: DiscoveryMethod, done: (result: RunResult) => void): boolean {
    const known = this.methods.get(method)
    if (known === undefined || this.stopped) return false
    if (known.run === undefined) this.begin(known, done)
    else known.run.onEnd(done)
    return true
  }

  /** Candidates that came by themselves, such as a stranger's descriptor. They are of no run. */
  offer(method: DiscoveryMethod, candidates: readonly Candidate[]): void {
    if (this.stopped) return
    for (const candidate of candidates) this.take(candidate, method, undefined)
    this.pump()
  }

  /** A signed descriptor says that a relay is there: if none was, it is looked at again when it is named next, once in a while. */
  hasten(address: IpAddress): void {
    this.cache.hasten(address)
  }

  /** Results of the last runs, oldest first. */
  get lastRuns(): readonly RunResult[] {
    return this.results
  }

  statistics(): DiscoveryStatistics {
    const all = [...this.methods.values()]
    const sum = (of: (method: Method) => number) => all.reduce((total, each) => total + of(each), 0)
    const methods = Object.fromEntries(
      DISCOVERY_METHODS.map((method) => [method, this.statisticsOf(method)]),
    ) as Record<DiscoveryMethod, MethodStatistics>
    return {
      ...this.options.outside(),
      discoveriesAttempted: sum(({ attempted }) => attempted),
      discoveriesSuccessful: sum(({ successful }) => successful),
      relaysDiscovered: this.found,
      candidatesWaiting: this.jobs.size,
      cacheHits: this.options.counters.get('discovery-cache-hit'),
      methods,
    }
  }

  private statisticsOf(name: DiscoveryMethod): MethodStatistics {
    const method = this.methods.get(name)
    const waits = method !== undefined && method.run === undefined && method.timer !== undefined
    return {
      attempted: method?.attempted ?? 0,
      successful: method?.successful ?? 0,
      candidates: method?.candidates ?? 0,
      relays: method?.relays ?? 0,
      yield: this.shares.yieldOf(name),
      share: this.shareOf(name),
      running: method?.run !== undefined,
      nextMs: waits ? Math.max(0, method.nextAtMs - this.options.clock.now()) : undefined,
      last: method?.last,
    }
  }

  private begin(method: Method, done?: (result: RunResult) => void): void {
    method.timer?.cancel()
    method.timer = undefined
    method.attempted++
    const { clock } = this.options
    const run = new DiscoveryRun({
      method: method.source.method,
      clock,
      limitMs: this.settings.runMs,
      maxCandidates: this.settings.candidatesPerRun,
      onEnd: (result) => this.ended(method, result),
    })
    method.run = run
    // Before it starts: it may be over before `start` returns.
    if (done) run.onEnd(done)
    run.start(method.source, (candidates) => {
      for (const candidate of candidates) if (run.name(candidate)) this.take(candidate, run.method, run)
      this.pump()
    })
  }

  private ended(method: Method, result: RunResult): void {
    method.run = undefined
    method.last = result
    method.candidates += result.candidates
    if (result.success) method.successful++
    this.shares.note(result.method, result.fresh)
    this.results = [...this.results, result].slice(-this.settings.keptRuns)
    this.options.onRun?.(result)
    if (this.started && this.isWanted(method)) this.schedule(method, result)
  }

  private schedule(method: Method, { fresh }: RunResult): void {
    const { clock, random, intervals, outside } = this.options
    const { jitter, wantedRelays } = this.settings
    const { leastMs, eagerMs, mostMs } = intervals[method.source.method]
    const capMs = outside().relaysProven < wantedRelays ? eagerMs : mostMs
    const { intervalMs } = method
    const nextMs = fresh > 0 && intervalMs > leastMs ? Math.max(leastMs, intervalMs / 2) : 2 * intervalMs
    method.intervalMs = Math.min(capMs, nextMs)
    const spread = 1 + jitter * (2 * fraction(random) - 1)
    // The mean share has the interval as it is; a larger one runs the more often for it.
    const enabled = [...this.methods.values()].filter((each) => this.isWanted(each)).length
    const pace = 1 / (Math.max(this.shareOf(method.source.method), 0.001) * enabled)
    const delayMs = Math.max(method.source.notBefore?.() ?? 0, method.intervalMs * pace * spread)
    method.nextAtMs = clock.now() + delayMs
    method.timer = clock.after(delayMs, () => this.begin(method))
  }

  /** A method without weight runs by hand alone. */
  private isWanted({ source }: Method): boolean {
    return this.options.weights[source.method] > 0
  }

  private shareOf(method: DiscoveryMethod): number {
    return this.shares.shareOf(method, [...this.methods.keys()])
  }

  private take(candidate: Candidate, method: DiscoveryMethod, run: DiscoveryRun | undefined): void {
    const { counters } = this.options
    if (!isUnicast(candidate.address)) {
      counters.add('discovery-candidate-invalid')
      return
    }
    const known = this.cache.get(candidate.address)
    if (known !== undefined) {
      counters.add('discovery-cache-hit')
      run?.note(known === 'new' ? 'proven' : known)
      return
    }
    const key = formatAddress(candidate.address)
    let job = this.jobs.get(key)
    if (job === undefined) {
      job = { candidate, method, runs: new Set() }
      if (!this.queue.push(job)) {
        counters.add('discovery-candidate-dropped')
        return
      }
      this.jobs.set(key, job)
    }
    if (run !== undefined && !job.runs.has(run)) {
      job.runs.add(run)
      run.wait()
    }
  }

  /** Many are refused at a glance: each of them calls this again, and the loop that is under way takes the next. */
  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    try {
      while (this.handled.size < this.settings.handledAtOnce) {
        const job = this.queue.pop()
        if (job === undefined) return
        this.look(job)
      }
    } finally {
      this.pumping = false
    }
  }

  private look(job: Job): void {
    let over = false
    const handling = this.options.handle(job.candidate, (outcome) => {
      if (over) return
      over = true
      this.handled.delete(job)
      this.settle(job, outcome)
    })
    // It may be over before it has returned.
    if (!over) this.handled.set(job, handling)
  }

  private settle(job: Job, outcome: CandidateOutcome): void {
    if (this.stopped) return
    this.jobs.delete(formatAddress(job.candidate.address))
    this.cache.set(job.candidate.address, outcome)
    if (outcome === 'new') {
      this.found++
      const method = this.methods.get(job.method)
      if (method !== undefined) method.relays++
    }
    for (const run of job.runs) run.settle(outcome)
    this.pump()
  }
}
