import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { encode, fixed, raw, struct, u8, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { BucketsBySource } from '../ipv8/buckets-by-source.ts'
import { siteOf } from '../ipv8/network-of.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'

/*
 * STUN binding (RFC 8489 §5, §14), as much as tells a machine behind a NAT what address it has outside:
 *
 *   request    type u16 = 0001, length u16 of what follows the header, cookie u32 = 2112a442, transaction 12, attributes
 *   response   type u16 = 0101, the same header, and one attribute:
 *              XOR-MAPPED-ADDRESS: type u16 = 0020, length u16, 00, family u8 (1 IPv4, 2 IPv6), port u16 xor the cookie's
 *              first half, address xor (cookie, transaction)                        32 bytes (IPv4), 44 bytes (IPv6) in all
 *
 * An attribute: type u16, length u16, value, padded to 4 bytes. Types under 8000 must be understood by who answers; a request
 * with one is not answered, for none that belongs to a plain binding is among them.
 */

const HEADER_BYTES = 20
const COOKIE = 0x2112a442
const REQUEST = 0x0001
const RESPONSE = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020
const MUST_BE_UNDERSTOOD = 0x8000
const TRANSACTION_BYTES = 12
/** The longest request that is looked at: software name and fingerprint are all that one has. */
const MAX_REQUEST_BYTES = 256

/** Answers a second to one source (IPv4 address or IPv6 /64), as many more at once; and to all together. */
export const STUN_PER_SOURCE = { perSecond: 2, burst: 20 }
export const STUN_IN_ALL = { perSecond: 200, burst: 400 }

const response = struct({
  type: u16,
  length: u16,
  cookie: u32,
  transaction: fixed(TRANSACTION_BYTES),
  attribute: u16,
  attributeLength: u16,
  reserved: u8,
  family: u8,
  port: u16,
  address: raw,
})

/** Whether a datagram is for a STUN server rather than an IPv8 packet, which also begins with 00 (RFC 8489 §5). */
export function isStun(datagram: Uint8Array): boolean {
  if (datagram.length < HEADER_BYTES || datagram[0] !== 0) return false
  const reader = new Reader(datagram)
  reader.view(4)
  return reader.u32() === COOKIE
}

/**
 * The transaction id of a plain binding request, a view of the datagram.
 * @throws CodecError `stun-…` of anything else
 */
export function readBindingRequest(datagram: Uint8Array): Uint8Array {
  if (datagram.length > MAX_REQUEST_BYTES) throw new CodecError('stun-length', 'a request that is too long')
  const reader = new Reader(datagram)
  const [type, length, cookie] = [reader.u16(), reader.u16(), reader.u32()]
  if (type !== REQUEST || cookie !== COOKIE) throw new CodecError('stun-type', 'no binding request')
  const transaction = reader.view(TRANSACTION_BYTES)
  if (length !== reader.remaining || length % 4 !== 0) {
    throw new CodecError('stun-length', 'a request of another length than it says')
  }
  while (reader.remaining > 0) {
    const attribute = reader.u16()
    const bytes = reader.u16()
    if (attribute < MUST_BE_UNDERSTOOD) {
      throw new CodecError('stun-attribute', 'a request with what is not understood')
    }
    reader.view(bytes + ((4 - (bytes % 4)) % 4))
  }
  return transaction
}

/** The response that tells `to` its address. */
export function bindingResponse(transaction: Uint8Array, to: IpAddress): Uint8Array {
  const bytes = (to.kind === 'ipv4' ? parseIpv4(to.host) : parseIpv6(to.host)) ?? new Uint8Array()
  const mask = concat(Uint8Array.of(0x21, 0x12, 0xa4, 0x42), transaction)
  return encode(response, {
    type: RESPONSE,
    length: 8 + bytes.length,
    cookie: COOKIE,
    transaction,
    attribute: XOR_MAPPED_ADDRESS,
    attributeLength: 4 + bytes.length,
    reserved: 0,
    family: to.kind === 'ipv4' ? 1 : 2,
    port: to.port ^ (COOKIE >>> 16),
    address: bytes.map((byte, i) => byte ^ (mask[i] ?? 0)),
  })
}

export interface StunResponderOptions {
  readonly clock: Clock
  /** `stun-answered`, `stun-limit`, and `stun-malformed` */
  readonly counters: Counters
  send(to: IpAddress, datagram: Uint8Array): void
}

/**
 * Tells who asks what address he has (ICE needs no server besides the relays then). An answer is 12 or 24 bytes longer than the
 * shortest question, so answers are bounded, by source and in all: under forged sources no more than some 9 kB/s come of it.
 */
export class StunResponder {
  private readonly options: StunResponderOptions
  private readonly bySource: BucketsBySource
  private readonly inAll: TokenBucket

  constructor(options: StunResponderOptions) {
    this.options = options
    const bucket = ({ perSecond, burst }: typeof STUN_IN_ALL) =>
      new TokenBucket(options.clock, perSecond, burst)
    this.bySource = new BucketsBySource(() => bucket(STUN_PER_SOURCE))
    this.inAll = bucket(STUN_IN_ALL)
  }

  /** A datagram that `isStun`. Never throws. */
  receive(from: IpAddress, datagram: Uint8Array): void {
    const { counters, send } = this.options
    try {
      const transaction = readBindingRequest(datagram)
      if (this.bySource.take(siteOf(from)) && this.inAll.take()) {
        counters.add('stun-answered')
        send(from, bindingResponse(transaction, from))
      } else counters.add('stun-limit')
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      counters.add('stun-malformed')
    }
  }
}
