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
    const isRelay = outcome === 'new' || outcome === 'proven'
    const failures = isRelay ? 0 : (this.known.get(key)?.failures ?? 0) + 1
    const pauseMs = isRelay
      ? this.relayMs
      : doubledPause(this.otherMs, LONGEST * this.otherMs, Math.min(failures - 1, 8))
    this.known.set(key, { outcome, untilMs: this.clock.now() + pauseMs, failures })
  }

  /** Looks at it again whenever it is named next. */
  forget(address: IpAddress): void {
    this.known.delete(formatAddress(address))
  }
}
