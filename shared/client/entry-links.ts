import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, shuffled } from '../world/random.ts'
import { ENTRY_BACK_OFF_MS, ENTRY_FAILURES_TO_TELL, ENTRY_YOUNG_MS } from './constants.ts'

/** A relay that lets us in: its key, and the address of its gateway. */
export interface EntryRelay {
  readonly publicKey: PublicKey
  /** ws: or wss: URL. */
  readonly url: string
}

export interface EntryLinkOptions {
  readonly clock: Clock
  readonly random: Random
  /** Whom to try, best first; asked anew for each try. */
  candidates(): readonly EntryRelay[]
  open(relay: EntryRelay): Promise<Link>
  opened(link: Link, relay: EntryRelay): void
  changed(): void
}

export type EntryState = 'idle' | 'connecting' | 'open' | 'lost'

/**
 * Keeps one link to a first hop. The relay that served last is tried first when the link is lost (a guard: changing it often
 * would show the visitor to ever more relays), then the others.
 */
export class EntryLink {
  state: EntryState = 'idle'
  link: Link | undefined
  relay: EntryRelay | undefined
  private readonly options: EntryLinkOptions
  private readonly failedAt = new Map<string, number>()
  /** In a row, links that ended young among them. */
  private failures = 0
  private openedAt = 0
  private timer: Timer | undefined
  private stopped = false

  constructor(options: EntryLinkOptions) {
    this.options = options
  }

  /** True once it is time to tell people that no relay can be reached. */
  get unreachable(): boolean {
    return this.state !== 'open' && this.failures >= ENTRY_FAILURES_TO_TELL
  }

  /** Begins to connect, unless it is on the way or there. */
  want(): void {
    if (this.state === 'idle') this.connect()
  }

  /** To be called when the link has closed. */
  closed(link: Link): void {
    if (link !== this.link || this.stopped) return
    this.link = undefined
    this.state = 'lost'
    if (this.relay && this.options.clock.now() - this.openedAt < ENTRY_YOUNG_MS) {
      this.failed(this.relay)
      return
    }
    this.failures = 0
    this.options.changed()
    this.connect()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    this.link?.close('unneeded')
    this.link = undefined
    this.state = 'idle'
  }

  private connect(): void {
    const relay = this.next()
    if (!relay) {
      this.failed()
      return
    }
    if (this.state !== 'lost') this.state = 'connecting'
    this.options.changed()
    this.options.open(relay).then(
      (link) => this.opened(link, relay),
      () => this.failed(relay),
    )
  }

  /** The guard first, then those that never failed, then by how long ago they did. */
  private next(): EntryRelay | undefined {
    const age = (relay: EntryRelay) => this.failedAt.get(keyOf(relay)) ?? Number.NEGATIVE_INFINITY
    const candidates = shuffled(this.options.random, this.options.candidates())
    const guard = candidates.find((relay) => this.relay && relay.publicKey.equals(this.relay.publicKey))
    if (guard && age(guard) === Number.NEGATIVE_INFINITY) return guard
    return candidates.sort((a, b) => age(a) - age(b))[0]
  }

  private opened(link: Link, relay: EntryRelay): void {
    if (this.stopped) {
      link.close('unneeded')
      return
    }
    this.openedAt = this.options.clock.now()
    this.failedAt.delete(keyOf(relay))
    this.link = link
    this.relay = relay
    this.state = 'open'
    this.options.opened(link, relay)
    this.options.changed()
    if (!link.open) this.closed(link)
  }

  /** @param relay which failed; none if there was none to try */
  private failed(relay?: EntryRelay): void {
    if (this.stopped) return
    if (relay) this.failedAt.set(keyOf(relay), this.options.clock.now())
    this.failures++
    this.options.changed()
    const pauseMs = ENTRY_BACK_OFF_MS[Math.min(this.failures, ENTRY_BACK_OFF_MS.length - 1)] as number
    this.timer = this.options.clock.after(pauseMs, () => this.connect())
  }
}

function keyOf(relay: EntryRelay): string {
  return toHex(relay.publicKey.bytes)
}
