import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { networkOf } from '../ipv8/network-of.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { fraction, type Random } from '../world/random.ts'
import type { CheckRules } from './checks.ts'
import { VERIFIER_DEFAULTS, type VerifierSettings } from './constants.ts'
import type { ProofExchange, ProofOutcome } from './proof.ts'
import type { RequestLimit } from './request-limit.ts'
import type { TrustJudge } from './trust-judge.ts'
import {
  checksFrom,
  idOf,
  isClaimed,
  keyOf,
  type VerificationResult,
  type VerifierCandidate,
} from './verification.ts'
import { VerificationCache } from './verification-cache.ts'
import { VerificationQueue } from './verification-queue.ts'

export interface VerifierOptions {
  readonly clock: Clock
  readonly random: Random
  /** `verifier-...`: refusals by reason. */
  readonly counters: Counters
  readonly book: TrustJudge
  readonly rules: CheckRules
  readonly proofs: ProofExchange
  /** The UDP link to an address; undefined if packets may not or cannot go there. */
  linkTo(address: IpAddress): Link | undefined
  /** Verifications begun, by the machine that is asked: strangers name it, so it must not be flooded through us (D-07). */
  readonly limit: RequestLimit
  /** Every result that is not from the cache, those of repeated verifications too. */
  onResult?(result: VerificationResult): void
  readonly settings?: Partial<VerifierSettings>
}

/**
 * `queued`: `done` is called when it was looked at. `running`: it is being looked at already, and `done` is called as well.
 * `fresh`: it was looked at lately, and `done` has been called with that. Of `blocked` (a spy, or by hand), `limited` (its machine
 * was asked often enough) and `full` (also: too many wait for this one) nothing more is heard.
 */
export type AddOutcome = 'queued' | 'running' | 'fresh' | 'blocked' | 'limited' | 'full'

/** Counts since the start (D-08), and how much there is now. */
export interface VerifierStatistics {
  readonly attempted: number
  readonly successful: number
  readonly spies: number
  readonly waiting: number
  readonly running: number
  /** Results that are remembered. */
  readonly cached: number
  readonly cacheHits: number
}

interface Job {
  readonly id: string
  readonly candidate: VerifierCandidate
  readonly network: string
  readonly dones: ((result: VerificationResult) => void)[]
  attempts: number
  last: ProofOutcome | undefined
  finished: boolean
  timer: Timer | undefined
  limit: Timer | undefined
}

/**
 * Makes relays of candidates: asks each address for a proof, which does for the last two of the five checks (D-06), enters the
 * outcome in the trust book, remembers it for as long as its class allows, and looks again before that is over. Bounded in what
 * waits and what runs, in all and for each network.
 */
export class Verifier {
  private readonly options: VerifierOptions
  private readonly settings: VerifierSettings
  private readonly cache: VerificationCache
  private readonly queue: VerificationQueue<Job>
  private sweepTimer: Timer | undefined
  private stopped = true
  private attempted = 0
  private successful = 0
  private spies = 0
  private hits = 0

  constructor(options: VerifierOptions) {
    this.options = options
    this.settings = { ...VERIFIER_DEFAULTS, ...options.settings }
    this.cache = new VerificationCache(options.clock, options.random, this.settings)
    this.queue = new VerificationQueue(this.settings)
  }

  get statistics(): VerifierStatistics {
    return {
      attempted: this.attempted,
      successful: this.successful,
      spies: this.spies,
      waiting: this.queue.waiting,
      running: this.queue.running,
      cached: this.cache.size,
      cacheHits: this.hits,
    }
  }

  /** Whether a relay has proved itself at that address. */
  isHome(address: IpAddress): boolean {
    return this.cache.isHome(address)
  }

  /** Begins; what was added before is looked at now. */
  start(): void {
    if (!this.stopped) return
    this.stopped = false
    this.sweepLater()
    this.pump()
  }

  /** Ends; nothing more is told. */
  stop(): void {
    this.stopped = true
    this.sweepTimer?.cancel()
    for (const job of this.queue.all()) this.end(job)
  }

  /** Takes up a candidate from anywhere. */
  add(candidate: VerifierCandidate, done: (result: VerificationResult) => void = () => {}): AddOutcome {
    const id = idOf(candidate)
    const known = this.cache.fresh(candidate)
    if (known) {
      this.hits++
      done(known)
      return 'fresh'
    }
    const there = this.queue.find(id)
    // Bounded, lest somebody who names one address time and again fills our memory.
    if (there && there.dones.length < MAX_WAITERS) {
      there.dones.push(done)
      return 'running'
    }
    const refusal = there ? 'full' : this.refusalOf(candidate)
    if (refusal) {
      this.options.counters.add(`verifier-${refusal}`)
      return refusal
    }
    this.enqueue(id, candidate, [done])
    return 'queued'
  }

  private refusalOf(candidate: VerifierCandidate): 'blocked' | 'limited' | 'full' | undefined {
    const { book, limit } = this.options
    const key = keyOf(candidate)
    if (book.isBlocked(candidate.address) || (key && book.isBlocked(key.mid))) return 'blocked'
    if (!this.queue.hasRoom(this.networkOf(candidate.address))) return 'full'
    return limit.take(candidate.address) ? undefined : 'limited'
  }

