import type { IpAddress } from '../bytes/address.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { below, fraction, type Random } from '../world/random.ts'
import type { ExitProbeSettings } from './exit-probe-constants.ts'
import type { ProbeEcho } from './exit-probe-echo.ts'
import { ExpectedDatagrams } from './exit-probe-expected.ts'
import { type Exchange, ProbePayloads } from './exit-probe-payloads.ts'
import type { ProbeCircuits, ProbeRelay } from './exit-probe-ports.ts'
import { BurstRate } from './exit-probe-rate.ts'
import { StrangerPings } from './exit-probe-strangers.ts'
import type { ProbeStreamEcho } from './exit-probe-stream.ts'
import { ProbeStreamRun, type StreamOutcome } from './exit-probe-stream-run.ts'

/** What one circuit of a probe showed. */
export interface RunResult {
  /** `unbuilt`: never ready. `died`: ended by itself before the probe did. `unmade`: there was no link, or no room. */
  readonly end: 'done' | 'unbuilt' | 'died' | 'unmade'
  /** The hop that did not answer while it was being built, or did not extend to the next. */
  readonly failedHop: number | undefined
  /** Questions sent; of them, arrived at the echo. Without an echo both are those sent. */
  readonly sent: number
  readonly arrived: number
  /** Answers that were sent back; of them, returned. */
  readonly answered: number
  readonly returned: number
  /** Datagrams that were not what was sent, either way. */
  readonly altered: number
  /** Questions that came from an address that the exit does not claim. */
  readonly foreign: number
  readonly bytesPerSecond: number | undefined
  /** Nodes of the DHT that were pinged through the exit, and that answered. */
  readonly strangersAsked: number
  readonly strangersAnswered: number
  /** What became of a TCP connection. */
  readonly stream: StreamOutcome
  /** Payload bytes, both ways, that the run may have cost. */
  readonly bytes: number
  /** For whom the far end was an echo of our own: whether it went out of an exit at all. */
  readonly throughExit: boolean
}

export interface RunOptions {
  readonly clock: Clock
  readonly random: Random
  readonly circuits: ProbeCircuits
  readonly echo: ProbeEcho
  readonly streams: ProbeStreamEcho
  /** Our TCP listener, if a connection is to be tried too. */
  readonly streamDestination: IpAddress | undefined
  /** Nodes of the DHT, to be pinged too. */
  readonly strangers: readonly IpAddress[]
  /** Our own address, where the exit is to send to; without it the last hop itself is asked, in test messages. */
  readonly destination: IpAddress | undefined
  readonly path: readonly ProbeRelay[]
  readonly withBurst: boolean
  readonly settings: ExitProbeSettings
}

/** Sizes of the test messages that stand in for exchanges where there is no exit. */
const MOST_TEST_BYTES = 1_000
const MAX_WAITING = 256

/**
 * One circuit with traffic on it, as a user's has: exchanges at moments of chance over a time of chance, with a burst among them if
 * bandwidth is to be measured. Ends by itself and tells once.
 */
export class ProbeRun {
  private readonly options: RunOptions
  private readonly done: (result: RunResult) => void
  private readonly payloads: ProbePayloads
  private readonly answers: ExpectedDatagrams<{ burst: boolean; seen: boolean }>
  private readonly tests = new Map<number, 'test' | 'burst'>()
  private readonly pings: StrangerPings
  private readonly rate: BurstRate
  private readonly timers: Timer[] = []
  private readonly withdrawals: (() => void)[] = []
  private circuit: Circuit | undefined
  private stream: ProbeStreamRun | undefined
  private end: RunResult['end'] = 'unbuilt'
  private over = false
  private sent = 0
  private arrivals = 0
  private answered = 0
  private returned = 0
  private altered = 0
  private foreign = 0
  private bytes = 0

  constructor(options: RunOptions, done: (result: RunResult) => void) {
    this.options = options
    this.done = done
    this.payloads = new ProbePayloads(options.random)
    this.answers = new ExpectedDatagrams(MAX_WAITING)
    this.pings = new StrangerPings(options.random)
    this.rate = new BurstRate(options.clock)
  }

  start(): void {
    const { circuits, path, settings } = this.options
    const events: Partial<CircuitEvents> = {
      ready: () => this.ready(),
      datagram: (_, _origin, data) => this.datagram(data),
      tested: (_, identifier, data) => this.tested(identifier, data),
      closed: () => this.finish(this.end === 'unbuilt' ? 'unbuilt' : 'died'),
    }
    this.after(settings.buildMs, () => {
      if (this.end === 'unbuilt') this.finish('unbuilt')
    })
    this.circuit = circuits.build(path, events)
    if (this.circuit === undefined) this.finish('unmade')
  }

  /** Ends it without a result. */
  stop(): void {
    this.over = true
    this.clear()
  }

