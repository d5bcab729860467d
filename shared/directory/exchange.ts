import { sameAddress } from '../bytes/address.ts'
import { type Codec, encode, list8, raw, struct, u16, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { messageIdOf, prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint32 } from '../world/random.ts'
import {
  DESCRIPTOR_REQUEST,
  DESCRIPTOR_RESPONSE,
  DIRECTORY_COMMUNITY_ID,
  EXCHANGE_DEFAULTS,
  type ExchangeSettings,
  MAX_DESCRIPTOR_BYTES,
  REQUEST_BYTES,
} from './constants.ts'
import { parseDescriptor } from './descriptor.ts'
import type { Directory } from './directory.ts'

const descriptorField = varlen16(MAX_DESCRIPTOR_BYTES)

/**
 * Descriptor request, message id 1, unsigned: nonce u32, cursor u16, own varlenH (the asker's descriptor, or empty), padding
 * raw (zeros). At least 1,100 bytes with prefix and id; shorter ones are not answered.
 */
export interface DescriptorRequest {
  /** Random; proves that the response is from who got the request. */
  readonly nonce: number
  /** The first descriptor wanted: an index into what the responder serves, its own descriptor first. */
  readonly cursor: number
  readonly own: Uint8Array
  readonly padding: Uint8Array
}

export const descriptorRequest: Codec<DescriptorRequest> = struct({
  nonce: u32,
  cursor: u16,
  own: descriptorField,
  padding: raw,
})

/**
 * Descriptor response, message id 2, unsigned: nonce and cursor of the request, count u16 (all that the responder serves),
 * descriptors (count u8, then varlenH each): as many from the cursor on as fit the size of the request. None: the end.
 */
export interface DescriptorResponse {
  readonly nonce: number
  readonly cursor: number
  readonly count: number
  readonly descriptors: Uint8Array[]
}

export const descriptorResponse: Codec<DescriptorResponse> = struct({
  nonce: u32,
  cursor: u16,
  count: u16,
  descriptors: list8(descriptorField),
})

/** Bytes of a response without descriptors: prefix 22, id 1, nonce 4, cursor 2, count 2, number 1. */
const RESPONSE_HEAD_BYTES = 32

export interface DirectoryExchangeOptions {
  readonly directory: Directory
  /** Our own signed descriptor; undefined for a page. */
  own(): Uint8Array | undefined
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings?: Partial<ExchangeSettings>
}

/** @param added descriptors that were new or newer; @param answered whether the neighbour gave all that it has */
export type FetchDone = (added: number, answered: boolean) => void

interface Pull {
  readonly link: Link
  readonly done: FetchDone
  nonce: number
  cursor: number
  tries: number
  requests: number
  added: number
  refused: number
  timer: Timer | undefined
}

/**
 * Carries descriptors between neighbours, in packets of a community of our own, over any link. No response is larger than its
 * request, so a forged sender address gains nothing. Relays learn each other's descriptors both ways from one request.
 */
export class DirectoryExchange {
  private readonly options: DirectoryExchangeOptions
  private readonly settings: ExchangeSettings
  private readonly prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
  private readonly fetches = new Map<Link, Pull>()
  private readonly served = new WeakMap<Link, TokenBucket>()
  private readonly askers: TokenBucket

  constructor(options: DirectoryExchangeOptions) {
    this.options = options
    this.settings = { ...EXCHANGE_DEFAULTS, ...options.settings }
    this.askers = new TokenBucket(options.clock, this.settings.askersPerSecond)
  }

  /** True if the packet is of the directory's community. Never throws: what is malformed is counted and dropped. */
  receive(link: Link, packet: Uint8Array): boolean {
    const id = messageIdOf(packet, this.prefix)
    if (id === undefined) return false
    try {
      if (id === DESCRIPTOR_REQUEST) this.onRequest(link, packet)
      else if (id === DESCRIPTOR_RESPONSE) this.onResponse(link, packet)
      else this.options.counters.add('directory-unknown-message')
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`directory-refused-${error.code}`)
    }
    return true
  }

  /**
   * Asks a neighbour for all that it serves. `done` is called once: when all is here, the neighbour stays silent, or the
   * link is closed. A pull that is already under way over this link, or too many of them, ends the new one at once.
   */
  fetchFrom(link: Link, done: FetchDone): void {
    if (this.fetches.has(link) || this.fetches.size >= this.settings.maxFetches) {
      done(0, false)
      return
    }
    const pull: Pull = {
      link,
      done,
      nonce: 0,
      cursor: 0,
      tries: 0,
      requests: 0,
      added: 0,
      refused: 0,
      timer: undefined,
    }
    this.fetches.set(link, pull)
    this.ask(pull)
  }

  /** Ends all fetches. */
  stop(): void {
    for (const pull of [...this.fetches.values()]) this.finish(pull, false)
  }

  private ask(pull: Pull): void {
    if (!pull.link.open || pull.requests >= this.settings.maxRequests) {
      this.finish(pull, false)
      return
    }
    pull.requests++
    pull.nonce = uint32(this.options.random)
    const own = this.options.own() ?? new Uint8Array()
    const value = { nonce: pull.nonce, cursor: pull.cursor, own, padding: new Uint8Array() }
    const bare = this.prefix.length + 1 + encode(descriptorRequest, value).length
    const padding = new Uint8Array(REQUEST_BYTES - bare)
    const packet = unsignedPacket(this.prefix, DESCRIPTOR_REQUEST, descriptorRequest, { ...value, padding })
    pull.timer = this.options.clock.after(this.settings.retryMs * 2 ** pull.tries, () => this.retry(pull))
    pull.link.send(packet, 0)
  }

  private retry(pull: Pull): void {
    pull.tries++
    if (pull.tries >= this.settings.tries) this.finish(pull, false)
    else this.ask(pull)
  }

  private finish(pull: Pull, answered: boolean): void {
    pull.timer?.cancel()
    this.fetches.delete(pull.link)
    pull.done(pull.added, answered)
  }

  private onRequest(link: Link, packet: Uint8Array): void {
    if (packet.length < REQUEST_BYTES) {
      this.options.counters.add('directory-short-request')
      return
    }
    const { nonce, cursor, own } = readUnsigned(packet, descriptorRequest)
    if (!this.bucketOf(link).take()) {
      this.options.counters.add('directory-limit')
      return
    }
    // The asker's descriptor comes with each of its requests; after the first it is known without a look at its signature.
    if (own.length > 0 && this.askers.take()) this.options.directory.add(own)
    const ours = this.options.own()
    const all = this.options.directory.served().map((descriptor) => descriptor.bytes)
    if (ours) all.unshift(ours)
    const descriptors: Uint8Array[] = []
    let room = REQUEST_BYTES - RESPONSE_HEAD_BYTES
    for (const bytes of all.slice(cursor, cursor + 255)) {
      room -= 2 + bytes.length
      if (room < 0) break
      descriptors.push(bytes)
    }
    const response = { nonce, cursor, count: Math.min(all.length, 0xffff), descriptors }
    link.send(unsignedPacket(this.prefix, DESCRIPTOR_RESPONSE, descriptorResponse, response), 0)
  }

  private onResponse(link: Link, packet: Uint8Array): void {
    const response = readUnsigned(packet, descriptorResponse)
    const pull = this.fetches.get(link)
    if (!pull || pull.nonce !== response.nonce || pull.cursor !== response.cursor) {
      this.options.counters.add('directory-unasked-response')
      return
    }
    pull.timer?.cancel()
    pull.tries = 0
    for (const bytes of response.descriptors) {
      const result = this.options.directory.add(bytes)
      if (result === 'new' || result === 'renewed') pull.added++
      if (result === 'refused' && ++pull.refused > this.settings.maxRefused) {
        this.finish(pull, false)
        return
      }
    }
    if (response.cursor === 0) this.hear(link, response.descriptors[0])
    pull.cursor += response.descriptors.length
    if (response.descriptors.length === 0 || pull.cursor >= response.count) this.finish(pull, true)
    else this.ask(pull)
  }

  /**
   * The first descriptor that a responder serves is its own. It counts as heard if the address it names is the one that
   * answered; of other kinds of link the owner knows the key, and marks it.
   */
  private hear(link: Link, bytes: Uint8Array | undefined): void {
    if (!bytes || bytes.length === 0) return
    const { mid } = parseDescriptor(bytes).publicKey
    const udp = this.options.directory.find(mid)?.descriptor.udp
    if (udp && sameAddress(udp, link.address)) this.options.directory.markHeard(mid)
  }

  private bucketOf(link: Link): TokenBucket {
    let bucket = this.served.get(link)
    if (!bucket) {
      bucket = new TokenBucket(
        this.options.clock,
        this.settings.requestsPerSecond,
        this.settings.requestsBurst,
      )
      this.served.set(link, bucket)
    }
    return bucket
  }
}