  private enqueue(
    id: string,
    candidate: VerifierCandidate,
    dones: ((result: VerificationResult) => void)[],
  ): void {
    this.queue.add({
      id,
      candidate,
      network: this.networkOf(candidate.address),
      dones,
      attempts: 0,
      last: undefined,
      finished: false,
      timer: undefined,
      limit: undefined,
    })
    this.pump()
  }

  /** Begins as many of those that wait as may run. */
  private pump(): void {
    while (!this.stopped) {
      const job = this.queue.next()
      if (job === undefined) return
      this.attempted++
      job.limit = this.options.clock.after(this.settings.timeoutMs, () => this.finish(job))
      this.attempt(job)
    }
  }

  private attempt(job: Job): void {
    const { proofs, rules } = this.options
    const link = this.linkFor(job.candidate)
    if (link === undefined) {
      this.finish(job)
      return
    }
    job.attempts++
    const waitMs = rules.settings.answerWithinMs + LATE_MS
    proofs.prove(link, { expectedKey: keyOf(job.candidate), waitMs }, (outcome) => {
      if (job.finished) return
      job.last = outcome
      if (outcome.kind === 'proved' || outcome.kind === 'wrong-key') this.finish(job)
      else this.retry(job)
    })
  }

  /**
   * Packets go to no address that is nobody's on the Internet, since it could only be one of our own network; and to the low ports,
   * where other services live, only where a key has signed that it is there.
   */
  private linkFor(candidate: VerifierCandidate): Link | undefined {
    const { rules, linkTo } = this.options
    const { address } = candidate
    const fits = rules.isPublic(address) && (rules.isPort(address.port) || isClaimed(candidate))
    return fits ? linkTo(address) : undefined
  }

  private retry(job: Job): void {
    const { attempts, pauseMs } = this.settings
    if (job.attempts >= attempts) {
      this.finish(job)
      return
    }
    const pause = pauseMs * 2 ** (job.attempts - 1) * (1 + fraction(this.options.random) / 2)
    job.timer = this.options.clock.after(pause, () => this.attempt(job))
  }

  private end(job: Job): void {
    job.finished = true
    job.timer?.cancel()
    job.limit?.cancel()
    this.queue.delete(job.id)
  }

  private finish(job: Job): void {
    if (job.finished) return
    this.end(job)
    const { candidate, last } = job
    const result = this.conclude(candidate, last)
    // Whoever else lives there has proved it with the same answer: so nobody keeps a relay from being proven by claiming its address.
    if (last?.kind === 'wrong-key') {
      this.conclude({ address: candidate.address, key: last.key }, { ...last, kind: 'proved' })
    }
    for (const done of job.dones) done(result)
    this.pump()
  }

  /** Enters in the book and the cache what came of a candidate, and tells it. */
  private conclude(candidate: VerifierCandidate, last: ProofOutcome | undefined): VerificationResult {
    const result = this.resultOf(candidate, last)
    if (result.proven) this.successful++
    if (result.class === 'spy') this.spies++
    this.cache.keep(result)
    this.options.onResult?.(result)
    return result
  }

  private resultOf(candidate: VerifierCandidate, last: ProofOutcome | undefined): VerificationResult {
    const { book, rules } = this.options
    const { address } = candidate
    const checks = checksFrom(candidate, last, rules)
    const answer = last?.kind === 'proved' || last?.kind === 'wrong-key' ? last : undefined
    const proved = last?.kind === 'proved' ? last.key : undefined
    // A key that signed for this address has claimed it, whoever named the two.
    const claimed = proved !== undefined || isClaimed(candidate)
    const about = proved ?? keyOf(candidate)
    if (about && claimed && last?.kind === 'forged' && last.namedExpectedKey) {
      book.recordMisbehaviour(about.mid, 'forged-proof')
    }
    const verdict = book.recordChecks({ address, mid: about?.mid, claimed }, checks)
    const score = rules.scoreOf(checks)
    const passes = checks.proof === true && score >= rules.settings.trustThreshold
    return {
      candidate,
      key: answer?.key,
      outcome: last?.kind ?? 'unreachable',
      ms: answer?.ms,
      seen: answer?.seen,
      checks,
      score,
      class: rules.classOf(checks),
      verdict,
      proven: passes && verdict?.standing !== 'blocked',
    }
  }

  private sweepLater(): void {
    this.sweepTimer = this.options.clock.after(this.settings.sweepMs, () => {
      this.sweep()
      this.sweepLater()
    })
  }

  /** Looks anew at relays whose result has grown old. */
  private sweep(): void {
    for (const { id, result } of this.cache.due(this.settings.sweepLimit)) {
      if (this.queue.find(id)) continue
      const refusal = this.refusalOf(result.candidate)
      if (refusal === 'blocked') this.cache.forget(id)
      if (refusal === undefined) this.enqueue(id, result.candidate, [])
    }
  }

  /** Whose turns it takes: in a lab, where all share one network, each address for itself. */
  private networkOf(address: IpAddress): string {
    return this.options.rules.isLab(address) ? formatAddress(address) : networkOf(address)
  }
}

/** How long a proof that comes too late is still waited for: it proves the key all the same. */
const LATE_MS = 3_000
const MAX_WAITERS = 8
