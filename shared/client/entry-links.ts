import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import { relayKey } from '../path/relay.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { listedPause } from '../world/retry.ts'
import { ENTRY_BACK_OFF_MS, ENTRY_BETTER_MS, ENTRY_FAILURES_TO_TELL, ENTRY_YOUNG_MS } from './constants.ts'

/** A relay that lets us in: its key, and where. */
export interface EntryRelay {
  readonly publicKey: PublicKey
  /** A link address: ws: or wss: URL of its gateway, `webrtc+` before that of another; `udp://` for a client with a socket. */
  readonly url: string
  /** Further ones that are known beforehand. */
  readonly ways?: readonly string[]
}

export interface EntryWay {
  readonly relay: EntryRelay
  readonly link: Link
}

export interface EntryLinksOptions {
  readonly clock: Clock
  /** Links kept at once. */
  readonly count: number
  /** Whom to try, best first; asked anew for each try. */
  candidates(): readonly EntryRelay[]
  open(relay: EntryRelay): Promise<Link>
  opened(way: EntryWay): void
  /**
   * A relay did not let us in. Not told while none is open and one is tried that has not failed yet: that will show whether it
   * is we who are cut off.
   *
   * @param alone no other is open either
   */
  failed?(relay: EntryRelay, alone: boolean): void
  /** Whether nothing comes over an open link though it should. Another is opened beside it then. */
  silent?(link: Link): boolean
  /** Whether circuits go over a link, so that it is not to be closed for a better one yet. */
  inUse?(link: Link): boolean
  changed(): void
}

export type EntryState = 'idle' | 'connecting' | 'open' | 'lost'

interface Open extends EntryWay {
  readonly openedMs: number
}

interface Failed {
  times: number
  againMs: number
}

/**
 * Keeps links to the first hops, as many as are asked for, to the best candidates that can be reached. Candidates come in the
 * order of the guards (path room): one that fails is passed over and tried again later, not forgotten.
 */
export class EntryLinks {
  private readonly options: EntryLinksOptions
  private ways: Open[] = []
  private readonly connecting = new Set<string>()
  private readonly failures = new Map<string, Failed>()
  /** Links that ended young among them. */
  private failuresInARow = 0
  private wanted = false
  private everOpen = false
  private timer: Timer | undefined
  private stopped = false

  constructor(options: EntryLinksOptions) {
    this.options = options
  }

  get state(): EntryState {
    if (this.ways.length > 0) return 'open'
    if (!this.wanted || this.stopped) return 'idle'
    return this.everOpen ? 'lost' : 'connecting'
  }

  /** Open links, those to better relays first; silent ones last. */
  list(): readonly EntryWay[] {
    const rank = this.ranks()
    const worth = ({ link, relay }: Open) => (this.isSilent(link) ? 1e6 : 0) + rank(relay)
    return [...this.ways].sort((a, b) => worth(a) - worth(b))
  }

  /** True once it is time to tell people that no relay can be reached. */
  get unreachable(): boolean {
    return this.ways.length === 0 && this.failuresInARow >= ENTRY_FAILURES_TO_TELL
  }

  /** Begins to connect. Idempotent. */
  want(): void {
    if (this.wanted) return
    this.wanted = true
    this.look()
  }

  /** To be called when candidates have changed, or a link has become silent or is so no more. */
  look(): void {
    if (this.stopped || !this.wanted) return
    this.timer?.cancel()
    const { clock, count } = this.options
    const candidates = this.options.candidates().filter((relay) => !this.isBusy(relay))
    const due = (relay: EntryRelay) => this.failures.get(relayKey(relay))?.againMs ?? 0
    const nowMs = clock.now()
    let missing = count - this.ways.filter(({ link }) => !this.isSilent(link)).length - this.connecting.size
    for (const relay of this.bySuccess(candidates)) {
      if (missing <= 0) break
      if (due(relay) > nowMs) continue
      missing--
      this.connect(relay)
    }
    if (this.ways.length === 0 && this.connecting.size === 0 && candidates.length === 0) this.fail()
    this.replaceWorst(nowMs)
    this.closeSurplus()
    const waiting = candidates.map(due).filter((dueMs) => dueMs > nowMs)
    const nextMs = missing > 0 ? Math.min(...waiting) : nowMs + ENTRY_BETTER_MS
    if (nextMs < Number.POSITIVE_INFINITY) this.again(nextMs - nowMs)
  }

  /** There is a new way to those that could not be reached: they are tried now. */
  hurry(): void {
    this.failures.clear()
    this.look()
  }

