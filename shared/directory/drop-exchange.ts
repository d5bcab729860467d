import { fixed, list8, raw, struct, u8, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import {
  DIRECTORY_COMMUNITY_ID,
  DROPS_PER_RESPONSE,
  DROPS_REQUEST,
  DROPS_RESPONSE,
  DROPS_SERVED,
  REQUEST_BYTES,
} from './constants.ts'
import type { Directory } from './directory.ts'
import { DROP_REASONS, type Drop, type DropReason } from './drops.ts'
import { LinkBuckets } from './link-buckets.ts'
import { Questions } from './questions.ts'

/**
 * Drops request, message id 9, unsigned: nonce u32, since u32 (seconds: what was dropped so recently), padding raw (zeros). At
 * least 1,100 bytes with prefix and id; shorter ones are not answered.
 */
export const dropsRequest = struct({ nonce: u32, since: u32, padding: raw })

/**
 * Drops response, message id 10, unsigned: nonce of the request, drops (count u8, up to 50; each mid 20, reason u8: 0 expired,
 * 1 silent, 2 blocked), the latest first. Never larger than its request.
 */
export const dropsResponse = struct({
  nonce: u32,
  drops: list8(struct({ mid: fixed(20), reason: u8 }), DROPS_PER_RESPONSE),
})

/** Prefix 22, id 1, nonce 4, since 4. */
const HEAD_BYTES = 31

const REASONS = new Map(
  Object.entries(DROP_REASONS).map(([name, value]) => [value as number, name as DropReason]),
)

export interface DropExchangeOptions {
  readonly directory: Directory
  /** Whether this node tells others. */
  readonly tells: boolean
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
}

/** Tells which relays a neighbour has dropped (D-04). Hearsay: a reason to look at them oneself, never to drop them too. */
export class DropExchange {
  private readonly options: DropExchangeOptions
  private readonly prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
  private readonly questions: Questions<readonly Drop[]>
  private readonly served: LinkBuckets

  constructor(options: DropExchangeOptions) {
    this.options = options
    const { clock, random } = options
    this.questions = new Questions(clock, random)
    this.served = new LinkBuckets(clock, DROPS_SERVED.requestsPerSecond, DROPS_SERVED.requestsBurst)
  }

  /** @param done with undefined if no answer came */
  ask(link: Link, sinceSeconds: number, done: (drops: readonly Drop[] | undefined) => void): void {
    const padding = new Uint8Array(REQUEST_BYTES - HEAD_BYTES)
    const since = Math.min(Math.ceil(sinceSeconds), 0xffff_ffff)
    this.questions.ask(
      link,
      (nonce) =>
        unsignedPacket(this.prefix, DROPS_REQUEST, dropsRequest, { nonce, since, padding }, REQUEST_BYTES),
      done,
    )
  }

  stop(): void {
    this.questions.stop()
  }

  /** @throws CodecError for a packet that is malformed */
  onRequest(link: Link, packet: Uint8Array): void {
    const { counters, directory, tells } = this.options
    if (!tells || packet.length < REQUEST_BYTES) {
      counters.add('directory-short-request')
      return
    }
    const { nonce, since } = readUnsigned(packet, dropsRequest)
    if (!this.served.take(link)) {
      counters.add('directory-limit')
      return
    }
    const drops = directory
      .dropped(since * 1000, DROPS_PER_RESPONSE)
      .map(({ mid, reason }) => ({ mid, reason: DROP_REASONS[reason] }))
    link.send(unsignedPacket(this.prefix, DROPS_RESPONSE, dropsResponse, { nonce, drops }), 0)
  }

  /** @throws CodecError as above, or `directory-drop` for a reason that is none */
  onResponse(link: Link, packet: Uint8Array): void {
    const { nonce, drops } = readUnsigned(packet, dropsResponse)
    const kept = drops.map(({ mid, reason: value }): Drop => {
      const reason = REASONS.get(value)
      if (reason === undefined) throw new CodecError('directory-drop', `reason ${value} where 0 to 2 belong`)
      return { mid: Uint8Array.from(mid), reason }
    })
    if (!this.questions.answer(link, nonce, kept)) this.options.counters.add('directory-unasked-response')
  }
}
