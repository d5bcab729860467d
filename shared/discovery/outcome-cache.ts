import type { IpAddress } from '../bytes/address.ts'
import { formatAddress } from '../bytes/address.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Clock } from '../world/clock.ts'
import { doubledPause } from '../world/retry.ts'
import type { CandidateOutcome } from './source.ts'

interface Remembered {
  readonly outcome: CandidateOutcome
  readonly untilMs: number
  /** Times in a row that it was no relay. */
  readonly failures: number
  /** It is not hastened before. */
  readonly hastenMs: number
}

/** How many times as long what fails again and again is left alone, at most. */
const LONGEST = 8

/** What became of candidates lately, so that what all sources name again and again is not asked again and again (D-10). */
export class OutcomeCache {
  private readonly clock: Clock
  private readonly relayMs: number
  private readonly otherMs: number
  private readonly known: BoundedMap<string, Remembered>

  constructor(
    clock: Clock,
    settings: {
      readonly cached: number
      readonly relayCachedMs: number
      readonly otherCachedMs: number
    },
  ) {
    this.clock = clock
    this.relayMs = settings.relayCachedMs
    this.otherMs = settings.otherCachedMs
    this.known = new BoundedMap(settings.cached)
  }

  /** The last outcome, while it holds. */
  get(address: IpAddress): CandidateOutcome | undefined {
    const known = this.known.get(formatAddress(address))
    return known !== undefined && known.untilMs > this.clock.now() ? known.outcome : undefined
  }

  set(address: IpAddress, outcome: CandidateOutcome): void {
    const key = formatAddress(address)
    const known = this.known.get(key)
    const failures = isRelay(outcome) ? 0 : (known?.failures ?? 0) + 1
    const pauseMs = isRelay(outcome)
      ? this.relayMs
      : doubledPause(this.otherMs, LONGEST * this.otherMs, Math.min(failures - 1, 8))
    const untilMs = this.clock.now() + pauseMs
    this.known.set(key, { outcome, untilMs, failures, hastenMs: known?.hastenMs ?? 0 })
  }

  /**
   * What was no relay is looked at again when it is named next, once in the longest pause at most: whoever says that a relay has come
   * there may be anybody. That look counts as the last one did, so that a lie puts off no relay for longer.
   */
  hasten(address: IpAddress): void {
    const key = formatAddress(address)
    const known = this.known.get(key)
    const nowMs = this.clock.now()
    if (known === undefined || isRelay(known.outcome) || known.untilMs <= nowMs || nowMs < known.hastenMs)
      return
    const hastenMs = nowMs + LONGEST * this.otherMs
    this.known.set(key, { ...known, untilMs: nowMs, failures: known.failures - 1, hastenMs })
  }
}

function isRelay(outcome: CandidateOutcome): boolean {
  return outcome === 'new' || outcome === 'proven'
}