  /** To be called when a link has closed. @param failed the relay is the cause: it is not gone back to at once */
  closed(link: Link, failed = false): void {
    const way = this.ways.find((each) => each.link === link)
    if (way === undefined || this.stopped) return
    this.ways = this.ways.filter((each) => each !== way)
    if (failed || this.options.clock.now() - way.openedMs < ENTRY_YOUNG_MS) {
      this.fail(way.relay)
    } else {
      this.failures.delete(relayKey(way.relay))
      this.failuresInARow = 0
      this.options.changed()
    }
    this.look()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    for (const { link } of this.ways) link.close('unneeded')
    this.ways = []
  }

  /**
   * Those that failed less often first, in the order they have. Who never answers takes longer to fail than until he is due again:
   * the first few of that kind would be tried in turn for ever, and nobody after them.
   */
  private bySuccess(relays: readonly EntryRelay[]): readonly EntryRelay[] {
    const failures = (relay: EntryRelay) => this.failures.get(relayKey(relay))?.times ?? 0
    return [...relays].sort((a, b) => failures(a) - failures(b))
  }

  private isSilent(link: Link): boolean {
    return this.options.silent?.(link) ?? false
  }

  private isBusy(relay: EntryRelay): boolean {
    const key = relayKey(relay)
    return this.connecting.has(key) || this.ways.some((way) => relayKey(way.relay) === key)
  }

  private ranks(): (relay: EntryRelay) => number {
    const order = new Map(this.options.candidates().map((relay, i) => [relayKey(relay), i]))
    return (relay) => order.get(relayKey(relay)) ?? order.size
  }

  /** Tries the best candidate that is not open, if it is better than the worst that is to stay: one at a time, now and then. */
  private replaceWorst(nowMs: number): void {
    if (this.connecting.size > 0 || this.ways.length < this.options.count) return
    const rank = this.ranks()
    // Of those that are to stay: one that is surplus, but in use, would be bettered by what is closed at once for being surplus.
    const last = this.list()[this.options.count - 1]
    const worst = last ? rank(last.relay) : 0
    const better = this.options
      .candidates()
      .find((relay) => !this.isBusy(relay) && rank(relay) < worst && this.restsUntil(relay) <= nowMs)
    if (better) this.connect(better)
  }

  private restsUntil(relay: EntryRelay): number {
    const failed = this.failures.get(relayKey(relay))
    return failed
      ? Math.max(
          failed.againMs,
          failed.againMs - listedPause(ENTRY_BACK_OFF_MS, failed.times) + ENTRY_BETTER_MS,
        )
      : 0
  }

  /** Lets go of links beyond what is wanted once no circuit goes over them. */
  private closeSurplus(): void {
    const good = this.list().filter(({ link }) => !this.isSilent(link))
    for (const { link } of good.slice(this.options.count)) {
      if (this.options.inUse?.(link)) continue
      this.ways = this.ways.filter((way) => way.link !== link)
      link.close('unneeded')
    }
  }

  private connect(relay: EntryRelay): void {
    const key = relayKey(relay)
    this.connecting.add(key)
    this.options.changed()
    this.options.open(relay).then(
      (link) => {
        this.connecting.delete(key)
        this.opened(relay, link)
      },
      () => {
        this.connecting.delete(key)
        if (this.stopped) return
        this.fail(relay)
        this.look()
      },
    )
  }

  private opened(relay: EntryRelay, link: Link): void {
    if (this.stopped) {
      link.close('unneeded')
      return
    }
    const openedMs = this.options.clock.now()
    const way = { relay, link, openedMs }
    this.ways.push(way)
    this.everOpen = true
    this.options.opened(way)
    this.options.changed()
    if (link.open) this.look()
    else this.closed(link)
  }

  /** @param relay which failed; none if there was none to try */
  private fail(relay?: EntryRelay): void {
    this.failuresInARow++
    if (relay) {
      const times = (this.failures.get(relayKey(relay))?.times ?? 0) + 1
      this.failures.set(relayKey(relay), {
        times,
        againMs: this.options.clock.now() + listedPause(ENTRY_BACK_OFF_MS, times),
      })
      const alone = this.ways.length === 0
      const mayOpen = [...this.connecting].some((key) => !this.failures.has(key))
      if (!alone || !mayOpen) this.options.failed?.(relay, alone)
    } else {
      this.again(listedPause(ENTRY_BACK_OFF_MS, this.failuresInARow))
    }
    this.options.changed()
  }

  private again(delayMs: number): void {
    this.timer?.cancel()
    this.timer = this.options.clock.after(delayMs, () => this.look())
  }
}
