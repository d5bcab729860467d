import type { KeyPair, PublicKey } from '../identity/keys.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import { RetrySchedule } from '../world/retry.ts'
import { type LinkAuthError, LinkAuthInitiator, LinkAuthResponder } from './auth.ts'
import { AUTH_TYPES } from './auth-messages.ts'
import { DATAGRAM_LIMITS, DATAGRAM_RETRY } from './datagram-limits.ts'
import { type ControlSeal, handshakePacket, parseHandshake } from './datagram-messages.ts'
import type { Link } from './link.ts'

export interface DatagramSessionOptions {
  readonly keyPair: KeyPair
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly way: Link
  /** 16 bytes. */
  readonly id: Uint8Array
  onDone(neighbour: PublicKey): void
  onFailed(error: LinkAuthError): void
}

/** The longest message of the four, a challenge, as a packet: what a request is filled up to. */
const CHALLENGE_BYTES = 172
const retry = new RetrySchedule(DATAGRAM_RETRY)

/**
 * One authentication over datagrams, from either side: what LinkAuth says goes into packets, repeated where packets are lost.
 * The initiator repeats what was not answered; the responder answers the same question with the same answer, and never with
 * more bytes than were asked with.
 */
export class DatagramSession {
  /** Of control, once the keys are proved. */
  seal: ControlSeal | undefined
  private readonly options: DatagramSessionOptions
  private readonly initiates: boolean
  private readonly auth: LinkAuthInitiator | LinkAuthResponder
  /** The type of the neighbour's message that was taken last: another of it, or an older one, is a repetition. */
  private taken = 0
  private last: Uint8Array | undefined
  private repeats = 0
  private askedBytes = 0
  private timer: Timer | undefined

  static initiator(options: DatagramSessionOptions & { readonly expectedKey: PublicKey }): DatagramSession {
    return new DatagramSession(options, options.expectedKey)
  }

  static responder(options: DatagramSessionOptions): DatagramSession {
    return new DatagramSession(options, undefined)
  }

  private constructor(options: DatagramSessionOptions, expectedKey: PublicKey | undefined) {
    this.options = options
    this.initiates = expectedKey !== undefined
    const parts = {
      ...options,
      send: (message: Uint8Array) => this.say(message),
      onDone: (neighbour: PublicKey) => {
        this.timer?.cancel()
        options.onDone(neighbour)
      },
      onFailed: (error: LinkAuthError) => {
        this.timer?.cancel()
        options.onFailed(error)
      },
    }
    this.auth = expectedKey ? new LinkAuthInitiator({ ...parts, expectedKey }) : new LinkAuthResponder(parts)
  }

  /** Sends the request; the initiator's alone. */
  start(): void {
    if (this.auth instanceof LinkAuthInitiator) this.auth.start()
  }

  /** @throws CodecError */
  receive(rest: Uint8Array, packetBytes: number): void {
    const message = parseHandshake(rest)
    const type = message[1] ?? 0
    this.askedBytes = packetBytes
    if (type > this.taken) {
      this.taken = type
      this.auth.receive(message)
    } else if (!this.initiates && this.last !== undefined && this.repeats++ < DATAGRAM_LIMITS.repeats) {
      this.send(this.last)
    }
  }

  /** Ends an attempt that is not over. Idempotent. */
  closed(): void {
    this.timer?.cancel()
    this.auth.closed()
  }

  private say(message: Uint8Array): void {
    const { id } = this.options
    const isRequest = message[1] === AUTH_TYPES.request
    const least = isRequest ? handshakePacket(id, new Uint8Array(CHALLENGE_BYTES)).length : 0
    this.last = handshakePacket(id, message, least)
    this.repeats = 0
    this.send(this.last)
    if (this.initiates && message[1] !== AUTH_TYPES.refusal) this.repeatAfter(this.last, 1)
  }

  private repeatAfter(packet: Uint8Array, tries: number): void {
    const { clock } = this.options
    this.timer?.cancel()
    const delay = retry.delayAfter(tries)
    if (delay === undefined) return
    this.timer = clock.after(delay, () => {
      this.send(packet)
      this.repeatAfter(packet, tries + 1)
    })
  }

  private send(packet: Uint8Array): void {
    const { way, counters } = this.options
    if (this.initiates || packet.length <= this.askedBytes) way.send(packet.slice(), 0)
    else counters.add('datagram-question-short')
  }
}
