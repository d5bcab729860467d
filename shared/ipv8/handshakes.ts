import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint16 } from '../world/random.ts'
import { RetrySchedule } from '../world/retry.ts'
import type { Introduction } from './address-book.ts'
import type { WalkSettings } from './constants.ts'
import { canHappen, type HandshakeEvent, type HandshakeState, nextState } from './handshake-state.ts'

/** What a handshake is begun with. */
export interface HandshakeStart {
  readonly address: IpAddress
  readonly identifier: number
  /** The introduction request: sent again as it is, so that a copy is known for one. */
  readonly packet: Uint8Array
  /** Asked as a bootstrap address: all of these at once, beside the walk's window. */
  readonly bootstrap: boolean
  /** Set if the peer was introduced just now, so that the outcome says something about our NAT. */
  readonly introduction: Introduction | undefined
  /** A round trip known from before, with its variation: no use in asking twice before it has passed. */
  readonly expectedMs: number | undefined
}

export interface Handshake extends HandshakeStart {
  readonly startedMs: number
  readonly state: HandshakeState
  /** Sendings so far. More than one, and a round trip cannot be told from the answer (Karn's rule). */
  readonly tries: number
  readonly answered: boolean
}

type Running = { -readonly [K in keyof Handshake]: Handshake[K] } & {
  timer: Timer | undefined
  wrongAnswers: number
}

export interface HandshakesOptions {
  readonly clock: Clock
  readonly counters: Counters
  readonly settings: WalkSettings
  send(address: IpAddress, packet: Uint8Array): void
  /** Nobody answered within the time of N-08. */
  onUnreachable(handshake: Handshake): void
}

/** Handshakes remembered, finished ones included until their time is over. */
const MAX_HANDSHAKES = 128

/**
 * Introduction requests under way, by identifier: each is sent up to five times (N-04) and has 10 s (N-08). A finished one
 * stays until then, so that the answers to its copies are known for what they are. Answers to one that somebody guesses at
 * count for what their signatures are worth, and prove no address.
 */
export class Handshakes {
  private readonly options: HandshakesOptions
  private readonly running = new Map<number, Running>()

  constructor(options: HandshakesOptions) {
    this.options = options
  }

  /** Those that hold a place in the walk's window. */
  get pending(): number {
    const { clock, settings } = this.options
    let count = 0
    for (const { answered, bootstrap, startedMs } of this.running.values()) {
      if (!answered && !bootstrap && clock.now() - startedMs < settings.requestTimeoutMs) count++
    }
    return count
  }

  find(identifier: number): Handshake | undefined {
    return this.running.get(identifier)
  }

  /** Whether so many wrong answers came from there that the right one may be a guess: it proves nothing then. */
  isGuessedAt({ identifier }: Handshake): boolean {
    const wrongAnswers = this.running.get(identifier)?.wrongAnswers ?? 0
    return wrongAnswers >= this.options.settings.wrongAnswers
  }

  /** A random identifier that is no other handshake's. */
  newIdentifier(random: Random): number {
    for (;;) {
      const identifier = uint16(random)
      if (!this.running.has(identifier)) return identifier
    }
  }

  /** An answer came from `address` that is none to what was asked there. @returns whether anything is open there */
  wrongAnswer(address: IpAddress): boolean {
    const { settings, counters } = this.options
    for (const each of this.running.values()) {
      if (each.answered || !sameAddress(each.address, address)) continue
      each.wrongAnswers++
      if (each.wrongAnswers === settings.wrongAnswers) counters.add('ipv8-handshake-guessed')
      return true
    }
    return false
  }

  /** Whether an answer from there is waited for. */
  isWaitingFor(address: IpAddress): boolean {
    for (const each of this.running.values())
      if (!each.answered && sameAddress(each.address, address)) return true
    return false
  }

  /** Sends the request, and again until answered. Takes the place of an unanswered handshake with the same address. */
  begin(start: HandshakeStart): void {
    const { clock } = this.options
    let wrongAnswers = 0
    for (const each of this.running.values()) {
      const sameSpot = !each.answered && formatAddress(each.address) === formatAddress(start.address)
      // Whoever guesses is given no more guesses by another question.
      if (sameSpot) wrongAnswers = each.wrongAnswers
      if (sameSpot || each.identifier === start.identifier) this.forget(each)
    }
    const oldest = this.running.values().next()
    if (this.running.size >= MAX_HANDSHAKES && !oldest.done) this.forget(oldest.value)
    const handshake: Running = {
      ...start,
      startedMs: clock.now(),
      state: nextState('none', 'request'),
      tries: 0,
      answered: false,
      timer: undefined,
      wrongAnswers,
    }
    this.running.set(start.identifier, handshake)
    const schedule = new RetrySchedule(
      start.expectedMs === undefined ? {} : { firstMs: Math.max(100, Math.min(5_000, start.expectedMs)) },
    )
    this.attempt(handshake, schedule)
  }

  /** False if `event` has no place in the handshake's state: a duplicate. */
  happen(handshake: Handshake, event: HandshakeEvent): boolean {
    const running = this.running.get(handshake.identifier)
    if (running !== handshake || !canHappen(handshake.state, event)) return false
    running.state = nextState(running.state, event)
    if (event === 'response' || event === 'last-response') {
      running.answered = true
      running.timer?.cancel()
      running.timer = this.untilTimeout(running)
    }
    if (running.state === 'complete') this.options.counters.add('ipv8-handshake-complete')
    return true
  }

  stop(): void {
    for (const each of this.running.values()) this.forget(each)
  }

  private attempt(handshake: Running, schedule: RetrySchedule): void {
    const { clock, settings, counters } = this.options
    handshake.tries++
    if (handshake.tries > 1) counters.add('ipv8-request-retried')
    const delay = schedule.delayAfter(handshake.tries)
    const left = handshake.startedMs + settings.handshakeTimeoutMs - clock.now()
    handshake.timer =
      delay === undefined || delay >= left
        ? this.untilTimeout(handshake)
        : clock.after(delay, () => this.attempt(handshake, schedule))
    this.options.send(handshake.address, handshake.packet)
  }

  private untilTimeout(handshake: Running): Timer {
    const { clock, settings } = this.options
    const left = handshake.startedMs + settings.handshakeTimeoutMs - clock.now()
    return clock.after(left, () => this.expire(handshake))
  }

  private expire(handshake: Running): void {
    this.running.delete(handshake.identifier)
    // Who did not answer what somebody else guesses at has done nothing.
    const isGuessedAt = handshake.wrongAnswers >= this.options.settings.wrongAnswers
    if (isGuessedAt || !canHappen(handshake.state, 'timeout')) return
    handshake.state = nextState(handshake.state, 'timeout')
    const unreachable = handshake.state === 'unreachable'
    this.options.counters.add(unreachable ? 'ipv8-handshake-unreachable' : 'ipv8-handshake-complete')
    if (unreachable) this.options.onUnreachable(handshake)
    else this.options.counters.add('ipv8-puncture-missing')
  }

  private forget(handshake: Running): void {
    handshake.timer?.cancel()
    this.running.delete(handshake.identifier)
  }
}
