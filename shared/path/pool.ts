import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { NetworkBits, PathRelay } from './relay.ts'
import type { Reliability } from './reliability.ts'
import { type Hops, selectPath } from './select.ts'

/** What the pool needs of a circuit; `Circuit` of the onion room has it. */
export interface PoolCircuit {
  readonly state: 'extending' | 'ready' | 'closing' | 'closed'
  /** Hop by hop; the first that is `failed` is the one to blame. */
  readonly hops: readonly { readonly state: string }[]
  start(): void
  destroy(reason: 'unneeded'): void
}

/** A circuit with what the pool knows of it. */
export interface Member<C extends PoolCircuit> {
  /** 1, 2, 3 ...: for people; says nothing about the wire. */
  readonly number: number
  readonly circuit: C
  readonly path: readonly PathRelay[]
  readonly link: Link
  readonly startedMs: number
}

export interface PoolEvents {
  ready(): void
  closed(): void
  changed(): void
}

export interface PoolOptions<C extends PoolCircuit> {
  readonly clock: Clock
  readonly random: Random
  readonly reliability: Reliability
  readonly networkBits: NetworkBits
  /** An open link to a first hop; for one hop, to an exit. */
  entry(hops: Hops): { readonly link: Link; readonly relay: PathRelay } | undefined
  relays(): readonly PathRelay[]
  /** Makes a circuit, not yet started. */
  circuit(path: readonly PathRelay[], link: Link, events: PoolEvents): C
  /** The primary is another one now, or gone. */
  primaryChanged(): void
  changed(): void
  readonly hops: Hops
  /** Warm circuits kept beside the primary (requirement C-05). */
  readonly standbys?: number
}

export type PoolProblem = 'no-relay' | 'no-exit' | 'no-circuit'

/** Pause before the next try, by the number of failures in a row. */
const BACK_OFF_MS = [0, 250, 500, 1_000, 2_000, 5_000]
/** A circuit that takes longer than this gets a rival: whichever is ready first serves. */
const HEDGE_MS = 3_000
const FAILURES_TO_TELL = 3
/** A standby is replaced at this age, so that it has most of its hour left (relays end circuits then) when it must serve. */
const STANDBY_AGE_MS = 20 * 60_000

/**
 * Keeps one primary circuit and warm standbys (requirements C-05, C-06). The first that is ready is the primary; when it ends
 * a standby takes its place at once, and a new one is built through other relays.
 */
export class CircuitPool<C extends PoolCircuit> {
  private readonly options: PoolOptions<C>
  private readonly standbys: number
  private members: Member<C>[] = []
  private retiring: Member<C>[] = []
  private current: Member<C> | undefined
  private failures = 0
  private lastNumber = 0
  private nextTryMs = 0
  private wanted: Hops
  private selection: PoolProblem | undefined
  private timer: Timer | undefined
  private stopped = false

  constructor(options: PoolOptions<C>) {
    this.options = options
    this.standbys = options.standbys ?? 1
    this.wanted = options.hops
  }

  get hops(): Hops {
    return this.wanted
  }

  get primary(): Member<C> | undefined {
    return this.current
  }

  /** The primary first, then by age. Circuits that a better one has not replaced yet stand among them. */
  list(): readonly Member<C>[] {
    const all = [...this.retiring, ...this.members]
    const { current } = this
    return current ? [current, ...all.filter((member) => member !== current)] : all
  }

  /** Why there is no circuit to use; undefined while there is one, or may soon be. */
  get problem(): PoolProblem | undefined {
    if (this.current) return undefined
    return this.selection ?? (this.failures >= FAILURES_TO_TELL ? 'no-circuit' : undefined)
  }

  /** Looks again at once: a link has opened, relays have become known. */
  nudge(): void {
    this.nextTryMs = 0
    this.maintain()
  }

  /** Other circuits of `hops` hops; the present primary serves until one of them is ready. */
  setHops(hops: Hops): void {
    if (hops === this.wanted) return
    this.wanted = hops
    this.failures = 0
    for (const member of this.members) {
      if (member === this.current) this.retiring.push(member)
      else member.circuit.destroy('unneeded')
    }
    this.members = []
    this.nudge()
  }

  /** Another primary: a standby that is ready takes over at once, else the present one serves until one is. */
  renew(): void {
    const { current } = this
    if (!current) {
      this.nudge()
      return
    }
    this.members = this.members.filter((member) => member !== current)
    this.retiring.push(current)
    this.promote()
    this.nudge()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    for (const member of this.list()) member.circuit.destroy('unneeded')
    this.members = []
    this.retiring = []
    this.current = undefined
  }

