import type { IpAddress } from '../bytes/address.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { fraction, type Random, shuffled } from '../world/random.ts'
import { EXIT_PROBE, type ExitProbeSettings } from './exit-probe-constants.ts'
import { ProbeEcho } from './exit-probe-echo.ts'
import { isClean, ProbeEvidence, type Trial } from './exit-probe-evidence.ts'
import { echoFor, jittered, type ProbePath, probePath, relayText } from './exit-probe-paths.ts'
import type { ProbeCircuits, ProbeRelay, ProbeReports } from './exit-probe-ports.ts'
import { ProbeRun, type RunResult } from './exit-probe-run.ts'
import { StrangerShares } from './exit-probe-strangers.ts'
import { type EchoConnection, ProbeStreamEcho } from './exit-probe-stream.ts'

export interface ExitProbesOptions {
  readonly clock: Clock
  readonly random: Random
  /** `probe-trials`, `probe-carried`, `probe-failed`, `probe-unclear`, `probe-no-path`, `probe-echo-answered`, `probe-budget`, … */
  readonly counters: Counters
  readonly circuits: ProbeCircuits
  readonly reports: ProbeReports
  /** Relays that may be probed and serve as other hops: all that are proven and not blocked. */
  relays(): readonly ProbeRelay[]
  /** Whether two may be in one circuit. */
  mayShare(a: ProbeRelay, b: ProbeRelay): boolean
  /** Preferred as other hops. */
  isTrusted(relay: ProbeRelay): boolean
  /** Asks it something directly, as anybody may: what answers that and carries nothing is worse than what is gone. */
  ask(relay: ProbeRelay, done: (answered: boolean) => void): void
  /** Our own UDP port as exits reach it, one address a family; none if nobody can reach it. */
  echoes(): readonly IpAddress[]
  /** From that port. */
  send(to: IpAddress, datagram: Uint8Array): void
  /** Nodes of the DHT that answered of late and are no relays. */
  strangers?(): readonly IpAddress[]
  /** Our TCP listeners as exits reach them, one address a family; what comes in there is for `accept`. */
  streamEchoes?(): readonly IpAddress[]
  readonly settings?: Partial<ExitProbeSettings>
}

/** How probes went, in numbers. */
export interface ExitProbesStatus {
  readonly trials: number
  /** Trials in which the relay did as it should, and in which it did not. Of the others nothing can be said. */
  readonly carried: number
  readonly failed: number
  readonly running: number
  readonly relays: number
}

interface Scheduled {
  dueMs: number
  trials: number
}

/**
 * Tries relays as users use them: circuits through them to an echo of our own, of which they cannot know that it is one. What is
 * wrong is held against a relay only if the same path without it works. No I/O.
 */
export class ExitProbes {
  private readonly options: ExitProbesOptions
  private readonly settings: ExitProbeSettings
  private readonly echo: ProbeEcho
  private readonly streams = new ProbeStreamEcho()
  private readonly evidence: ProbeEvidence
  private readonly starts: TokenBucket
  private readonly scheduled = new Map<string, Scheduled>()
  private readonly runs = new Set<ProbeRun>()
  /** By exit: when the echo last heard through it, and the rate that its burst had. */
  private readonly heardMs = new Map<string, number>()
  private readonly streamsHeardMs = new Map<string, number>()
  private readonly strangerShares: StrangerShares
  private readonly rates = new Map<string, number>()
  private timer: Timer | undefined
  private running = 0
  private trials = 0
  private carried = 0
  private failed = 0
  private bytesLeft: number
  private refilledMs: number

  constructor(options: ExitProbesOptions) {
    const { clock, counters, reports } = options
    this.options = options
    this.settings = { ...EXIT_PROBE, ...options.settings }
    const { perHour, bytesPerDay } = this.settings
    this.echo = new ProbeEcho({ counters, send: (to, datagram) => options.send(to, datagram) })
    this.strangerShares = new StrangerShares(this.settings)
    this.evidence = new ProbeEvidence(this.settings, reports)
    this.starts = new TokenBucket(clock, perHour / 3_600, Math.max(1, perHour / 10))
    this.bytesLeft = bytesPerDay / 8
    this.refilledMs = clock.now()
  }

  start(): void {
    this.timer ??= this.next()
  }

