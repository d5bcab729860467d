import { toHex } from '../bytes/bytes.ts'
import { fixed, list8, raw, struct, u8, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import {
  DIRECTORY_COMMUNITY_ID,
  REQUEST_BYTES,
  VERDICTS,
  VERDICTS_PER_RESPONSE,
  VERDICTS_REQUEST,
  VERDICTS_RESPONSE,
} from './constants.ts'
import { LinkBuckets } from './link-buckets.ts'
import { Questions } from './questions.ts'
import { isSane, type VerdictRecord, verdictRecord } from './verdict-record.ts'

/**
 * Verdicts request, message id 7, unsigned: nonce u32, since u32 (minutes: only what was checked so recently; 0xffffffff for
 * all), after 20 (the last mid of the response before; zeros to begin), padding raw (zeros). At least 1,100 bytes with prefix
 * and id; shorter ones are not answered.
 */
export const verdictsRequest = struct({ nonce: u32, since: u32, after: fixed(20), padding: raw })

/**
 * Verdicts response, message id 8, unsigned: nonce of the request, more u8 (1 if there are others behind the last), records
 * (count u8, up to 42; each 25 bytes, verdict-record.ts) by rising mid. Never larger than its request.
 */
export const verdictsResponse = struct({
  nonce: u32,
  more: u8,
  records: list8(verdictRecord, VERDICTS_PER_RESPONSE),
})

/** `since` of a request for everything. */
export const VERDICTS_EVER = 0xffff_ffff
/** Prefix 22, id 1, nonce 4, since 4, after 20. */
const HEAD_BYTES = 51

export interface VerdictExchangeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** What this node found itself. Without it no request is answered. */
  verdicts?(): Iterable<VerdictRecord>
}

/** @param complete whether all were told; `records` is what came until then */
export type VerdictsDone = (records: readonly VerdictRecord[], complete: boolean) => void

type Response = { readonly more: boolean; readonly records: readonly VerdictRecord[] }
type Keyed = { readonly key: string; readonly record: VerdictRecord }

/** Carries what relays found of each other to pages and relays, which take them for what they are: opinions. */
export class VerdictExchange {
  private readonly options: VerdictExchangeOptions
  private readonly prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
  private readonly questions: Questions<Response>
  private readonly served: LinkBuckets
  /** By rising mid. */
  private told: { readonly records: readonly Keyed[]; readonly atMs: number } | undefined

  constructor(options: VerdictExchangeOptions) {
    this.options = options
    this.questions = new Questions(options.clock, options.random)
    this.served = new LinkBuckets(options.clock, VERDICTS.requestsPerSecond, VERDICTS.requestsBurst)
  }

  /** Asks for all verdicts not older than `sinceMinutes`; one such pull at a time over a link. */
  pull(link: Link, sinceMinutes: number, done: VerdictsDone): void {
    const records: VerdictRecord[] = []
    const ask = (after: Uint8Array, asked: number) => {
      this.questions.ask(
        link,
        (nonce) => this.request(nonce, sinceMinutes, after),
        (response) => {
          records.push(...(response?.records ?? []))
          const last = response?.records.at(-1)?.mid
          if (!response?.more) done(records, response !== undefined)
          else if (last && asked < VERDICTS.maxRequests && toHex(last) > toHex(after)) ask(last, asked + 1)
          else done(records, false)
        },
      )
    }
    ask(new Uint8Array(20), 1)
  }

  stop(): void {
    this.questions.stop()
  }

  /** @throws CodecError for a packet that is malformed */
  onRequest(link: Link, packet: Uint8Array): void {
    const { counters, verdicts } = this.options
    if (verdicts === undefined || packet.length < REQUEST_BYTES) {
      counters.add('directory-short-request')
      return
    }
    const { nonce, since, after } = readUnsigned(packet, verdictsRequest)
    if (!this.served.take(link)) {
      counters.add('directory-limit')
      return
    }
    const from = toHex(after)
    const fits = this.records().filter(({ key, record }) => key > from && record.age <= since)
    const records = fits.slice(0, VERDICTS_PER_RESPONSE).map(({ record }) => record)
    const response = { nonce, more: fits.length > records.length ? 1 : 0, records }
    link.send(unsignedPacket(this.prefix, VERDICTS_RESPONSE, verdictsResponse, response), 0)
  }

  /** @throws CodecError as above, or `directory-verdict` for one that cannot be meant */
  onResponse(link: Link, packet: Uint8Array): void {
    const { nonce, more, records } = readUnsigned(packet, verdictsResponse)
    if (!records.every(isSane)) throw new CodecError('directory-verdict', 'a share of more than 100 percent')
    // Views of the packet, which the next one may overwrite.
    const kept = records.map((record) => ({ ...record, mid: Uint8Array.from(record.mid) }))
    if (!this.questions.answer(link, nonce, { more: more !== 0, records: kept })) {
      this.options.counters.add('directory-unasked-response')
    }
  }

  private request(nonce: number, since: number, after: Uint8Array): Uint8Array {
    const padding = new Uint8Array(REQUEST_BYTES - HEAD_BYTES)
    const value = { nonce, since, after, padding }
    return unsignedPacket(this.prefix, VERDICTS_REQUEST, verdictsRequest, value, REQUEST_BYTES)
  }

  private records(): readonly Keyed[] {
    const { clock, verdicts } = this.options
    const nowMs = clock.now()
    if (this.told === undefined || nowMs - this.told.atMs >= VERDICTS.cachedMs) {
      const records = [...(verdicts?.() ?? [])].map((record) => ({ key: toHex(record.mid), record }))
      this.told = { records: records.sort((a, b) => (a.key < b.key ? -1 : 1)), atMs: nowMs }
    }
    return this.told.records
  }
}
