import { utf8ToBytes } from '@noble/hashes/utils.js'
import { CodecError } from '../bytes/error.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { ADDRESS_CANDIDATES, type CandidatePolicy, hasAddress, usableCandidate } from './candidates.ts'
import { addressesIn, checkedDescription } from './session-description.ts'
import { piecesOf, SignalAssembly } from './signal-assembly.ts'
import type { SignalEndReason, SignalEvents, SignalSession } from './signalling.ts'
import {
  SIGNAL_MESSAGES,
  SIGNAL_REPEAT_MS,
  SIGNAL_REPEATS,
  SIGNAL_SESSION_BYTES,
  SIGNAL_SESSION_MS,
} from './signalling-limits.ts'
import {
  refusalOf,
  SIGNAL_REFUSALS,
  type Signal,
  type SignalKind,
  type SignalRefusal,
} from './signalling-messages.ts'

export interface SessionOptions {
  readonly id: Uint8Array
  readonly peer: Uint8Array
  readonly initiated: boolean
  readonly clock: Clock
  readonly policy: CandidatePolicy
  /** One packet; the session fills in all but the addresses. */
  send(packet: Omit<Signal, 'from' | 'to'>): void
  /** It is over, for whatever reason; once. */
  onOver(reason: SignalEndReason): void
}

/** One session at one of its ends; see SignalEnd. */
export class Session implements SignalSession {
  readonly initiated: boolean
  readonly peer: Uint8Array
  private readonly options: SessionOptions
  private readonly inbox = new SignalAssembly()
  private readonly sent: { readonly kind: SignalKind; readonly body: Uint8Array }[] = []
  private sentBytes = 0
  private described = false
  private peerDescribed = false
  /** Of the other side's candidates, handed up so far. */
  private addresses = 0
  /** Of this side, found before its description was given. */
  private readonly undescribed: string[] = []
  /** Of the other side, come before its description. */
  private readonly early: string[] = []
  private events: SignalEvents | undefined
  private repeats = 0
  private repeatTimer: Timer | undefined
  private repeatedAt: number
  private readonly endTimer: Timer
  private isOpen = true

  constructor(options: SessionOptions) {
    this.options = options
    this.initiated = options.initiated
    this.peer = options.peer
    this.repeatedAt = options.clock.now()
    this.endTimer = options.clock.after(SIGNAL_SESSION_MS, () => this.over('signal-timeout'))
  }

  get open(): boolean {
    return this.isOpen
  }

  /** Who hears of it. */
  listen(events: SignalEvents): void {
    this.events = events
  }

  describe(sdp: string): void {
    if (!this.isOpen || this.described) return
    this.described = true
    this.say(this.initiated ? 'offer' : 'answer', utf8ToBytes(checkedDescription(sdp, this.options.policy)))
    for (const candidate of this.undescribed.splice(0)) this.candidate(candidate)
    if (this.initiated) this.repeatTimer = this.options.clock.after(SIGNAL_REPEAT_MS, this.repeat)
  }

  candidate(candidate: string): void {
    const usable = usableCandidate(candidate, this.options.policy)
    if (!this.isOpen || !usable) return
    if (this.described) this.say('candidate', utf8ToBytes(usable))
    else if (this.undescribed.length < SIGNAL_MESSAGES) this.undescribed.push(usable)
  }

  end(refusal?: SignalRefusal): void {
    if (!this.isOpen) return
    if (refusal) this.say('refusal', Uint8Array.of(SIGNAL_REFUSALS[refusal]))
    else this.say('end', new Uint8Array(0))
    this.close('signal-ended')
  }

  /** @throws CodecError on what no honest end sends */
  receive(signal: Signal): void {
    if (!this.isOpen) return
    if (signal.message === 0 && signal.part === 0 && this.inbox.has(0)) this.heardAgain()
    const message = this.inbox.add(signal)
    if (!message) return
    const { kind, body } = message
    if (kind === 'end') this.over('signal-ended-there')
    else if (kind === 'refusal') this.over(refusalOf(body) ?? 'signal-malformed')
    else if (kind === 'candidate') this.takeCandidate(textOf(body))
    else this.takeDescription(kind, textOf(body))
  }

  /** Tells both sides that it came to nothing. */
  fail(refusal: SignalRefusal): void {
    if (!this.isOpen) return
    this.say('refusal', Uint8Array.of(SIGNAL_REFUSALS[refusal]))
    this.over(refusal)
  }

  /** Ends without a word to the other side, and with one to the owner. */
  over(reason: SignalEndReason): void {
    if (!this.isOpen) return
    this.close(reason)
    this.events?.onEnd(reason)
  }

  private takeDescription(kind: SignalKind, text: string): void {
    if (this.peerDescribed || kind !== (this.initiated ? 'answer' : 'offer')) {
      throw new CodecError('signal-unexpected', `${kind} where none belongs`)
    }
    const sdp = checkedDescription(text, this.options.policy)
    this.peerDescribed = true
    this.addresses = addressesIn(sdp)
    this.repeatTimer?.cancel()
    this.events?.onDescription(sdp)
    for (const candidate of this.early.splice(0)) this.hand(candidate)
  }

  private takeCandidate(text: string): void {
    const candidate = usableCandidate(text, this.options.policy)
    if (!candidate) return
    if (this.peerDescribed) this.hand(candidate)
    else this.early.push(candidate)
  }

  private hand(candidate: string): void {
    if (!this.isOpen || (hasAddress(candidate) && ++this.addresses > ADDRESS_CANDIDATES)) return
    this.events?.onCandidate(candidate)
  }

  private say(kind: SignalKind, body: Uint8Array): void {
    // The last number is for the end.
    const isLast = kind === 'end' || kind === 'refusal'
    const room =
      isLast ||
      (this.sent.length < SIGNAL_MESSAGES - 1 && this.sentBytes + body.length <= SIGNAL_SESSION_BYTES)
    if (!room) return
    this.sentBytes += body.length
    this.sent.push({ kind, body })
    this.pass(this.sent.length - 1)
  }

  private pass(message: number): void {
    const said = this.sent[message]
    if (!said) return
    const pieces = piecesOf(said.body)
    for (const [part, piece] of pieces.entries()) {
      const { kind } = said
      this.options.send({ session: this.options.id, kind, message, part, parts: pieces.length, piece })
    }
  }

  private sayAgain(): void {
    this.repeatedAt = this.options.clock.now()
    for (let i = 0; i < this.sent.length; i++) this.pass(i)
  }

  /** The caller has heard nothing yet. */
  private readonly repeat = (): void => {
    if (this.repeats++ >= SIGNAL_REPEATS) return
    this.repeatTimer = this.options.clock.after(SIGNAL_REPEAT_MS, this.repeat)
    this.sayAgain()
  }

  /** The caller says its offer again, so what was answered has not come. At most as often as an honest caller does. */
  private heardAgain(): void {
    const isDue = this.options.clock.now() - this.repeatedAt >= SIGNAL_REPEAT_MS / 2
    if (this.initiated || !isDue || this.repeats >= SIGNAL_REPEATS) return
    this.repeats++
    this.sayAgain()
  }

  private close(reason: SignalEndReason): void {
    this.isOpen = false
    this.repeatTimer?.cancel()
    this.endTimer.cancel()
    this.sent.length = 0
    this.options.onOver(reason)
  }
}

function textOf(body: Uint8Array): string {
  if (body.some((byte) => byte > 0x7e || (byte < 0x20 && byte !== 0x0a && byte !== 0x0d))) {
    throw new CodecError('signal-text', 'a message with bytes that are not printable ASCII')
  }
  return String.fromCharCode(...body)
}