  stop(): void {
    this.timer?.cancel()
    for (const run of this.runs) run.stop()
    this.runs.clear()
  }

  /** Takes a datagram of the relay's UDP port that is not IPv8's. @returns whether it was a probe's */
  receive(from: IpAddress, datagram: Uint8Array): boolean {
    return this.echo.receive(from, datagram)
  }

  /** Takes a connection of the TCP listener. @returns what takes its bytes */
  accept(from: IpAddress, connection: EchoConnection): (bytes: Uint8Array) => void {
    return this.streams.accept(from, connection)
  }

  status(): ExitProbesStatus {
    const { trials, carried, failed, running } = this
    return { trials, carried, failed, running, relays: this.scheduled.size }
  }

  private next(): Timer {
    const { clock, random } = this.options
    return clock.after(jittered(random, this.settings.tickMs), () => {
      this.timer = this.next()
      this.tick()
    })
  }

  private tick(): void {
    const { clock, counters } = this.options
    const relays = this.options.relays()
    this.schedule(relays)
    this.refill()
    const nowMs = clock.now()
    const due = relays
      .map((relay) => ({ relay, dueMs: this.dueOf(relay) }))
      .filter(({ dueMs }) => dueMs <= nowMs)
      .sort((a, b) => a.dueMs - b.dueMs)
    for (const { relay } of due) {
      if (this.running >= this.settings.concurrent) return
      if (this.bytesLeft <= 0) {
        counters.add('probe-budget')
        return
      }
      if (!this.starts.take()) return
      this.try(relay, relays)
    }
  }

