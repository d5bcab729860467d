import { CodecError, CulvertError } from '../../shared/bytes/error.ts'
import {
  BROKER_ANSWER_MS,
  BROKER_LIMITS,
  BROKER_PENDING,
  BROKER_REST_MS,
  BROKER_TRIES,
  type BrokerLimits,
} from '../../shared/link/bridge-limits.ts'
import { Gathering } from '../../shared/link/gathering.ts'
import { checkedDescription } from '../../shared/link/session-description.ts'
import type { SignalEvents, SignalSession } from '../../shared/link/signalling.ts'
import { NO_MID } from '../../shared/link/signalling-messages.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { pick, type Random } from '../../shared/world/random.ts'

export interface BridgeBrokerOptions<Way> {
  readonly clock: Clock
  readonly random: Random
  /** `bridge-…` */
  readonly counters: Counters
  readonly limits?: Partial<BrokerLimits> | undefined
  /** Whether candidates of private and loopback addresses are passed on: in a lab. */
  readonly allowPrivate: boolean
  /** Calls the page at the end of a link. */
  call(way: Way, to: Uint8Array, events: SignalEvents): SignalSession
}

/** Questions of one minute. */
interface Minute {
  asked: number
  readonly byAsker: Map<string, number>
}

const MINUTE_MS = 60_000

/**
 * Brings together a page that cannot open any link and one that offers to pass others on: the offer of the one goes to the
 * other, drawn by chance, and the answer comes back. Who asked is counted for a minute, and nothing else is kept.
 */
export class BridgeBroker<Way> {
  private readonly options: BridgeBrokerOptions<Way>
  private readonly limits: BrokerLimits
  /** Free places of the pages that offer any, as they said last, less the calls since. */
  private readonly places = new Map<Way, number>()
  /** Those that brought no answer, until they have rested. */
  private readonly resting = new Map<Way, Timer>()
  /** Gone when it is over, with the addresses in it, whether anybody asks again or not. */
  private minute: Minute | undefined
  private minuteTimer: Timer | undefined
  private pending = 0

  constructor(options: BridgeBrokerOptions<Way>) {
    this.options = options
    this.limits = { ...BROKER_LIMITS, ...options.limits }
  }

  /** Pages that offer places now. */
  get volunteers(): number {
    return this.places.size
  }

  /** Addresses whose questions are counted. */
  get askers(): number {
    return this.minute?.byAsker.size ?? 0
  }

  /** What a page has said: so many others may come, from now on. */
  offered(way: Way, places: number): void {
    if (places === 0) {
      this.places.delete(way)
    } else if (this.places.has(way) || this.places.size < this.limits.volunteers) {
      this.places.set(way, places)
    } else {
      this.options.counters.add('bridge-volunteers-full')
    }
  }

  /** The page's link is gone, and its offer with it. */
  lost(way: Way): void {
    this.places.delete(way)
  }

  /** Forgets everybody. */
  stop(): void {
    this.minuteTimer?.cancel()
    this.minute = undefined
    for (const timer of this.resting.values()) timer.cancel()
    this.resting.clear()
    this.places.clear()
  }

  /**
   * @param asker whose question it is, for the limits: an address, or part of one
   * @param offer the session description of the page that asks, with its candidates
   * @returns the answer of a page that passes it on, with its candidates
   * @throws CulvertError `bridge-limit`, `bridge-malformed`, `bridge-nobody`
   */
  async ask(asker: string, offer: string): Promise<string> {
    const { counters } = this.options
    try {
      this.count(asker)
      const answer = await this.answerTo(this.checked(offer))
      counters.add('bridge-brokered')
      return answer
    } catch (error) {
      if (error instanceof CulvertError) counters.add(error.code)
      throw error
    }
  }

  private async answerTo(offer: string): Promise<string> {
    this.pending++
    try {
      for (let tries = 0; tries < BROKER_TRIES; tries++) {
        const way = this.draw()
        if (way === undefined) break
        const answer = await this.callOne(way, offer)
        if (answer !== undefined) return answer
        // It is asked again when it says anew how many places it has, and others have had their turn.
        this.places.delete(way)
        this.rest(way)
      }
    } finally {
      this.pending--
    }
    throw new CulvertError('bridge-nobody', 'nobody offers to pass others on at the moment')
  }

  /** @returns undefined if it refuses, or says nothing */
  private callOne(way: Way, offer: string): Promise<string | undefined> {
    const { clock, call } = this.options
    return new Promise((resolve) => {
      const gathering = new Answer(clock, (sdp) => over(sdp))
      const timer = clock.after(BROKER_ANSWER_MS, () => over(undefined))
      const session = call(way, NO_MID, {
        onDescription: (sdp) => gathering.describe(sdp),
        onCandidate: (candidate) => gathering.candidate(candidate),
        onEnd: () => {
          gathering.finish()
          over(undefined)
        },
      })
      const over = (sdp: string | undefined) => {
        timer.cancel()
        gathering.stop()
        session.end()
        resolve(sdp)
      }
      session.describe(offer)
    })
  }

  /** One with a free place, by chance; the place is taken. */
  private draw(): Way | undefined {
    const rested = [...this.places.keys()].filter((each) => !this.resting.has(each))
    const way = pick(this.options.random, rested)
    if (way !== undefined) this.offered(way, (this.places.get(way) ?? 1) - 1)
    return way
  }

  private count(asker: string): void {
    const { asksPerMinute, asksPerMinutePerAddress } = this.limits
    const minute = this.minute ?? this.beginMinute()
    const asked = minute.byAsker.get(asker) ?? 0
    const isOver = minute.asked >= asksPerMinute || asked >= asksPerMinutePerAddress
    if (isOver || this.pending >= BROKER_PENDING) {
      throw new CulvertError('bridge-limit', 'too many ask at the moment; try again in a minute')
    }
    minute.asked++
    minute.byAsker.set(asker, asked + 1)
  }

  private beginMinute(): Minute {
    const minute: Minute = { asked: 0, byAsker: new Map() }
    this.minute = minute
    this.minuteTimer = this.options.clock.after(MINUTE_MS, () => {
      this.minute = undefined
    })
    return minute
  }

  private rest(way: Way): void {
    this.resting.get(way)?.cancel()
    this.resting.set(
      way,
      this.options.clock.after(BROKER_REST_MS, () => this.resting.delete(way)),
    )
  }

  private checked(offer: string): string {
    try {
      return checkedDescription(offer, this.options)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      throw new CulvertError('bridge-malformed', 'that is no offer of a data channel', { cause: error })
    }
  }
}

/** Begins to gather with the answer: until then the volunteer has time of its own. */
class Answer {
  private readonly clock: Clock
  private readonly done: (sdp: string) => void
  private gathering: Gathering | undefined

  constructor(clock: Clock, done: (sdp: string) => void) {
    this.clock = clock
    this.done = done
  }

  describe(sdp: string): void {
    this.gathering = new Gathering(this.clock, this.done)
    this.gathering.describe(sdp)
  }

  candidate(candidate: string): void {
    this.gathering?.candidate(candidate)
  }

  finish(): void {
    this.gathering?.finish()
  }

  stop(): void {
    this.gathering?.stop()
  }
}
