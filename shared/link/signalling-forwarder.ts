import { equalBytes, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { makesWay } from './session-room.ts'
import {
  FORWARDED_SESSION_BYTES,
  FORWARDED_SESSIONS,
  SESSIONS_PER_LINK,
  SESSIONS_PER_RELAY,
  SIGNAL_SESSION_MS,
} from './signalling-limits.ts'
import {
  decodeSignal,
  encodeSignal,
  SIGNAL_REFUSALS,
  type Signal,
  type SignalRefusal,
} from './signalling-messages.ts'

export interface SignalForwarderOptions<Way> {
  readonly clock: Clock
  /** `forward-…` */
  readonly counters: Counters
  /** The open link to the relay with this mid, if there is one. Never to a page. */
  wayTo(mid: Uint8Array): Way | undefined
  /** What the called relay is told of the caller: a relay's mid, NO_MID of a page. */
  midOf(way: Way): Uint8Array
  /** Sends `body` as a control packet with id 7. */
  send(way: Way, body: Uint8Array): void
}

/** What each packet counts beside its piece, so that empty ones are bounded too. */
const HEADER_BYTES = 64

interface Forwarded<Way> {
  readonly caller: Way
  readonly called: Way
  readonly at: number
  bytes: number
}

interface Budget {
  readonly calls: TokenBucket
  readonly called: TokenBucket
}

/**
 * Passes signalling on between two links of this relay (L-06): each packet one for one, its `from` set to who sent it. A session is
 * remembered with both its links, so that what comes back finds the way and nobody else can speak in it. A machine without I/O.
 */
export class SignalForwarder<Way extends object> {
  private readonly options: SignalForwarderOptions<Way>
  /** By session id as text, oldest first. */
  private readonly sessions = new Map<string, Forwarded<Way>>()
  private readonly budgets = new WeakMap<Way, Budget>()

  constructor(options: SignalForwarderOptions<Way>) {
    this.options = options
  }

  /** Sessions remembered. */
  get size(): number {
    return this.sessions.size
  }

  /** Whether a body belongs to a session that is passed on here. Never throws. */
  knows(body: Uint8Array): boolean {
    try {
      return this.sessions.has(toHex(decodeSignal(body).session))
    } catch (error) {
      if (error instanceof CodecError) return false
      throw error
    }
  }

  /** What came by `way` as the body of a control packet with id 7, not for this relay itself. Never throws. */
  receive(way: Way, body: Uint8Array): void {
    try {
      this.take(way, decodeSignal(body))
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add('forward-malformed')
    }
  }

  /** The link has ended, and with it the sessions that went over it. */
  lost(way: Way): void {
    for (const [key, { caller, called }] of this.sessions) {
      if (caller === way || called === way) this.sessions.delete(key)
    }
  }

  private take(way: Way, signal: Signal): void {
    this.forgetOld()
    const key = toHex(signal.session)
    const session = this.sessions.get(key) ?? this.open(key, way, signal)
    if (!session) return
    if (session.caller === way) this.pass(session, session.called, way, signal)
    else if (session.called === way) this.pass(session, session.caller, way, signal)
    else this.options.counters.add('forward-other-link')
  }

  private open(key: string, way: Way, signal: Signal): Forwarded<Way> | undefined {
    const { clock, counters, wayTo } = this.options
    // A refusal is as long as the shortest offer at most, and there is one for the first part only.
    if (signal.kind !== 'offer' || signal.piece.length === 0) {
      counters.add('forward-unknown')
      return undefined
    }
    const called = wayTo(signal.to)
    if (!called || called === way) return this.refuse(way, signal, 'signal-unreachable')
    const mayCall = this.budgetOf(way).calls.take() && this.budgetOf(called).called.take()
    if (!mayCall || !this.makeRoom(way)) return this.refuse(way, signal, 'signal-limit')
    const session = { caller: way, called, at: clock.now(), bytes: 0 }
    this.sessions.set(key, session)
    counters.add('forward-session')
    return session
  }

  private makeRoom(way: Way): boolean {
    if (this.sessions.size < FORWARDED_SESSIONS) return true
    const callers = [...this.sessions].map(([key, { caller }]) => [key, caller] as const)
    const displaced = makesWay(callers, way)
    if (displaced === undefined) return false
    this.sessions.delete(displaced)
    this.options.counters.add('forward-displaced')
    return true
  }

  private pass(session: Forwarded<Way>, to: Way, from: Way, signal: Signal): void {
    const { counters, midOf, send } = this.options
    session.bytes += HEADER_BYTES + signal.piece.length
    if (session.bytes > FORWARDED_SESSION_BYTES) {
      counters.add('forward-limit')
      return
    }
    counters.add('forward-packet')
    send(to, encodeSignal({ ...signal, from: midOf(from), to: midOf(to) }))
  }

  private refuse(way: Way, signal: Signal, reason: SignalRefusal): undefined {
    const { counters, midOf, send } = this.options
    counters.add(`forward-${reason}`)
    if (signal.part !== 0) return
    const { session, to: from } = signal
    const piece = Uint8Array.of(SIGNAL_REFUSALS[reason])
    send(
      way,
      encodeSignal({ session, kind: 'refusal', from, to: midOf(way), message: 0, part: 0, parts: 1, piece }),
    )
  }

  private budgetOf(way: Way): Budget {
    let budget = this.budgets.get(way)
    if (!budget) {
      const bucket = (perMinute: number) => new TokenBucket(this.options.clock, perMinute / 60, perMinute)
      budget = { calls: bucket(SESSIONS_PER_LINK), called: bucket(SESSIONS_PER_RELAY) }
      this.budgets.set(way, budget)
    }
    return budget
  }

  private forgetOld(): void {
    const before = this.options.clock.now() - SIGNAL_SESSION_MS
    for (const [key, { at }] of this.sessions) {
      if (at > before) break
      this.sessions.delete(key)
    }
  }
}

/** Whether a body is for the one with this mid itself, rather than to be passed on. False of what cannot be read. */
export function isSignalTo(mid: Uint8Array, body: Uint8Array): boolean {
  try {
    return equalBytes(decodeSignal(body).to, mid)
  } catch (error) {
    if (error instanceof CodecError) return false
    throw error
  }
}