  private dueOf(relay: ProbeRelay): number {
    return this.scheduled.get(relayText(relay))?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Takes up relays that are new, and forgets the times of those that have gone. What speaks against them stays. */
  private schedule(relays: readonly ProbeRelay[]): void {
    const { clock, random } = this.options
    const known = new Set(relays.map(relayText))
    for (const key of this.scheduled.keys()) if (!known.has(key)) this.scheduled.delete(key)
    for (const key of known) {
      if (this.scheduled.has(key) || this.scheduled.size >= this.settings.maxRelays) continue
      this.scheduled.set(key, { dueMs: clock.now() + fraction(random) * this.settings.freshMs, trials: 0 })
    }
  }

  private refill(): void {
    const nowMs = this.options.clock.now()
    const { bytesPerDay } = this.settings
    const grown = this.bytesLeft + (bytesPerDay * (nowMs - this.refilledMs)) / 86_400_000
    this.bytesLeft = Math.min(bytesPerDay / 8, grown)
    this.refilledMs = nowMs
  }

  private try(candidate: ProbeRelay, relays: readonly ProbeRelay[]): void {
    const { clock, random, counters, isTrusted, mayShare } = this.options
    const { settings } = this
    const entry = this.scheduled.get(relayText(candidate))
    if (entry) {
      const isFresh = ++entry.trials < settings.firstTrials
      entry.dueMs = clock.now() + jittered(random, isFresh ? settings.freshMs : settings.intervalMs)
    }
    const others = relays.filter((relay) => relay !== candidate && mayShare(relay, candidate))
    const trusted = others.filter((relay) => isTrusted(relay))
    const echoes = this.options.echoes()
    const request = { candidate, echoes, mayShare, random, settings }
    const path =
      (trusted.length >= 2 * settings.witnesses ? probePath({ ...request, others: trusted }) : undefined) ??
      probePath({ ...request, others })
    if (path === undefined) {
      counters.add('probe-no-path')
      return
    }
    this.trials++
    this.running++
    counters.add('probe-trials')
    const withBurst = fraction(random) < settings.burstChance || this.evidence.isSuspicious(candidate)
    const streamDestination = this.streamDestination(path)
    this.run(path.path, path.destination, streamDestination, withBurst, (probe) => {
      this.heard(path, probe)
      if (isClean(probe, path.path.length, settings) && !withBurst) {
        this.judge(candidate, path, probe, undefined, others.length)
        return
      }
      this.run(path.control, path.controlDestination, undefined, withBurst, (control) =>
        this.judge(candidate, path, probe, control, others.length),
      )
    })
  }

  private run(
    path: readonly ProbeRelay[],
    destination: IpAddress | undefined,
    streamDestination: IpAddress | undefined,
    withBurst: boolean,
    done: (result: RunResult) => void,
  ): void {
    const { clock, random, circuits } = this.options
    const { echo, streams, settings } = this
    const ends = { echo, streams, destination, streamDestination, strangers: this.strangers(destination) }
    const run = new ProbeRun({ clock, random, circuits, ...ends, path, withBurst, settings }, (result) => {
      this.runs.delete(run)
      this.bytesLeft -= result.bytes
      done(result)
    })
    this.runs.add(run)
    run.start()
  }

  private judge(
    candidate: ProbeRelay,
    { path, control: controlPath }: ProbePath,
    probe: RunResult,
    control: RunResult | undefined,
    others: number,
  ): void {
    this.running--
    const trial: Trial = {
      candidate,
      path,
      probe,
      control,
      controlHops: controlPath.length,
      alive: true,
      echoProven: this.isProven(this.heardMs, path.at(-1)),
      streamsProven: this.isProven(this.streamsHeardMs, path.at(-1)),
      othersBytesPerSecond: this.othersRate(candidate),
      othersStrangers: this.strangerShares.others(relayText(candidate)),
      others,
    }
    if (probe.end === 'done' && probe.returned > 0) this.weigh(trial)
    else this.options.ask(candidate, (alive) => this.weigh({ ...trial, alive }))
  }

  private weigh(trial: Trial): void {
    const { clock, random, counters } = this.options
    const outcome = this.evidence.judge(trial)
    counters.add(`probe-${outcome}`)
    if (outcome === 'carried') this.carried++
    else if (outcome === 'failed') this.failed++
    const entry = this.scheduled.get(relayText(trial.candidate))
    if (entry && this.evidence.isSuspicious(trial.candidate)) {
      entry.dueMs = clock.now() + jittered(random, this.settings.suspiciousMs)
    }
  }

  private heard({ path }: ProbePath, probe: RunResult): void {
    const last = path.at(-1)
    if (last === undefined || !probe.throughExit) return
    const key = relayText(last)
    if (probe.arrived > 0) remember(this.heardMs, key, this.options.clock.now(), this.settings.maxRelays)
    this.strangerShares.note(key, probe.strangersAsked, probe.strangersAnswered)
    if (probe.stream === 'intact') {
      remember(this.streamsHeardMs, key, this.options.clock.now(), this.settings.maxRelays)
    }
    if (probe.bytesPerSecond !== undefined) {
      remember(this.rates, key, probe.bytesPerSecond, this.settings.maxRelays)
    }
  }

  /** Whether somebody else's exit has reached us of late. */
  private isProven(heardMs: ReadonlyMap<string, number>, exit: ProbeRelay | undefined): boolean {
    const own = exit && relayText(exit)
    const sinceMs = this.options.clock.now() - this.settings.echoProvenMs
    return [...heardMs].some(([key, atMs]) => key !== own && atMs >= sinceMs)
  }

  private strangers(destination: IpAddress | undefined): readonly IpAddress[] {
    const all = destination && this.options.strangers?.().filter(({ kind }) => kind === destination.kind)
    return shuffled(this.options.random, all ?? []).slice(0, this.settings.strangers)
  }

  /** Where the last hop is to connect to, for some of the probes of those that end streams. */
  private streamDestination({ path, destination }: ProbePath): IpAddress | undefined {
    const { random, streamEchoes } = this.options
    const exit = path.at(-1)
    if (destination === undefined || !exit?.stream) return undefined
    if (fraction(random) >= this.settings.streamChance) return undefined
    return echoFor(exit, streamEchoes?.() ?? [], 'tcp')
  }

  /** The median of what other exits' bursts came back with. */
  private othersRate(candidate: ProbeRelay): number | undefined {
    const own = relayText(candidate)
    const rates = [...this.rates].filter(([key]) => key !== own).map(([, rate]) => rate)
    if (rates.length < this.settings.leastRates) return undefined
    return rates.sort((a, b) => a - b)[rates.length >> 1]
  }
}

/** The latest goes to the end; the oldest gives way. */
function remember(map: Map<string, number>, key: string, value: number, limit: number): void {
  map.delete(key)
  if (map.size >= limit) {
    const [oldest] = map.keys()
    if (oldest !== undefined) map.delete(oldest)
  }
  map.set(key, value)
}
