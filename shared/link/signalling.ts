import { toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { makesWay } from './session-room.ts'
import { Session } from './signal-session.ts'
import {
  OWN_SESSIONS,
  REMEMBERED_SESSIONS,
  SESSIONS_PER_RELAY,
  SIGNAL_SESSION_MS,
} from './signalling-limits.ts'
import {
  decodeSignal,
  encodeSignal,
  SIGNAL_REFUSALS,
  SIGNAL_SESSION_ID_BYTES,
  type Signal,
  type SignalRefusal,
} from './signalling-messages.ts'

/** Why a session is over: a refusal of the other side or of the forwarder, or one of these. */
export type SignalEndReason =
  | SignalRefusal
  /** This side said so. */
  | 'signal-ended'
  /** The other side said so. */
  | 'signal-ended-there'
  /** Nothing came of it in SIGNAL_SESSION_MS. */
  | 'signal-timeout'
  /** The link that it went through has ended. */
  | 'signal-lost'

/** What comes of a session. None is called after `onEnd`. */
export interface SignalEvents {
  /**
   * The other side's session description, checked (see checkedDescription): an answer for the caller, an offer for the
   * called. Once. To be given to setRemoteDescription as it is: the channel binding is taken from it.
   */
  onDescription(sdp: string): void
  /** One more candidate of the other side (`candidate:…`), checked. Only after the description. */
  onCandidate(candidate: string): void
  /**
   * Once, unless this side ended it. `signal-ended-there` is no failure: the other side needs no more of it, for its
   * connection stands or is about to.
   */
  onEnd(reason: SignalEndReason): void
}

/** One attempt at a WebRTC connection, as one of its two ends sees it. */
export interface SignalSession {
  /** Whether this side called. */
  readonly initiated: boolean
  /** Who called, or is called: the mid (20 bytes); zero for a page. Nothing proves it but the forwarder's word. */
  readonly peer: Uint8Array
  readonly open: boolean
  /**
   * Sends this side's description: the offer of the caller, the answer of the called. Once.
   * @throws CodecError `sdp-…` on what is no description of one data channel
   */
  describe(sdp: string): void
  /** Sends one candidate (`candidate:…`), after the description if need be. What is of no use (TCP, relayed) is left out. */
  candidate(candidate: string): void
  /** The connection stands, or is given up. With a refusal the other side learns why. Idempotent. */
  end(refusal?: SignalRefusal): void
}

export interface SignalEndOptions<Way> {
  readonly clock: Clock
  readonly random: Random
  /** `signal-…` */
  readonly counters: Counters
  /** This relay's mid; NO_MID for a page. */
  readonly ownMid: Uint8Array
  /** Whether candidates with private or loopback addresses are taken: in a lab, or where the operator says so. */
  readonly allowPrivate?: boolean
  /** How often somebody may call by a way; SESSIONS_PER_RELAY by default, what a forwarder passes on to one. */
  callsPerMinute?(way: Way): number
  /** Sends `body` as a control packet with id 7 (at most 1,261 bytes after the id) the way that the session goes. */
  send(way: Way, body: Uint8Array): void
  /**
   * Somebody calls. What is returned hears of it, the offer first; a refusal's name refuses. Without this function every
   * call is refused as `signal-off`.
   */
  onCall?(session: SignalSession, way: Way): SignalEvents | SignalRefusal
}

/**
 * The signalling sessions that end here: a page's, or a relay's own. A machine without I/O. `Way` is whatever the owner
 * sends by, told apart by identity: a link to the forwarder.
 */
export class SignalEnd<Way> {
  private readonly options: SignalEndOptions<Way>
  /** By session id as text. Those that are over stay, so that what was repeated opens them no second time. */
  private readonly sessions = new Map<
    string,
    { readonly session: Session; readonly way: Way; readonly at: number }
  >()
  /** Of those who have called. */
  private readonly budgets = new Map<Way, TokenBucket>()
  private openSessions = 0

  constructor(options: SignalEndOptions<Way>) {
    this.options = options
  }

  /** Sessions that are open. */
  get size(): number {
    return this.openSessions
  }

  /** Sessions that are kept in mind, those included that are over. */
  get remembered(): number {
    return this.sessions.size
  }

  /** Calls the relay with this mid, through the forwarder at the end of `way`. */
  call(way: Way, to: Uint8Array, events: SignalEvents): SignalSession {
    this.forgetOld()
    const id = this.options.random.bytes(SIGNAL_SESSION_ID_BYTES)
    const session = this.add(way, id, to, true)
    session.listen(events)
    return session
  }

  /** What came by `way` as the body of a control packet with id 7. Never throws. */
  receive(way: Way, body: Uint8Array): void {
    const { counters } = this.options
    try {
      const signal = decodeSignal(body)
      const known = this.sessions.get(toHex(signal.session))
      if (known) {
        if (known.way === way) this.hear(known.session, signal)
        else counters.add('signal-other-way')
      } else if (signal.kind === 'offer') this.called(way, signal)
      else counters.add('signal-unknown')
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      counters.add('signal-malformed')
    }
  }

  /** The way has ended, and with it all sessions that go by it. */
  lost(way: Way): void {
    this.budgets.delete(way)
    for (const [key, { session, way: theirs }] of this.sessions) {
      if (theirs !== way) continue
      session.over('signal-lost')
      this.sessions.delete(key)
    }
  }

  /** Ends all sessions; without a word, for the links end too. */
  close(): void {
    for (const { session } of this.sessions.values()) session.over('signal-ended')
    this.sessions.clear()
  }

  private hear(session: Session, signal: Signal): void {
    try {
      session.receive(signal)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add('signal-malformed')
      session.fail('signal-malformed')
    }
  }

  private called(way: Way, signal: Signal): void {
    const { counters, onCall } = this.options
    this.forgetOld()
    if (!this.mayCall(way) || !this.makeRoom(way)) {
      counters.add('signal-limit')
      this.refuse(way, signal)
      return
    }
    const session = this.add(way, Uint8Array.from(signal.session), Uint8Array.from(signal.from), false)
    const full = this.openSessions > OWN_SESSIONS ? 'signal-full' : undefined
    const events = full ?? onCall?.(session, way) ?? 'signal-off'
    if (typeof events === 'string') {
      counters.add(events)
      session.end(events)
      return
    }
    counters.add('signal-called')
    session.listen(events)
    this.hear(session, signal)
  }

  private mayCall(way: Way): boolean {
    const { clock, callsPerMinute } = this.options
    const perMinute = callsPerMinute?.(way) ?? SESSIONS_PER_RELAY
    const budget = this.budgets.get(way) ?? new TokenBucket(clock, perMinute / 60, perMinute)
    this.budgets.set(way, budget)
    return budget.take()
  }

  /** Only sessions that are over make way; there are always some, for fewer may be open than are remembered. */
  private makeRoom(way: Way): boolean {
    if (this.sessions.size < REMEMBERED_SESSIONS) return true
    const over = [...this.sessions].filter(([, { session }]) => !session.open)
    const displaced = makesWay(
      over.map(([key, { way: theirs }]) => [key, theirs] as const),
      way,
    )
    if (displaced === undefined) return false
    this.sessions.delete(displaced)
    this.options.counters.add('signal-displaced')
    return true
  }

  /** Says so without a session; no longer than what came, and once for it. */
  private refuse(way: Way, { session, from: to, part, piece }: Signal): void {
    if (part !== 0 || piece.length === 0) return
    const { ownMid: from, send } = this.options
    const reason = Uint8Array.of(SIGNAL_REFUSALS['signal-limit'])
    send(
      way,
      encodeSignal({ session, kind: 'refusal', from, to, message: 0, part: 0, parts: 1, piece: reason }),
    )
  }

  private add(way: Way, id: Uint8Array, peer: Uint8Array, initiated: boolean): Session {
    const { clock, counters, ownMid, send, allowPrivate = false } = this.options
    this.openSessions++
    const session = new Session({
      id,
      peer,
      initiated,
      clock,
      policy: { allowPrivate },
      send: (packet) => {
        counters.add('signal-sent')
        send(way, encodeSignal({ ...packet, from: ownMid, to: peer }))
      },
      onOver: (reason) => {
        this.openSessions--
        counters.add(reason === 'signal-timeout' ? 'signal-timeout' : 'signal-over')
      },
    })
    this.sessions.set(toHex(id), { session, way, at: clock.now() })
    return session
  }

  private forgetOld(): void {
    const before = this.options.clock.now() - SIGNAL_SESSION_MS
    for (const [key, { at, session }] of this.sessions) {
      if (at > before) break
      if (!session.open) this.sessions.delete(key)
    }
  }
}
