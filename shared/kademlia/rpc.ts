import { type IpAddress, sameAddress } from '../bytes/address.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint32 } from '../world/random.ts'
import type { KademliaSettings } from './constants.ts'
import type { KrpcError, KrpcQuery, KrpcRequest, KrpcResponse } from './krpc.ts'
import { encodeKrpc, paddingFor } from './krpc-codec.ts'
import type { Meter } from './meter.ts'
import { ResendTime } from './resend-time.ts'

/** Omit over each member of a union. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** A request without our node id, which is put in when it is sent. */
export type Asked = Without<KrpcRequest, 'id'>

/** How a query ended. `silent`: no answer in time. `unsent`: it could not be asked, which says nothing about the node. */
export type Reply =
  | { readonly kind: 'response'; readonly response: KrpcResponse; readonly rttMs: number }
  | { readonly kind: 'error'; readonly code: number }
  | { readonly kind: 'silent' }
  | { readonly kind: 'unsent' }

export interface Question {
  readonly address: IpAddress
  readonly asked: Asked
  /** The datagram is padded to this size. */
  readonly padToBytes?: number
  /** The node's own smoothed round-trip time, if known. */
  readonly rttMs?: number
  /** It takes longer than an answer usually does: the place may go to another. Called once at most, before `done`. */
  slow?(): void
  done(reply: Reply): void
}

export interface RpcOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings: KademliaSettings
  readonly meter: Meter
  isReadOnly(): boolean
  readonly version: Uint8Array | undefined
  /** Our node id as the family of that address knows it. */
  ownId(address: IpAddress): Uint8Array
  mayReach(address: IpAddress): boolean
  send(address: IpAddress, datagram: Uint8Array): void
  /** Every answer to a question of ours, before the question's own `done`. */
  heard(address: IpAddress, response: KrpcResponse, rttMs: number): void
  silent(address: IpAddress): void
}

interface Pending {
  readonly question: Question
  readonly datagram: Uint8Array
  readonly sentMs: number
  resent: boolean
  timer: Timer
}

/**
 * Questions and their answers. A transaction id is four random bytes and an answer must come from the address asked, so
 * nobody who does not read our traffic can answer for another. Resent once, after a time that follows from those measured.
 */
export class Rpc {
  private readonly options: RpcOptions
  private readonly pending = new Map<number, Pending>()
  private readonly resendTime: ResendTime
  /** When anybody answered last: if nobody does, it is us who are cut off. */
  heardMs = Number.NEGATIVE_INFINITY

  constructor(options: RpcOptions) {
    this.options = options
    this.resendTime = new ResendTime(options.settings)
  }

  /** Whether an answer from there is waited for. */
  awaits(address: IpAddress): boolean {
    for (const { question } of this.pending.values()) if (sameAddress(question.address, address)) return true
    return false
  }

  /**
   * Asks, and tells how it ended, never within this call. A question cannot be taken back: whether a node answers is worth knowing
   * when nobody waits for the answer any more.
   */
  ask(question: Question): void {
    const { clock, settings, counters } = this.options
    if (this.pending.size >= settings.pending || !this.options.mayReach(question.address)) {
      counters.add(
        this.pending.size >= settings.pending ? 'kademlia-too-many-queries' : 'kademlia-out-of-reach',
      )
      clock.after(0, () => question.done({ kind: 'unsent' }))
      return
    }
    const number = this.freeNumber()
    const datagram = this.encode(number, question)
    const wait = this.resendTime.of(question.rttMs)
    const pending: Pending = {
      question,
      datagram,
      sentMs: clock.now(),
      resent: false,
      timer: clock.after(wait, () => this.again(number, wait)),
    }
    this.pending.set(number, pending)
    this.options.meter.sent++
    this.send(question.address, datagram)
  }

  receive(from: IpAddress, message: KrpcResponse | KrpcError): void {
    const { clock, counters, meter } = this.options
    const number = numberOf(message.transaction)
    const pending = number === undefined ? undefined : this.pending.get(number)
    if (number === undefined || !pending || !sameAddress(pending.question.address, from)) {
      counters.add('kademlia-unasked-answer')
      return
    }
    this.pending.delete(number)
    pending.timer.cancel()
    const now = clock.now()
    this.heardMs = now
    meter.answered++
    if (message.kind === 'error') {
      meter.failed++
      counters.add('kademlia-answered-with-error')
      pending.question.done({ kind: 'error', code: message.code })
      return
    }
    // Of a question that was sent twice nobody knows which of them is answered (RFC 6298 §3).
    const rttMs = pending.resent ? 0 : now - pending.sentMs
    if (!pending.resent) {
      this.resendTime.measured(rttMs)
      meter.latency(rttMs)
    }
    this.options.heard(from, message, rttMs)
    pending.question.done({ kind: 'response', response: message, rttMs })
  }

  stop(): void {
    for (const { timer } of this.pending.values()) timer.cancel()
    this.pending.clear()
  }

  private again(number: number, wait: number): void {
    const pending = this.pending.get(number)
    if (!pending) return
    const { clock } = this.options
    pending.resent = true
    this.send(pending.question.address, pending.datagram)
    pending.timer = clock.after(wait, () => {
      const leftMs = pending.sentMs + this.options.settings.timeoutMs - clock.now()
      pending.timer = clock.after(leftMs, () => this.giveUp(number, pending))
      pending.question.slow?.()
    })
  }

  private giveUp(number: number, pending: Pending): void {
    this.pending.delete(number)
    this.options.meter.unanswered++
    this.options.silent(pending.question.address)
    pending.question.done({ kind: 'silent' })
  }

  private send(address: IpAddress, datagram: Uint8Array): void {
    this.options.meter.out.add()
    this.options.send(address, datagram)
  }

  private encode(number: number, { address, asked, padToBytes }: Question): Uint8Array {
    const { version } = this.options
    const query: KrpcQuery = {
      kind: 'query',
      transaction: Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number),
      request: { ...asked, id: this.options.ownId(address) } as KrpcRequest,
      ...(this.options.isReadOnly() && { readOnly: true }),
      ...(version && { version }),
    }
    return encodeKrpc(padToBytes ? { ...query, paddingBytes: paddingFor(query, padToBytes) } : query)
  }

  private freeNumber(): number {
    for (;;) {
      const number = uint32(this.options.random)
      if (!this.pending.has(number)) return number
    }
  }
}

function numberOf(transaction: Uint8Array): number | undefined {
  if (transaction.length !== 4) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = transaction
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
}