  private ready(): void {
    const { random, settings, withBurst } = this.options
    this.end = 'died'
    const spanMs = settings.leastSpanMs + below(random, settings.mostSpanMs - settings.leastSpanMs)
    for (let i = 0; i < settings.exchanges; i++) this.after(fraction(random) * spanMs, () => this.ask())
    for (const each of this.options.strangers) this.after(fraction(random) * spanMs, () => this.ping(each))
    // In the middle, where a circuit of a user is in full use.
    if (withBurst) this.after(spanMs * (0.3 + 0.4 * fraction(random)), () => this.askBurst())
    this.after(spanMs * 0.2 * fraction(random), () => this.openStream())
    this.after(spanMs + settings.settleMs, () => this.finish('done'))
  }

  private ping(stranger: IpAddress): void {
    const datagram = this.pings.next()
    this.bytes += datagram.length
    this.circuit?.sendDatagram(stranger, datagram)
  }

  private openStream(): void {
    const { path, streamDestination } = this.options
    const exit = path.at(-1)
    if (this.circuit === undefined || exit === undefined || streamDestination === undefined) return
    this.stream = new ProbeStreamRun(this.circuit, exit, streamDestination, this.options)
  }

  private ask(): void {
    const { destination, random } = this.options
    if (destination === undefined) this.test(64 + below(random, 1 + below(random, MOST_TEST_BYTES)), 'test')
    else if (this.send(this.payloads.next(), destination, false)) this.sent++
  }

  private askBurst(): void {
    const { destination, settings } = this.options
    if (destination !== undefined) this.send(this.payloads.burst(), destination, true)
    else for (let i = 0; i < settings.burst; i++) this.test(settings.burstBytes, 'burst')
  }

  private test(bytes: number, kind: 'test' | 'burst'): void {
    const identifier = this.circuit?.sendTest(bytes, new Uint8Array())
    if (identifier === undefined) return
    this.tests.set(identifier, kind)
    this.bytes += bytes
    if (kind === 'burst') return
    this.sent++
    this.arrivals++
    this.answered++
  }

  private send(exchange: Exchange, destination: IpAddress, burst: boolean): boolean {
    const last = this.options.path.at(-1)
    const withdrawEcho = this.options.echo.expect(exchange, last?.claimed ?? [], (arrival) => {
      if (!arrival.claimed) this.foreign++
      if (arrival.altered) this.altered++
      if (burst) return
      this.arrivals++
      this.answered += arrival.answered
    })
    if (withdrawEcho === undefined) return false
    this.withdrawals.push(withdrawEcho)
    this.bytes += exchange.question.length
    for (const answer of exchange.answers) {
      const withdraw = this.answers.add(answer, { burst, seen: false })
      if (withdraw) this.withdrawals.push(withdraw)
      this.bytes += answer.length
    }
    return this.circuit?.sendDatagram(destination, exchange.question) ?? false
  }

  private datagram(data: Uint8Array): void {
    const match = this.answers.match(data)
    if (match === undefined) this.pings.receive(data)
    if (match === undefined || match.value.seen) return
    match.value.seen = true
    if (match.altered) this.altered++
    if (match.value.burst) this.rate.arrived(data.length)
    else this.returned++
  }

  private tested(identifier: number, data: Uint8Array): void {
    const kind = this.tests.get(identifier)
    this.tests.delete(identifier)
    if (kind === 'burst') this.rate.arrived(data.length)
    else if (kind === 'test') this.returned++
  }

  private get failedHop(): number | undefined {
    const { failedHop, refusedByPrevious = false } = this.circuit ?? {}
    return failedHop !== undefined && refusedByPrevious ? failedHop - 1 : failedHop
  }

  private finish(end: RunResult['end']): void {
    if (this.over) return
    this.over = true
    const { stream, sent, answered, returned } = this
    const outcome = stream?.outcome ?? 'undone'
    this.clear()
    this.done({
      end,
      failedHop: this.failedHop,
      sent,
      arrived: this.arrivals,
      answered,
      returned,
      altered: this.altered + (outcome === 'altered' ? 1 : 0),
      // A connection is worth as much as all the datagrams: it came from there, or it did not.
      foreign: this.foreign + (stream?.foreign ? sent : 0),
      bytesPerSecond: this.rate.bytesPerSecond,
      strangersAsked: this.pings.asked,
      strangersAnswered: this.pings.answered,
      stream: outcome,
      bytes: this.bytes + (stream?.bytes ?? 0),
      throughExit: this.options.destination !== undefined,
    })
  }

  private clear(): void {
    for (const timer of this.timers) timer.cancel()
    for (const withdraw of this.withdrawals) withdraw()
    this.stream?.stop()
    this.circuit?.destroy('unneeded')
  }

  private after(delayMs: number, run: () => void): void {
    this.timers.push(this.options.clock.after(delayMs, run))
  }
}
