import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { SignalRefusal } from './signalling-messages.ts'

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
  /** Once, unless this side ended it. */
  onEnd(reason: SignalEndReason): void
}

/** One attempt at a WebRTC connection, as one of its two ends sees it. */
export interface SignalSession {
  /** Whether this side called. */
  readonly initiated: boolean
  /** Who called, or is called: the mid (20 bytes); zero for a page. Nothing proves it but the forwarder's word. */
  readonly peer: Uint8Array
  readonly open: boolean
  /** Sends this side's description: the offer of the caller, the answer of the called. Once, before candidates. */
  describe(sdp: string): void
  /** Sends one candidate (`candidate:…`). What is of no use (TCP, relayed) is left out. */
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
export interface SignalEnd<Way> {
  /** Calls the relay with this mid, through the forwarder at the end of `way`. */
  call(way: Way, to: Uint8Array, events: SignalEvents): SignalSession
  /** What came by `way` as the body of a control packet with id 7. Never throws. */
  receive(way: Way, body: Uint8Array): void
  /** The way has ended, and with it all sessions that go by it. */
  lost(way: Way): void
  close(): void
}
