import { ipAddress } from '../bytes/address.ts'
import { list8, raw, struct, u16, u32 } from '../bytes/codec.ts'
import { publicKeyCodec } from '../identity/keys.ts'
import { prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { type Random, shuffled, uint32 } from '../world/random.ts'
import {
  DIRECTORY_COMMUNITY_ID,
  NEIGHBOURS_PER_RESPONSE,
  NEIGHBOURS_REQUEST,
  NEIGHBOURS_RESPONSE,
  REQUEST_BYTES,
  STOCK_PEERS,
} from './constants.ts'
import { LinkBuckets } from './link-buckets.ts'
import type { StockPeer } from './stock-peers.ts'

/**
 * Neighbours request, message id 3, unsigned: nonce u32, padding raw (zeros). At least 1,100 bytes with prefix and id; shorter
 * ones are not answered.
 */
export const neighboursRequest = struct({ nonce: u32, padding: raw })

/**
 * Neighbours response, message id 4, unsigned: nonce of the request, peers (count u8, up to 12; each public key 74, address as
 * ip_address, flags u16, round trip u16 in milliseconds, 65,535 for unknown). Never larger than its request.
 */
export const neighboursResponse = struct({
  nonce: u32,
  peers: list8(
    struct({ publicKey: publicKeyCodec, address: ipAddress, flags: u16, rttMs: u16 }),
    NEIGHBOURS_PER_RESPONSE,
  ),
})

const RTT_UNKNOWN = 0xffff
/** Prefix 22, id 1. */
const HEAD_BYTES = 23

export interface NeighbourExchangeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** What is told: stock peers that this relay walks with. Without it no request is answered. */
  neighbours?(): readonly StockPeer[]
}

interface Question {
  readonly nonce: number
  readonly askedMs: number
  answer(peers: readonly StockPeer[]): void
}

/**
 * Tells owners of circuits which stock IPv8 peers a relay walks with, in packets of the directory's community. Pages speak no
 * UDP and cannot walk themselves.
 */
export class NeighbourExchange {
  private readonly options: NeighbourExchangeOptions
  private readonly prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
  private readonly questions = new Map<Link, Question>()
  private readonly served: LinkBuckets

  constructor(options: NeighbourExchangeOptions) {
    this.options = options
    this.served = new LinkBuckets(options.clock, STOCK_PEERS.requestsPerSecond, STOCK_PEERS.requestsBurst)
  }

  /** @param answer is called if an answer comes in time, once */
  ask(link: Link, answer: (peers: readonly StockPeer[]) => void): void {
    const { clock, random } = this.options
    const nowMs = clock.now()
    for (const [other, { askedMs }] of this.questions) {
      if (nowMs - askedMs >= STOCK_PEERS.questionMs || !other.open) this.questions.delete(other)
    }
    if (this.questions.size >= STOCK_PEERS.maxQuestions) return
    const nonce = uint32(random)
    this.questions.set(link, { nonce, askedMs: nowMs, answer })
    const padding = new Uint8Array(REQUEST_BYTES - HEAD_BYTES - 4)
    link.send(unsignedPacket(this.prefix, NEIGHBOURS_REQUEST, neighboursRequest, { nonce, padding }), 0)
  }

  /** @throws CodecError for a packet that is malformed */
  onRequest(link: Link, packet: Uint8Array): void {
    const { counters, neighbours, random } = this.options
    if (neighbours === undefined || packet.length < REQUEST_BYTES) {
      counters.add('directory-short-request')
      return
    }
    if (!this.served.take(link)) {
      counters.add('directory-limit')
      return
    }
    const { nonce } = readUnsigned(packet, neighboursRequest)
    const peers = shuffled(random, neighbours()).slice(0, NEIGHBOURS_PER_RESPONSE)
    const answer = (count: number) =>
      unsignedPacket(this.prefix, NEIGHBOURS_RESPONSE, neighboursResponse, {
        nonce,
        peers: peers.slice(0, count).map(({ publicKey, address, flags, rttMs }) => ({
          publicKey,
          address,
          flags: flags & 0xffff,
          rttMs: rttMs === undefined ? RTT_UNKNOWN : Math.min(Math.round(rttMs), RTT_UNKNOWN - 1),
        })),
      })
    const response = answer(peers.length)
    // IPv6 addresses are longer: ten peers fit with those.
    link.send(response.length <= REQUEST_BYTES ? response : answer(10), 0)
  }

  /** @throws CodecError as above */
  onResponse(link: Link, packet: Uint8Array): void {
    const { nonce, peers } = readUnsigned(packet, neighboursResponse)
    const question = this.questions.get(link)
    const inTime = question && this.options.clock.now() - question.askedMs < STOCK_PEERS.questionMs
    if (!inTime || question.nonce !== nonce) {
      this.options.counters.add('directory-unasked-response')
      return
    }
    this.questions.delete(link)
    question.answer(
      peers.map((peer) => ({ ...peer, rttMs: peer.rttMs === RTT_UNKNOWN ? undefined : peer.rttMs })),
    )
  }
}
