import { sha1 } from '@noble/hashes/legacy.js'
import { sameAddress } from '../bytes/address.ts'
import { type Codec, list8, raw, struct, u16, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { messageIdOf, prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, uint32 } from '../world/random.ts'
import { CompleteFetches } from './complete-fetches.ts'
import {
  DESCRIPTOR_REQUEST,
  DESCRIPTOR_RESPONSE,
  DIRECTORY_COMMUNITY_ID,
  DROPS_REQUEST,
  DROPS_RESPONSE,
  EXCHANGE_DEFAULTS,
  type ExchangeSettings,
  MAX_DESCRIPTOR_BYTES,
  NEIGHBOURS_REQUEST,
  NEIGHBOURS_RESPONSE,
  REQUEST_BYTES,
  VERDICTS_REQUEST,
  VERDICTS_RESPONSE,
} from './constants.ts'
import { descriptorHead, parseDescriptor } from './descriptor.ts'
import type { Directory } from './directory.ts'
import { DropExchange } from './drop-exchange.ts'
import type { Drop } from './drops.ts'
import { LinkBuckets, SiteBuckets } from './link-buckets.ts'
import { NeighbourExchange } from './neighbour-exchange.ts'
import type { StockPeer } from './stock-peers.ts'
import { VerdictExchange, type VerdictsDone } from './verdict-exchange.ts'
import type { VerdictRecord } from './verdict-record.ts'

const descriptorField = varlen16(MAX_DESCRIPTOR_BYTES)

/** `since` of a request for everything. */
export const SINCE_EVER = 0xffff_ffff

/**
 * Descriptor request, message id 1, unsigned: nonce u32, since u32, cursor u32, own varlenH (the asker's descriptor, or empty),
 * padding raw (zeros). At least 1,100 bytes with prefix and id; shorter ones are not answered.
 */
export interface DescriptorRequest {
  /** Random; proves that the response is from who got the request. */
  readonly nonce: number
  /** Seconds: only what the responder learnt, or had renewed, so recently. SINCE_EVER for all. */
  readonly since: number
  /** `next` of the last response; 0 to begin. */
  readonly cursor: number
  readonly own: Uint8Array
  readonly padding: Uint8Array
}

export const descriptorRequest: Codec<DescriptorRequest> = struct({
  nonce: u32,
  since: u32,
  cursor: u32,
  own: descriptorField,
  padding: raw,
})

/**
 * Descriptor response, message id 2, unsigned: nonce and cursor of the request, next u32 (the cursor to go on with), left u16
 * (0 if that is all; if not, at least 1), descriptors (count u8, then varlenH each): as many as fit the size of the request. Under cursor
 * 0 the first is the responder's own, however old it is.
 */
export interface DescriptorResponse {
  readonly nonce: number
  readonly cursor: number
  readonly next: number
  readonly left: number
  readonly descriptors: Uint8Array[]
}

export const descriptorResponse: Codec<DescriptorResponse> = struct({
  nonce: u32,
  cursor: u32,
  next: u32,
  left: u16,
  descriptors: list8(descriptorField),
})

const REQUESTS: ReadonlySet<number> = new Set([
  DESCRIPTOR_REQUEST,
  NEIGHBOURS_REQUEST,
  VERDICTS_REQUEST,
  DROPS_REQUEST,
])
/** Bytes of a response without descriptors: prefix 22, id 1, nonce 4, cursor 4, next 4, left 2, number 1. */
const RESPONSE_HEAD_BYTES = 38
/** Descriptors looked at for one response: more than fit into it. */
const LOOKED_AT = 8
/** Bytes of a request without own descriptor and padding: prefix 22, id 1, nonce 4, since 4, cursor 4, length 2. */
const REQUEST_HEAD_BYTES = 37

export interface DirectoryExchangeOptions {
  readonly directory: Directory
  /** Our own signed descriptor; undefined for a page. */
  own(): Uint8Array | undefined
  /** Stock peers that this relay walks with, told to whoever asks; none are told without it. */
  neighbours?(): readonly StockPeer[]
  /** What this relay found of others itself, told to whoever asks; none is told without it. */
  verdicts?(): Iterable<VerdictRecord>
  /** Whether others are told whom this relay has dropped. */
  readonly tellsDrops?: boolean
  /** What came over this link was malformed, or is no message. */
  onMalformed?(link: Link): void
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly settings?: Partial<ExchangeSettings>
}

/** @param added descriptors that were new or newer; @param answered whether the neighbour gave all that it has */
export type FetchDone = (added: number, answered: boolean) => void

export interface FetchOptions {
  /** Seconds back: only what the neighbour learnt so recently. SINCE_EVER for all that it has, as a comparison needs it. */
  readonly since?: number
  /** Whom the neighbour names: the mid of each descriptor that was not refused. */
  told?(mid: Uint8Array): void
  /** Called before `done` where it has not answered; without this the directory notes that it is silent. Never for a circuit. */
  silent?(): void
}

interface Pull {
  readonly link: Link
  readonly told: FetchOptions['told']
  readonly silent: FetchOptions['silent']
  readonly done: FetchDone
  readonly since: number
  readonly startedMs: number
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
  private readonly served: LinkBuckets
  private readonly sites: SiteBuckets
  private readonly askers: TokenBucket
  private readonly neighbours: NeighbourExchange
  private readonly verdicts: VerdictExchange
  private readonly drops: DropExchange
  private readonly complete = new CompleteFetches()

  constructor(options: DirectoryExchangeOptions) {
    this.options = options
    this.settings = { ...EXCHANGE_DEFAULTS, ...options.settings }
    this.neighbours = new NeighbourExchange(options)
    this.verdicts = new VerdictExchange(options)
    this.drops = new DropExchange({ ...options, tells: options.tellsDrops ?? false })
    const { requestsPerSecond, requestsBurst } = this.settings
    this.served = new LinkBuckets(options.clock, requestsPerSecond, requestsBurst)
    this.sites = new SiteBuckets(options.clock, requestsPerSecond, requestsBurst)
    this.askers = new TokenBucket(options.clock, this.settings.askersPerSecond)
  }

  /** True if the packet is of the directory's community. Never throws: what is malformed is counted and dropped. */
  receive(link: Link, packet: Uint8Array): boolean {
    const id = messageIdOf(packet, this.prefix)
    if (id === undefined) return false
    if (REQUESTS.has(id) && !this.sites.take(link)) {
      this.options.counters.add('directory-limit')
      return true
    }
    try {
      if (id === DESCRIPTOR_REQUEST) this.onRequest(link, packet)
      else if (id === DESCRIPTOR_RESPONSE) this.onResponse(link, packet)
      else if (id === NEIGHBOURS_REQUEST) this.neighbours.onRequest(link, packet)
      else if (id === NEIGHBOURS_RESPONSE) this.neighbours.onResponse(link, packet)
      else if (id === VERDICTS_REQUEST) this.verdicts.onRequest(link, packet)
      else if (id === VERDICTS_RESPONSE) this.verdicts.onResponse(link, packet)
      else if (id === DROPS_REQUEST) this.drops.onRequest(link, packet)
      else if (id === DROPS_RESPONSE) this.drops.onResponse(link, packet)
      else {
        this.options.counters.add('directory-unknown-message')
        this.options.onMalformed?.(link)
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.options.counters.add(`directory-refused-${error.code}`)
      this.options.onMalformed?.(link)
    }
    return true
  }

  /**
   * Asks a neighbour for all that it serves; once that was answered, by itself or by neighbours of two networks, for what is new
   * since. `done` is called once: when all is here, the neighbour stays silent, or the link is closed. A pull that is already under way over this
   * link, or too many of them, ends the new one at once.
   */
  fetchFrom(link: Link, done: FetchDone, options: FetchOptions = {}): void {
    if (this.fetches.has(link) || this.fetches.size >= this.settings.maxFetches) {
      done(0, false)
      return
    }
    const pull: Pull = {
      link,
      done,
      told: options.told,
      silent: options.silent,
      since: options.since ?? this.since(link),
      startedMs: this.options.clock.now(),
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

  /** Asks a relay which stock peers it walks with; silence is no answer. */
  askNeighbours(link: Link, answer: (peers: readonly StockPeer[]) => void): void {
    this.neighbours.ask(link, answer)
  }

  /**
   * Asks a relay what it found of others.
   * @param sinceMinutes only what it checked so recently; VERDICTS_EVER for all
   */
  askVerdicts(link: Link, sinceMinutes: number, done: VerdictsDone): void {
    this.verdicts.pull(link, sinceMinutes, done)
  }

  /** Asks a relay whom it has dropped within so many seconds. */
  askDrops(link: Link, sinceSeconds: number, done: (drops: readonly Drop[] | undefined) => void): void {
    this.drops.ask(link, sinceSeconds, done)
  }

  /** Ends all fetches and questions. */
  stop(): void {
    this.verdicts.stop()
    this.drops.stop()
    for (const pull of [...this.fetches.values()]) this.finish(pull, false)
  }

  /** Seconds back that the next fetch has to ask for; 0 if others ask already. */
  private since(link: Link): number {
    const { settings } = this
    const asking = [...this.fetches.values()].filter((pull) => pull.since > 0).length
    if (asking >= settings.maxAsking) return 0
    const fromMs = this.complete.from(link)
    if (fromMs === undefined) return SINCE_EVER
    return Math.ceil((this.options.clock.now() - fromMs + settings.slackMs) / 1000)
  }

  private ask(pull: Pull): void {
    if (!pull.link.open || pull.requests >= this.settings.maxRequests) {
      this.finish(pull, false)
      return
    }
    pull.requests++
    pull.nonce = uint32(this.options.random)
    const { nonce, since, cursor } = pull
    const own = (cursor === 0 ? this.options.own() : undefined) ?? new Uint8Array()
    const padding = new Uint8Array(REQUEST_BYTES - REQUEST_HEAD_BYTES - own.length)
    const value = { nonce, since, cursor, own, padding }
    const packet = unsignedPacket(this.prefix, DESCRIPTOR_REQUEST, descriptorRequest, value, REQUEST_BYTES)
    pull.timer = this.options.clock.after(this.settings.retryMs * 2 ** pull.tries, () => this.retry(pull))
    pull.link.send(packet, 0)
  }

  private retry(pull: Pull): void {
    pull.tries++
    if (pull.tries < this.settings.tries) {
      this.ask(pull)
      return
    }
    // Through a circuit it may be any hop that loses what we say, or one that knows no such message.
    if (pull.link.kind !== 'circuit') {
      if (pull.silent) pull.silent()
      else this.options.directory.markSilent(pull.link.address)
    }
    this.finish(pull, false)
  }

  private finish(pull: Pull, answered: boolean): void {
    pull.timer?.cancel()
    this.fetches.delete(pull.link)
    if (answered && pull.since > 0) this.complete.add(pull.link, pull.startedMs)
    pull.done(pull.added, answered)
  }

  private onRequest(link: Link, packet: Uint8Array): void {
    if (packet.length < REQUEST_BYTES) {
      this.options.counters.add('directory-short-request')
      return
    }
    const { nonce, since, cursor, own } = readUnsigned(packet, descriptorRequest)
    if (!this.served.take(link)) {
      this.options.counters.add('directory-limit')
      return
    }
    // The asker's descriptor comes with its first request; once it is known, without a look at its signature.
    if (own.length > 0 && this.askers.take()) this.options.directory.add(own)
    const response = { nonce, cursor, ...this.answer(since, cursor) }
    const prefix = this.prefix
    link.send(unsignedPacket(prefix, DESCRIPTOR_RESPONSE, descriptorResponse, response, REQUEST_BYTES), 0)
  }

  private answer(since: number, cursor: number): Pick<DescriptorResponse, 'next' | 'left' | 'descriptors'> {
    const withinMs = since === SINCE_EVER ? Number.POSITIVE_INFINITY : since * 1000
    const served = this.options.directory.served(cursor, withinMs, LOOKED_AT)
    const descriptors: Uint8Array[] = []
    let room = REQUEST_BYTES - RESPONSE_HEAD_BYTES
    const ours = cursor === 0 ? this.options.own() : undefined
    if (ours) {
      descriptors.push(ours)
      room -= 2 + ours.length
    }
    let next = cursor
    let taken = 0
    for (const { descriptor, sequence } of served) {
      room -= 2 + descriptor.bytes.length
      if (room < 0) break
      descriptors.push(descriptor.bytes)
      next = sequence
      taken++
    }
    return { next, left: served.length - taken, descriptors }
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
      if (result !== 'refused') pull.told?.(sha1(descriptorHead(bytes).publicKey))
      if (result === 'refused' && ++pull.refused > this.settings.maxRefused) {
        this.finish(pull, false)
        return
      }
    }
    if (response.cursor === 0) this.hear(link, response.descriptors[0])
    const goesOn = response.left > 0 && response.next > pull.cursor
    pull.cursor = response.next
    if (goesOn) this.ask(pull)
    else this.finish(pull, true)
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
}
