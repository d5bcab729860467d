import { type IpAddress, ipAddress, ipv4Address } from '../bytes/address.ts'
import { type Codec, raw, struct, u8, u16, u64 } from '../bytes/codec.ts'
import {
  INTRODUCTION_REQUEST,
  INTRODUCTION_RESPONSE,
  NEW_INTRODUCTION_REQUEST,
  NEW_INTRODUCTION_RESPONSE,
  NEW_PUNCTURE,
  NEW_PUNCTURE_REQUEST,
  PUNCTURE,
  PUNCTURE_REQUEST,
} from './constants.ts'

/** Bodies of introductions and punctures (IPV8-WIRE "Format"), after the key where they are signed. */
export interface IntroductionRequest {
  /** The sender's Lamport clock. */
  readonly time: bigint
  /** Where the sender sends this: tells the receiver how it is seen. */
  readonly destination: IpAddress
  readonly lan: IpAddress
  readonly wan: IpAddress
  /** BITS_... below. */
  readonly bits: number
  /** Repeated in response, puncture request and puncture. */
  readonly identifier: number
  /** Of the tunnel community: flag mask, 2 bytes; see flagsOf. */
  readonly extra: Uint8Array
}

export interface IntroductionResponse extends IntroductionRequest {
  /** The introduced peer's addresses; NO_ADDRESS for none. */
  readonly introducedLan: IpAddress
  readonly introducedWan: IpAddress
}

/** Unsigned. Asks the receiver to puncture the walker. */
export interface PunctureRequest {
  readonly time: bigint
  readonly walkerLan: IpAddress
  readonly walkerWan: IpAddress
  readonly identifier: number
}

export interface Puncture {
  readonly time: bigint
  readonly lan: IpAddress
  /** py-ipv8 puts the walker's WAN address here. */
  readonly wan: IpAddress
  readonly identifier: number
}

/** Both styles of one family of messages, seen alike. */
export interface IntroductionStyle {
  readonly requestId: number
  readonly responseId: number
  readonly punctureRequestId: number
  readonly punctureId: number
  readonly request: Codec<IntroductionRequest>
  readonly response: Codec<IntroductionResponse>
  readonly punctureRequest: Codec<PunctureRequest>
  readonly puncture: Codec<Puncture>
  /** What a request of ours has set: py-ipv8's defaults, connection type unknown. */
  readonly requestBits: number
  /** Set in every response of ours. */
  readonly responseBits: number
  /** Bit of a response: its sender understands the new style. */
  readonly senderNewStyleBit: number
  /** Bit of a response: so does the peer that it introduces. */
  readonly introducedNewStyleBit: number
  /** Whether addresses may be IPv6. */
  readonly anyFamily: boolean
  /** Whether a response has room for the sender's connection type; a request always has. */
  readonly responseTellsConnection: boolean
}

export const OLD_STYLE: IntroductionStyle = {
  requestId: INTRODUCTION_REQUEST,
  responseId: INTRODUCTION_RESPONSE,
  punctureRequestId: PUNCTURE_REQUEST,
  punctureId: PUNCTURE,
  request: struct({
    time: u64,
    destination: ipv4Address,
    lan: ipv4Address,
    wan: ipv4Address,
    bits: u8,
    identifier: u16,
    extra: raw,
  }),
  response: struct({
    time: u64,
    destination: ipv4Address,
    lan: ipv4Address,
    wan: ipv4Address,
    introducedLan: ipv4Address,
    introducedWan: ipv4Address,
    bits: u8,
    identifier: u16,
    extra: raw,
  }),
  punctureRequest: struct({ time: u64, walkerLan: ipv4Address, walkerWan: ipv4Address, identifier: u16 }),
  puncture: struct({ time: u64, lan: ipv4Address, wan: ipv4Address, identifier: u16 }),
  requestBits: 0x01,
  responseBits: 0x10,
  senderNewStyleBit: 0x10,
  introducedNewStyleBit: 0x08,
  anyFamily: false,
  responseTellsConnection: true,
}

/** The identifier stands before the bits here. */
export const NEW_STYLE: IntroductionStyle = {
  requestId: NEW_INTRODUCTION_REQUEST,
  responseId: NEW_INTRODUCTION_RESPONSE,
  punctureRequestId: NEW_PUNCTURE_REQUEST,
  punctureId: NEW_PUNCTURE,
  request: struct({
    time: u64,
    destination: ipAddress,
    lan: ipAddress,
    wan: ipAddress,
    identifier: u16,
    bits: u8,
    extra: raw,
  }),
  response: struct({
    time: u64,
    destination: ipAddress,
    lan: ipAddress,
    wan: ipAddress,
    introducedLan: ipAddress,
    introducedWan: ipAddress,
    identifier: u16,
    bits: u8,
    extra: raw,
  }),
  punctureRequest: struct({ time: u64, walkerLan: ipAddress, walkerWan: ipAddress, identifier: u16 }),
  puncture: struct({ time: u64, lan: ipAddress, wan: ipAddress, identifier: u16 }),
  requestBits: 0x00,
  responseBits: 0x00,
  senderNewStyleBit: 0x00,
  introducedNewStyleBit: 0x80,
  anyFamily: true,
  responseTellsConnection: false,
}

/** The two most significant bits of 246, 234 and 245. */
export type ConnectionType = 'unknown' | 'public' | 'symmetric-nat'

export function connectionTypeOf(bits: number): ConnectionType {
  if ((bits & 0xc0) === 0x80) return 'public'
  return (bits & 0xc0) === 0xc0 ? 'symmetric-nat' : 'unknown'
}

/** Those two bits, to be set in what we send. */
export function bitsOfConnectionType(type: ConnectionType): number {
  if (type === 'public') return 0x80
  return type === 'symmetric-nat' ? 0xc0 : 0
}

/** Bit of an old-style or new-style request: its sender understands the new style. */
export const REQUEST_NEW_STYLE_BIT = 0x20

export function extraOf(flags: number): Uint8Array {
  return new Uint8Array([flags >>> 8, flags])
}

/**
 * The flag mask in the extra bytes. None or one byte: no flags (py-ipv8 accepts the peer and then fails on a single byte,
 * to the same end). More than two: the rest is ignored.
 */
export function flagsOf(extra: Uint8Array): number {
  const [high = 0, low = 0] = extra
  return extra.length < 2 ? 0 : (high << 8) | low
}
