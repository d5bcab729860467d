import type { Clock, Timer } from '../world/clock.ts'
import type { CircuitSettings } from './constants.ts'

export interface LivenessActions {
  /** Sends a ping and returns its identifier. */
  ping(): number
  /** Nothing came back for a second or two: something is wrong, perhaps for a moment. */
  suspected(): void
  /** A sign of life after all. */
  cleared(): void
  dead(): void
}

/** Pings that are waited for at most; older ones are given up. */
const MAX_OPEN = 32
/** A ping that is not answered after this long, or four round trips, counts as lost. */
const LOST_AFTER_MS = 1_000
/** How fast the share of lost pings follows: an eighth with each. */
const LOSS_GAIN = 1 / 8
/** Suspicion that comes of lost pings alone shall be rarer than this, per unanswered cell. */
const FALSE_ALARM = 0.02

interface OpenPing {
  readonly at: number
  lost: boolean
}

/**
 * Keeps a circuit alive and notices when it is not (C-05). A quiet one is pinged every 7.5 s, so that no hop takes it for
 * idle (20 s). When something was sent and nothing came back, pings come fast for 3 s, then each second; three to six of
 * them unanswered, the more the more are lost anyway, make the circuit suspect after one to two seconds, 12 s of it dead.
 * A path that loses 47 % of its pings (10 % on each of three links, each way) dies of that once in 10^5 tries.
 */
export class Liveness {
  suspect = false
  /** Smoothed round trip to the last hop (RFC 6298 §2); undefined before the first. */
  roundTripMs: number | undefined
  /** Pings lately lost, 0 to 1. */
  lossRate = 0
  private readonly clock: Clock
  private readonly settings: CircuitSettings
  private readonly actions: LivenessActions
  private readonly open = new Map<number, OpenPing>()
  private variationMs = 0
  private timer: Timer | undefined
  /** Whether the timer looks often, because something may be unanswered. */
  private watching = false
  private running = false
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
    this.running = true
    this.heard()
    this.schedule()
  }

  stop(): void {
    this.running = false
    this.timer?.cancel()
    this.timer = undefined
  }

  /** A cell went out. Called for each, so it does next to nothing. */
  sent(): void {
    if (this.sentSinceHeardAt !== undefined) return
    this.sentSinceHeardAt = this.clock.now()
    if (this.running && !this.watching) this.schedule()
  }

  /** A cell came back and opened. */
  heard(): void {
    this.heardAt = this.clock.now()
    this.sentSinceHeardAt = undefined
    this.pingsSinceHeard = 0
    if (!this.suspect) return
    this.suspect = false
    this.actions.cleared()
  }

  ping(): void {
    const now = this.clock.now()
    this.judgeOpen(now)
    this.pingedAt = now
    this.pingsSinceHeard++
    this.open.set(this.actions.ping(), { at: now, lost: false })
  }

  /** @returns the round trip in milliseconds, or undefined if no such ping is open */
  pong(identifier: number): number | undefined {
    const sent = this.open.get(identifier)
    if (sent === undefined) return undefined
    this.open.delete(identifier)
    const took = this.clock.now() - sent.at
    if (!sent.lost) this.lossRate -= this.lossRate * LOSS_GAIN
    const before = this.roundTripMs
    this.variationMs =
      before === undefined ? took / 2 : 0.75 * this.variationMs + 0.25 * Math.abs(before - took)
    this.roundTripMs = before === undefined ? took : 0.875 * before + 0.125 * took
    return took
  }

  /** Counts pings as lost that are overdue. */
  private judgeOpen(now: number): void {
    const patience = Math.max(LOST_AFTER_MS, 4 * (this.roundTripMs ?? 0))
    for (const [identifier, sent] of this.open) {
      if (!sent.lost && now - sent.at >= patience) {
        sent.lost = true
        this.lossRate += (1 - this.lossRate) * LOSS_GAIN
      }
      if (this.open.size >= MAX_OPEN) this.open.delete(identifier)
    }
  }

  private schedule(): void {
    this.timer?.cancel()
    this.watching = this.sentSinceHeardAt !== undefined
    const { lookMs, pingIntervalMs } = this.settings
    const untilPing = this.pingedAt + pingIntervalMs - this.clock.now()
    const delay = this.watching ? lookMs : Math.max(lookMs, untilPing)
    this.timer = this.clock.after(delay, () => this.look())
  }

  private look(): void {
    const now = this.clock.now()
    const quiet = now - (this.sentSinceHeardAt ?? now)
    if (this.isDead(now, quiet)) {
      this.stop()
      this.actions.dead()
      return
    }
    if (now - this.pingedAt >= this.pingPause(quiet)) this.ping()
    if (!this.suspect && quiet >= this.suspectAfterMs && this.pingsSinceHeard >= this.pingsNeeded) {
      this.suspect = true
      this.actions.suspected()
    }
    if (this.running) this.schedule()
  }

  private isDead(now: number, quiet: number): boolean {
    const { deadAfterMs, deadAfterPings, silentAfterMs } = this.settings
    if (now - this.heardAt >= silentAfterMs) return true
    return quiet >= deadAfterMs && this.pingsSinceHeard >= deadAfterPings
  }

  /** Between two pings, after something was unanswered for `quiet`. */
  private pingPause(quiet: number): number {
    const { settings } = this
    if (quiet < this.probeAfterMs) return settings.pingIntervalMs
    return quiet < settings.slowProbeAfterMs ? settings.probeIntervalMs : settings.slowProbeIntervalMs
  }

  /** An answer may take this long before it is asked for. */
  private get probeAfterMs(): number {
    return Math.max(this.settings.probeAfterMs, this.roundTripLimitMs)
  }

  private get suspectAfterMs(): number {
    const { suspectAfterMs, probeIntervalMs } = this.settings
    const probed = this.probeAfterMs + (this.pingsNeeded - 1) * probeIntervalMs + this.roundTripLimitMs
    return Math.max(suspectAfterMs, 4 * (this.roundTripMs ?? 0), probed)
  }

  /** As RFC 6298 §2.3 has it, without its minimum. */
  private get roundTripLimitMs(): number {
    return (this.roundTripMs ?? 0) + 4 * this.variationMs
  }

  /** Unanswered pings that make a circuit suspect. */
  private get pingsNeeded(): number {
    const { suspectPings, suspectPingsAtMost } = this.settings
    if (this.lossRate <= 0) return suspectPings
    const needed = Math.ceil(Math.log(FALSE_ALARM) / Math.log(Math.min(this.lossRate, 0.99)))
    return Math.min(suspectPingsAtMost, Math.max(suspectPings, needed))
  }
}
