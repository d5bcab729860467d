import type { Clock, Timer } from '../world/clock.ts'
import type { CircuitSettings } from './constants.ts'

export interface LivenessActions {
  /** Sends a ping and returns its identifier. */
  ping(): number
  dead(): void
}

/** Pings that are waited for at most; older ones are given up. */
const MAX_OPEN = 16

/**
 * Keeps a circuit alive and notices when it is not. Pings every 7.5 s, so that no hop takes it for idle (20 s); when
 * something was sent and nothing came back for 2 s, every second, and after the fifth of those the circuit is dead: a
 * viewer's buffer is longer than that, but not longer than the protocol's own 20 s.
 */
export class Liveness {
  private readonly clock: Clock
  private readonly settings: CircuitSettings
  private readonly actions: LivenessActions
  private readonly open = new Map<number, number>()
  private timer: Timer | undefined
  private heardAt: number
  private sentSinceHeardAt: number | undefined
  private pingedAt: number
  private pingsSinceHeard = 0

  constructor(clock: Clock, settings: CircuitSettings, actions: LivenessActions) {
    this.clock = clock
    this.settings = settings
    this.actions = actions
    this.heardAt = clock.now()
    this.pingedAt = this.heardAt
  }

  start(): void {
    this.heard()
    this.schedule()
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  /** A cell went out. */
  sent(): void {
    this.sentSinceHeardAt ??= this.clock.now()
  }

  /** A cell came back and opened. */
  heard(): void {
    this.heardAt = this.clock.now()
    this.sentSinceHeardAt = undefined
    this.pingsSinceHeard = 0
  }

  ping(): void {
    const now = this.clock.now()
    if (this.open.size >= MAX_OPEN) this.open.clear()
    this.pingedAt = now
    this.pingsSinceHeard++
    this.open.set(this.actions.ping(), now)
  }

  /** @returns the round trip in milliseconds, or undefined if no such ping is open */
  pong(identifier: number): number | undefined {
    const at = this.open.get(identifier)
    if (at === undefined) return undefined
    this.open.delete(identifier)
    return this.clock.now() - at
  }

  private schedule(): void {
    this.timer = this.clock.after(this.settings.probeIntervalMs, () => {
      if (this.look()) this.schedule()
    })
  }

  private look(): boolean {
    const { settings } = this
    const now = this.clock.now()
    const quiet = now - (this.sentSinceHeardAt ?? now)
    const probing = quiet >= settings.probeAfterMs
    const silent = now - this.heardAt
    if (silent >= settings.deadAfterMs || (probing && this.pingsSinceHeard >= settings.deadAfterPings)) {
      this.timer = undefined
      this.actions.dead()
      return false
    }
    // Looked at every second, so rather half a second early than late.
    const due = settings.pingIntervalMs - settings.probeIntervalMs / 2
    if (probing || now - this.pingedAt >= due) this.ping()
    return true
  }
}
