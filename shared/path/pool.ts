import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Timer } from '../world/clock.ts'
import { fraction } from '../world/random.ts'
import { listedPause } from '../world/retry.ts'
import { CircuitWatch } from './circuit-watch.ts'
import { POOL } from './constants.ts'
import {
  exitKey,
  isAlive,
  isEntangled,
  isUsable,
  type Member,
  type PoolCircuit,
  sharedRelays,
} from './member.ts'
import type { Entry, PoolOptions, PoolProblem } from './pool-options.ts'
import { type PathRelay, relayKey } from './relay.ts'
import { type Hops, selectPath } from './select.ts'

export type { Entry, PoolEvents, PoolOptions, PoolProblem } from './pool-options.ts'

/**
 * Keeps one primary circuit and warm standbys (requirements C-05, C-06), through different guards where there are two. The
 * first that is ready is the primary; when it ends or falls silent a standby takes its place at once, and a new one is built
 * through other relays. No circuit serves for ever: one that is worn is replaced once another is ready.
 */
export class CircuitPool<C extends PoolCircuit> {
  private readonly options: PoolOptions<C>
  private readonly watch: CircuitWatch
  private readonly standbys: number
  /** So that no turn of events makes relays build circuits without end. */
  private readonly builds: TokenBucket
  private members: Member<C>[] = []
  /** Of another number of hops, or unwanted: the primary among them serves until a member can. */
  private retiring: Member<C>[] = []
  /** Worn: they serve the streams that they have, for a while. */
  private draining: Member<C>[] = []
  private readonly everSuspect = new WeakSet<Member<C>>()
  private readonly everReady = new WeakSet<Member<C>>()
  /** By key, those of all primaries since the last new start; */
  private readonly exits = new Map<string, PathRelay>()
  /** and of those before it. */
  private formerExits: readonly PathRelay[] = []
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
    this.watch = new CircuitWatch(options.reliability, options.clock)
    this.standbys = options.standbys ?? 1
    this.builds = new TokenBucket(options.clock, POOL.buildsPerSecond, POOL.buildBurst)
    this.wanted = options.hops
  }

  get hops(): Hops {
    return this.wanted
  }

  get primary(): Member<C> | undefined {
    return this.current
  }

  /** The primary first, then those that can serve, then others. Circuits that a better one has not replaced yet are among them. */
  list(): readonly Member<C>[] {
    const rank = (member: Member<C>) => (member === this.current ? 0 : isUsable(member) ? 1 : 2)
    return [...this.retiring, ...this.members].sort((a, b) => rank(a) - rank(b))
  }

  /** Why there is no circuit to use; undefined while there is one, or may soon be. */
  get problem(): PoolProblem | undefined {
    if (this.current) return undefined
    return this.selection ?? (this.failures >= POOL.failuresToTell ? 'no-circuit' : undefined)
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
    if (!this.retiring.includes(current)) this.retiring.push(current)
    this.promote()
    this.nudge()
  }

  /**
   * For what shall have nothing in common with what went before: every circuit to an exit of a primary so far ends at once, a silent
   * one that may recover included. A standby to another exit takes over; else there is no primary until a circuit is built.
   */
  startAnew(): void {
    const { current } = this
    const hasServed = (member: Member<C>) => this.exits.has(exitKey(member))
    const going = [...this.list(), ...this.draining].filter(hasServed)
    if (this.exits.size > 0) this.formerExits = [...this.exits.values()]
    this.members = this.members.filter((member) => !hasServed(member))
    this.retiring = []
    this.draining = []
    this.current = undefined
    this.exits.clear()
    for (const member of going) member.circuit.destroy('unneeded')
    this.nudge()
    if (current && !this.current) this.options.primaryChanged()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    for (const member of [...this.list(), ...this.draining]) member.circuit.destroy('unneeded')
    this.members = []
    this.retiring = []
    this.draining = []
    this.current = undefined
  }

  private maintain(): void {
    if (this.stopped) return
    this.timer?.cancel()
    const nowMs = this.options.clock.now()
    for (const member of this.members) if (member.circuit.state === 'ready') this.watch.look(member)
    this.expel()
    this.promote()
    this.retireStandbys(nowMs)
    const entries = this.options.entries(this.wanted)
    // What is built over a silent link may never come.
    const building = this.members.filter(
      ({ circuit, link }) => circuit.state === 'extending' && !(this.options.isSilent?.(link) ?? false),
    )
    const youngest = building.at(-1)
    const patient = youngest === undefined || nowMs - youngest.startedMs >= POOL.hedgeMs
    // One at a time, the primary first; beside a slow one another.
    const mayBuild = patient && building.length < POOL.maxBuilding && nowMs >= this.nextTryMs
    if (mayBuild && this.needsMore(entries, building)) {
      if (this.builds.take()) this.build(nowMs, entries)
      else this.nextTryMs = nowMs + 1_000 / POOL.buildsPerSecond
    }
    const watching = this.members.some(({ circuit }) => circuit.state === 'ready')
    const dueMs = Math.min(
      this.nextTryMs > nowMs ? this.nextTryMs : Number.POSITIVE_INFINITY,
      watching ? nowMs + POOL.watchMs : Number.POSITIVE_INFINITY,
      ...this.members
        .filter(({ circuit }) => circuit.state === 'extending')
        .map(({ startedMs }) => startedMs + POOL.hedgeMs)
        .filter((timeMs) => timeMs > nowMs),
    )
    if (dueMs < Number.POSITIVE_INFINITY) {
      this.timer = this.options.clock.after(dueMs - nowMs, () => this.maintain())
    }
  }

  /** Whether circuits are missing, or all go through one guard though there are two. Those that are slow to come count for nothing. */
  private needsMore(entries: readonly Entry[], building: readonly Member<C>[]): boolean {
    const lasting = this.members.filter((member) => this.isUsable(member) && !this.isWorn(member))
    if (lasting.length <= this.standbys) return true
    const links = new Set([...lasting, ...building].map(({ link }) => link))
    return this.standbys > 0 && links.size < 2 && entries.some(({ link }) => !links.has(link))
  }

  private isUsable(member: Member<C>): boolean {
    return isUsable(member) && !(this.options.isSilent?.(member.link) ?? false)
  }

  /** Old, used up, or through what has become another circuit's guard: to be replaced once another is ready. */
  private isWorn(member: Member<C>): boolean {
    const { circuit, wornAtMs } = member
    return (
      this.options.clock.now() >= wornAtMs ||
      circuit.bytesIn + circuit.bytesOut >= POOL.maxPrimaryBytes ||
      isEntangled(member, this.guards())
    )
  }

  private guards(): readonly PathRelay[] {
    return this.options.guards?.() ?? []
  }

  /** Ends standbys that are old or worn, and those beyond what is wanted: the least trusted, then those beside the primary, first. */
  private retireStandbys(nowMs: number): void {
    const { current } = this
    const spare = this.members.filter((member) => member !== current && this.isUsable(member))
    const isServed = current !== undefined && this.isUsable(current) && !this.isWorn(current)
    const old = spare.filter(
      (member) => nowMs - member.startedMs >= POOL.standbyAgeMs || (isServed && this.isWorn(member)),
    )
    const worth = (member: Member<C>) =>
      (this.everSuspect.has(member) ? 0 : 2) + (member.link === current?.link ? 0 : 1)
    const surplus = spare
      .filter((member) => !old.includes(member))
      .sort((a, b) => worth(b) - worth(a))
      .slice(this.standbys)
    const going = [...old, ...(current && this.isUsable(current) ? surplus : [])]
    if (going.length === 0) return
    this.members = this.members.filter((member) => !going.includes(member))
    for (const member of going) member.circuit.destroy('unneeded')
  }

  /** Ends circuits with relays that are not wanted any more. */
  private expel(): void {
    const { wishes, clock } = this.options
    const unwanted =
      wishes &&
      this.members.filter(({ path }) => wishes.unfit?.(path) || path.some((relay) => wishes.refused(relay)))
    if (!unwanted || unwanted.length === 0) return
    this.members = this.members.filter((member) => !unwanted.includes(member))
    for (const member of unwanted) {
      if (member === this.current) {
        this.retiring.push(member)
        clock.after(POOL.drainMs, () => member.circuit.destroy('unneeded'))
      } else {
        member.circuit.destroy('unneeded')
      }
    }
  }

  private build(nowMs: number, entries: readonly Entry[]): void {
    const { options } = this
    const load = ({ link }: Entry) =>
      this.members.filter((each) => each.link === link && isAlive(each)).length
    const former = new Set(this.formerExits.map(relayKey))
    const isFormer = ({ relay }: Entry) => this.wanted === 1 && former.has(relayKey(relay))
    // Stable: of entries with as many circuits the better one.
    const ways = [...entries].sort((a, b) => load(a) - load(b) || Number(isFormer(a)) - Number(isFormer(b)))
    const entry = (this.current ? undefined : ways.find((way) => !isFormer(way))) ?? ways[0]
    if (!entry) {
      this.cannot('no-relay', nowMs)
      return
    }
    // Any of them may be what is silent.
    const suspects = this.members.filter(({ circuit }) => circuit.suspect)
    const silent = new Set(suspects.flatMap((member) => member.path.slice(1)).map(relayKey))
    const inUse = this.list().flatMap((member) => member.path.slice(1))
    const path = selectPath({
      entry: entry.relay,
      hops: this.wanted,
      relays: options.relays(),
      networkBits: options.networkBits,
      factor: (relay) => options.reliability.factor(relay),
      resting: (relay) => options.reliability.resting(relay) || silent.has(relayKey(relay)),
      measured: (relay) => options.reliability.bytesPerSecond(relay),
      // What is built without a primary may become it.
      avoid: this.current ? inUse : this.formerExits,
      alsoAvoid: this.current ? this.formerExits : inUse,
      guards: this.guards(),
      wishes: options.wishes,
      random: options.random,
    })
    if (typeof path === 'string') {
      this.cannot(path, nowMs)
      return
    }
    this.selection = undefined
    const circuit = options.circuit(path, entry.link, {
      ready: () => this.ready(member),
      suspected: () => this.suspected(member),
      closed: () => this.closed(member),
      changed: () => options.changed(),
    })
    const { minPrimaryAgeMs, maxPrimaryAgeMs } = POOL
    const ageMs = minPrimaryAgeMs + fraction(options.random) * (maxPrimaryAgeMs - minPrimaryAgeMs)
    const member: Member<C> = {
      number: ++this.lastNumber,
      circuit,
      path,
      link: entry.link,
      startedMs: nowMs,
      wornAtMs: nowMs + ageMs,
      guards: new Set([entry.relay, ...this.guards()].map(relayKey)),
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
    this.nextTryMs = nowMs + listedPause(POOL.backOffMs, this.failures)
  }

  private ready(member: Member<C>): void {
    this.failures = 0
    this.nextTryMs = 0
    this.everReady.add(member)
    this.watch.ready(member)
    this.maintain()
    this.options.changed()
  }

  private suspected(member: Member<C>): void {
    this.everSuspect.add(member)
    this.watch.suspected(member)
    if (this.draining.includes(member)) this.options.abandoned(member.circuit)
    // An idle circuit may have died with it and not know yet.
    for (const other of this.members) if (other !== member && this.isUsable(other)) other.circuit.ping()
    this.nextTryMs = 0
    this.maintain()
    this.options.changed()
  }

  private closed(member: Member<C>): void {
    if (this.stopped) return
    const known = this.members.includes(member)
    const without = (list: Member<C>[]) => list.filter((other) => other !== member)
    this.members = without(this.members)
    this.retiring = without(this.retiring)
    this.draining = without(this.draining)
    if (known) {
      this.watch.ended(member, this.everReady.has(member))
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

  /** Makes a member the primary where none is, or where the present one is silent, worn or unwanted. */
  private promote(): void {
    const { current } = this
    if (current && this.members.includes(current) && this.isUsable(current) && !this.isWorn(current)) return
    const usable = this.members.filter((each) => each !== current && this.isUsable(each))
    const fresh = usable.filter((each) => !this.isWorn(each))
    const isServed = current !== undefined && this.members.includes(current) && this.isUsable(current)
    // Rather a worn one than none.
    const fit = fresh.length > 0 || isServed ? fresh : usable
    // What silences one circuit may silence others that it shares relays with.
    if (current?.circuit.suspect) fit.sort((a, b) => sharedRelays(a, current) - sharedRelays(b, current))
    const [next] = fit
    if (!next) return
    this.current = next
    const exit = next.path.at(-1)
    if (exit) this.exits.set(exitKey(next), exit)
    this.options.primaryChanged()
    const replaced = this.retiring
    this.retiring = []
    for (const member of replaced) member.circuit.destroy('unneeded')
    if (current && this.members.includes(current)) this.replaced(current)
  }

  private replaced(member: Member<C>): void {
    // Its link may be known to be silent before it is.
    if (!this.isUsable(member)) {
      this.options.abandoned(member.circuit)
      return
    }
    this.members = this.members.filter((other) => other !== member)
    this.draining.push(member)
    this.options.clock.after(POOL.drainMs, () => member.circuit.destroy('worn-out'))
  }
}
