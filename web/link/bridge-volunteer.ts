import { Bandwidth } from '../../shared/link/bandwidth.ts'
import { PACE_SHARE, type VolunteerLimits } from '../../shared/link/bridge-limits.ts'
import type { SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import type { SignalRefusal } from '../../shared/link/signalling-messages.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { BridgePassage } from './bridge-passage.ts'
import type { OpenBridgeSocket } from './bridge-socket.ts'
import type { OpenChannelPort } from './channel-messages.ts'

/** What outlives a visit. */
export interface VolunteerState {
  /** Off unless the visitor has switched it on. */
  readonly on: boolean
  readonly limits: VolunteerLimits
  /** Days since 1970 (UTC) that `bytes` were passed on in. */
  readonly day: number
  readonly bytes: number
}

export interface BridgeVolunteerOptions {
  readonly clock: Clock
  /** `bridge-…` */
  readonly counters: Counters
  readonly state: VolunteerState
  readonly openPort: OpenChannelPort
  readonly openSocket: OpenBridgeSocket
  /** `stun:host:port` of our relay, if it is known. */
  stun(): string | undefined
  /** Tells our relay how many others may come. */
  offer(places: number): void
  /** The state is to be kept. */
  keep(state: VolunteerState): void
  changed(): void
}

const DAY_MS = 86_400_000
/** What was passed on is kept at least that often. */
const KEEP_MS = 30_000

/**
 * This page, as far as it passes on the connections of others, who reach no relay, to its own relay. Only if the visitor has
 * switched it on, and within his limits.
 */
export class BridgeVolunteer {
  private readonly options: BridgeVolunteerOptions
  private readonly passages = new Set<BridgePassage>()
  /** Of all passages together. */
  private shapers: { readonly up: Bandwidth; readonly down: Bandwidth }
  private state: VolunteerState
  private helpedSoFar = 0
  /** What our relay was told last; undefined if it has to be told anew. */
  private told: number | undefined = 0
  private ready = false
  private timer: Timer | undefined

  constructor(options: BridgeVolunteerOptions) {
    this.options = options
    this.state = options.state
    this.shapers = this.madeShapers()
    this.look()
  }

  get on(): boolean {
    return this.state.on
  }

  /** Others that are passed on now. */
  get people(): number {
    return this.passages.size
  }

  /** Others that were, on this visit. */
  get helped(): number {
    return this.helpedSoFar
  }

  get limits(): VolunteerLimits {
    return this.state.limits
  }

  /** Both ways, today. */
  get bytesToday(): number {
    return this.state.day === this.today ? this.state.bytes : 0
  }

  /** Whether today's part has been given. */
  get usedUp(): boolean {
    return this.bytesToday >= this.state.limits.bytesPerDay
  }

  /** What other tabs have passed on meanwhile. */
  counted({ day, bytes }: Pick<VolunteerState, 'day' | 'bytes'>): void {
    this.state = { ...this.state, day, bytes }
    this.look()
  }

  /** Switched off, it lets go of everybody at once. */
  switch(on: boolean): void {
    if (on === this.state.on) return
    this.state = { ...this.state, on }
    this.options.keep(this.state)
    if (!on) this.endAll()
    this.look()
  }

  /** Other limits: everybody is let go of, and may come again under the new ones. */
  limit(limits: VolunteerLimits): void {
    this.state = { ...this.state, limits }
    this.endAll()
    this.shapers = this.madeShapers()
    this.look()
  }

  /** @param ready whether there is a WebSocket to our relay: who is passed on himself passes on nobody */
  linked(ready: boolean): void {
    if (ready && !this.ready && this.state.on) this.told = undefined
    this.ready = ready
    this.look()
  }

  /** The relay remembers nothing: the link with it is a new one. */
  relinked(): void {
    this.told = 0
    this.look()
  }

  /** Our relay calls: somebody wants to be passed on. */
  called(session: SignalSession): SignalEvents | SignalRefusal {
    if (!this.state.on) return 'signal-off'
    if (this.places === 0) return 'signal-full'
    const passage: BridgePassage = new BridgePassage(
      {
        ...this.options,
        stun: this.options.stun(),
        shapers: this.shapers,
        share: () =>
          Math.floor((PACE_SHARE * this.state.limits.bytesPerSecond) / Math.max(1, this.passages.size)),
        opened: () => {
          this.helpedSoFar++
          this.options.changed()
        },
        passed: (bytes) => this.passed(bytes),
        onEnd: () => {
          this.passages.delete(passage)
          // The relay has counted one place less.
          this.told = undefined
          this.look()
        },
      },
      session,
    )
    this.passages.add(passage)
    this.told = undefined
    this.look()
    return passage
  }

  private madeShapers() {
    const { clock, counters } = this.options
    const { bytesPerSecond } = this.state.limits
    const limits = { rateBytesPerSecond: bytesPerSecond, burstBytes: bytesPerSecond }
    const made = () => new Bandwidth({ clock, counters, limits })
    return { up: made(), down: made() }
  }

  private get today(): number {
    return Math.floor(this.options.clock.wall() / DAY_MS)
  }

  private get places(): number {
    if (!this.state.on || !this.ready || this.usedUp) return 0
    return Math.max(0, this.state.limits.people - this.passages.size)
  }

  private passed(bytes: number): void {
    this.state = { ...this.state, day: this.today, bytes: this.bytesToday + bytes }
    if (!this.usedUp) return
    this.options.counters.add('bridge-day-used-up')
    this.endAll()
    this.look()
  }

  private endAll(): void {
    for (const passage of [...this.passages]) passage.end('lost')
    this.options.keep(this.state)
  }

  /** Tells the relay what has changed, and looks again now and then: days end. */
  private readonly look = (): void => {
    const { clock, offer, keep, changed } = this.options
    const { places } = this
    if (this.ready && places !== this.told) {
      this.told = places
      offer(places)
    }
    changed()
    if (!this.state.on) {
      this.timer?.cancel()
      this.timer = undefined
      return
    }
    this.timer ??= clock.after(KEEP_MS, () => {
      this.timer = undefined
      if (this.passages.size > 0) keep(this.state)
      this.look()
    })
  }
}