  private maintain(): void {
    if (this.stopped) return
    this.timer?.cancel()
    const nowMs = this.options.clock.now()
    this.retireStandbys(nowMs)
    const building = this.members.filter((member) => member.circuit.state === 'extending')
    const ready = this.members.filter((member) => member.circuit.state === 'ready').length
    const youngest = building.at(-1)
    const patient = youngest === undefined || nowMs - youngest.startedMs >= HEDGE_MS
    // One at a time, the primary first; a slow one gets a single rival.
    if (ready + Math.min(building.length, 1) <= this.standbys && building.length < 2 && patient) {
      if (nowMs >= this.nextTryMs) this.build(nowMs)
    }
    const dueMs = Math.min(
      this.nextTryMs > nowMs ? this.nextTryMs : Number.POSITIVE_INFINITY,
      ...this.members
        .filter((member) => member !== this.current)
        .map(
          ({ circuit, startedMs }) => startedMs + (circuit.state === 'extending' ? HEDGE_MS : STANDBY_AGE_MS),
        )
        .filter((timeMs) => timeMs > nowMs),
    )
    if (dueMs < Number.POSITIVE_INFINITY) {
      this.timer = this.options.clock.after(dueMs - nowMs, () => this.maintain())
    }
  }

  private retireStandbys(nowMs: number): void {
    const isOld = (member: Member<C>) =>
      member !== this.current &&
      member.circuit.state === 'ready' &&
      nowMs - member.startedMs >= STANDBY_AGE_MS
    const old = this.members.filter(isOld)
    if (old.length === 0) return
    this.members = this.members.filter((member) => !isOld(member))
    for (const member of old) member.circuit.destroy('unneeded')
  }

  private build(nowMs: number): void {
    const { options } = this
    const entry = options.entry(this.wanted)
    if (!entry) {
      this.cannot('no-relay', nowMs)
      return
    }
    const path = selectPath({
      entry: entry.relay,
      hops: this.wanted,
      relays: options.relays(),
      networkBits: options.networkBits,
      factor: (relay) => options.reliability.factor(relay),
      avoid: this.list().flatMap((member) => member.path.slice(1)),
      random: options.random,
    })
    if (typeof path === 'string') {
      this.cannot(path, nowMs)
      return
    }
    this.selection = undefined
    const circuit = options.circuit(path, entry.link, {
      ready: () => this.ready(member),
      closed: () => this.closed(member),
      changed: () => options.changed(),
    })
    const member: Member<C> = {
      number: ++this.lastNumber,
      circuit,
      path,
      link: entry.link,
      startedMs: nowMs,
    }
    this.members.push(member)
    circuit.start()
    options.changed()
  }

  private cannot(problem: PoolProblem, nowMs: number): void {
    this.selection = problem
    this.backOff(nowMs)
    this.options.changed()
  }

  private backOff(nowMs: number): void {
    this.failures++
    const pauseMs = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] as number
    this.nextTryMs = nowMs + pauseMs
  }

  private ready(member: Member<C>): void {
    this.failures = 0
    this.nextTryMs = 0
    for (const relay of member.path) this.options.reliability.succeeded(relay)
    this.promote()
    this.maintain()
    this.options.changed()
  }

  private closed(member: Member<C>): void {
    if (this.stopped) return
    const known = this.members.includes(member)
    this.members = this.members.filter((other) => other !== member)
    this.retiring = this.retiring.filter((other) => other !== member)
    if (known) {
      const blamed = member.circuit.hops.findIndex((hop) => hop.state === 'failed')
      const relay = blamed < 0 ? undefined : member.path[blamed]
      if (relay) this.options.reliability.failed(relay)
      this.backOff(this.options.clock.now())
    }
    if (this.current === member) {
      this.current = undefined
      // A ready circuit that ends is no sign that the next will fail: replace it at once.
      this.nextTryMs = 0
      this.promote()
      if (!this.current) this.options.primaryChanged()
    }
    this.maintain()
    this.options.changed()
  }

  /** Makes a ready member the primary where none is, and ends what it replaces. */
  private promote(): void {
    const { current } = this
    if (current && this.members.includes(current)) return
    const next = this.members.find((member) => member.circuit.state === 'ready')
    if (!next) return
    this.current = next
    this.options.primaryChanged()
    const replaced = this.retiring
    this.retiring = []
    for (const member of replaced) member.circuit.destroy('unneeded')
  }
}
