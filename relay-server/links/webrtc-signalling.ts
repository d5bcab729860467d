import type { PublicKey } from '../../shared/identity/keys.ts'
import { SignalEnd, type SignalEvents, type SignalSession } from '../../shared/link/signalling.ts'
import { isSignalTo, SignalForwarder } from '../../shared/link/signalling-forwarder.ts'
import { SESSIONS_PER_LINK, SESSIONS_PER_RELAY } from '../../shared/link/signalling-limits.ts'
import { NO_MID, type SignalRefusal } from '../../shared/link/signalling-messages.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'

/** A neighbour, as far as signalling goes: keeper's. */
export interface SignalWay {
  readonly publicKey: PublicKey
  /** `body` as a control packet with id 7. */
  sendSignal(body: Uint8Array): void
}

export interface RelaySignallingOptions {
  readonly clock: Clock
  readonly random: Random
  /** `signal-…` of sessions that end here, `forward-…` of those that are passed on. */
  readonly counters: Counters
  readonly ownMid: Uint8Array
  /** Whether this relay signals for others. */
  readonly forward: boolean
  readonly allowPrivate: boolean
  /** The neighbour with this mid that has an open link. A page's mid is known to nobody but us. */
  openNeighbour(mid: Uint8Array): SignalWay | undefined
  /** Whether it is a relay, whose mid may be told. */
  isRelay(way: SignalWay): boolean
  /** Somebody calls this relay, by a neighbour; without it, calls are refused. */
  onCall?(session: SignalSession, way: SignalWay): SignalEvents | SignalRefusal
}

/** All signalling of a relay: its own sessions, and those that it passes on between two of its neighbours (L-06). */
export class RelaySignalling {
  readonly end: SignalEnd<SignalWay>
  private readonly options: RelaySignallingOptions
  private readonly forwarder: SignalForwarder<SignalWay>

  constructor(options: RelaySignallingOptions) {
    this.options = options
    const { forward } = options
    const send = (way: SignalWay, body: Uint8Array) => way.sendSignal(body)
    // A page calls for itself; by a relay come those whom it signals for.
    const callsPerMinute = (way: SignalWay) => (options.isRelay(way) ? SESSIONS_PER_RELAY : SESSIONS_PER_LINK)
    this.end = new SignalEnd<SignalWay>({ ...options, send, callsPerMinute })
    this.forwarder = new SignalForwarder<SignalWay>({
      ...options,
      send,
      wayTo: (mid) => (forward ? options.openNeighbour(mid) : undefined),
      midOf: (way) => (options.isRelay(way) ? way.publicKey.mid : NO_MID),
    })
  }

  /** What came from a neighbour as the body of a control packet with id 7. Never throws. */
  receive(way: SignalWay, body: Uint8Array): void {
    // Without a mid it is for a page, to be passed on; or an answer to us from a signaller that does not know us for a relay yet.
    const isOwn =
      isSignalTo(this.options.ownMid, body) || (isSignalTo(NO_MID, body) && !this.forwarder.knows(body))
    if (isOwn) this.end.receive(way, body)
    else this.forwarder.receive(way, body)
  }

  /** The neighbour is gone. */
  lost(way: SignalWay): void {
    this.end.lost(way)
    this.forwarder.lost(way)
  }

  close(): void {
    this.end.close()
  }
}
