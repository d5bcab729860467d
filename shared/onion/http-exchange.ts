import type { Address } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint32 } from '../world/random.ts'
import {
  HTTP_OPEN_REQUESTS,
  HTTP_PART_BYTES,
  HTTP_RESPONSE_BYTES,
  HTTP_TIMEOUT_MS,
  MESSAGE,
} from './constants.ts'
import { encodeMessage, type MessageBody } from './messages.ts'

export interface HttpExchangeOptions {
  readonly clock: Clock
  readonly random: Random
  /** Largest message, id included. */
  readonly maxMessageBytes: () => number
  readonly send: (message: Uint8Array) => void
  readonly count: (name: string) => void
  /** The whole response, or undefined: none came. Told once for each request. */
  readonly done: (identifier: number, response: Uint8Array | undefined) => void
}

interface Open {
  readonly parts: (Uint8Array | undefined)[]
  /** 0 until the first part told how many there are. */
  total: number
  received: number
  readonly timer: Timer
}

/**
 * The owner's side of messages 28 and 29: a request that an exit puts on a TCP connection of its own, and the response that
 * comes back in numbered parts, in any order. Not reliable: a lost part is a lost response, and the asker asks again.
 */
export class HttpExchange {
  private readonly options: HttpExchangeOptions
  private readonly open = new Map<number, Open>()

  constructor(options: HttpExchangeOptions) {
    this.options = options
  }

  /** @returns the request's identifier; undefined, and counted, if too many are open or it does not fit a cell */
  request(target: Address, request: Uint8Array): number | undefined {
    const { clock, random, send, count, maxMessageBytes } = this.options
    if (this.open.size >= HTTP_OPEN_REQUESTS) {
      count('http-too-many-requests')
      return undefined
    }
    const identifier = uint32(random)
    const message = encodeMessage(MESSAGE.httpRequest, { identifier, target, request })
    if (message.length > maxMessageBytes()) {
      count('circuit-message-too-large')
      return undefined
    }
    const timer = clock.after(HTTP_TIMEOUT_MS, () => this.finish(identifier, undefined))
    this.open.set(identifier, { parts: [], total: 0, received: 0, timer })
    send(message)
    return identifier
  }

  response({ identifier, part, parts, response }: MessageBody<typeof MESSAGE.httpResponse>): void {
    const open = this.open.get(identifier)
    if (open === undefined) {
      this.options.count('http-response-unasked')
      return
    }
    // Links of messages carry larger cells than the exit's own pieces need.
    const tooMuch =
      parts > Math.ceil(HTTP_RESPONSE_BYTES / HTTP_PART_BYTES) || response.length > HTTP_PART_BYTES
    if (tooMuch || part >= parts || (open.total !== 0 && parts !== open.total)) {
      this.options.count('http-response-refused')
      return
    }
    open.total = parts
    if (open.parts[part] !== undefined) return
    open.parts[part] = response.slice()
    if (++open.received === open.total) this.finish(identifier, concat(...(open.parts as Uint8Array[])))
  }

  /** The circuit has ended: none of the open requests is answered any more. */
  stop(): void {
    for (const identifier of [...this.open.keys()]) this.finish(identifier, undefined)
  }

  private finish(identifier: number, response: Uint8Array | undefined): void {
    const open = this.open.get(identifier)
    if (open === undefined) return
    this.open.delete(identifier)
    open.timer.cancel()
    this.options.done(identifier, response)
  }
}
