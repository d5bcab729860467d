import { Reader } from '../bytes/reader.ts'
import { MESSAGE_ID_AT, messageIdOf } from './packet.ts'

/**
 * What a datagram looks like to an exit, which lets pass nothing else, in either direction. The shapes are those of
 * py-ipv8 (IPV8-WIRE "Circuits"), so that a Culvert exit serves whom a Tribler exit serves. They tell shapes, not content:
 * a DNS query happens to look like a UDP tracker's message, so ports and addresses are the exit policy's matter.
 */
const UTP_BYTES = 20
const D = 0x64
const E = 0x65

/** BEP 29: 20 bytes or more, type 0 to 4, version 1, extension 0 to 3. */
function looksLikeUtp(data: Uint8Array): boolean {
  if (data.length < UTP_BYTES) return false
  const reader = new Reader(data)
  const typeAndVersion = reader.u8()
  return (typeAndVersion & 0x0f) === 1 && typeAndVersion >>> 4 <= 4 && reader.u8() <= 3
}

/** BEP 15: an action of 0 to 3, at offset 0 of what a tracker says (8 bytes or more) or 8 of what it is told (12 or more). */
function looksLikeUdpTracker(data: Uint8Array): boolean {
  if (data.length >= 8 && new Reader(data).u32() <= 3) return true
  return data.length >= 12 && new Reader(data, 8).u32() <= 3
}

/** BEP 5: a bencoded dictionary, by its first and last byte. */
function looksLikeDht(data: Uint8Array): boolean {
  return data.length >= 2 && data[0] === D && data[data.length - 1] === E
}

/** uTP, UDP tracker or DHT: what an exit with the BitTorrent flag carries. */
export function looksLikeBitTorrent(data: Uint8Array): boolean {
  return looksLikeUtp(data) || looksLikeUdpTracker(data) || looksLikeDht(data)
}

/** 23 bytes or more, 00 01 or 00 02 first: what an exit with the IPv8 flag carries. */
export function looksLikeIpv8(data: Uint8Array): boolean {
  return data.length > MESSAGE_ID_AT && data[0] === 0 && (data[1] === 1 || data[1] === 2)
}

/** A packet of the community with this 22-byte prefix: what every exit carries for its own community. */
export function isOwnCommunity(data: Uint8Array, prefix: Uint8Array): boolean {
  return messageIdOf(data, prefix) !== undefined
}
