import { UTP_HEADER_BYTES } from './constants.ts'

/** Packet types of BEP 29. */
export const UTP_TYPE = { data: 0, fin: 1, state: 2, reset: 3, syn: 4 } as const
export type UtpType = (typeof UTP_TYPE)[keyof typeof UTP_TYPE]

const VERSION = 1
const EXTENSION_SELECTIVE_ACK = 1
/** Ours, and sent only in circuits whose two ends have agreed on large packets: offset u16, total u16. */
const EXTENSION_PART = 0x43
const PART_BYTES = 4

/**
 * A header as read, and where in the packet the rest is. BEP 29:
 *
 *     0  type << 4 | version (1)      1  first extension, 0 for none     2  connection id (2)
 *     4  timestamp, us (4)            8  timestamp difference, us (4)   12  window, bytes (4)
 *    16  sequence number (2)         18  acknowledged number (2)
 *    20  extensions, each: next extension (1), length (1), bytes; then the payload
 *
 * One object serves for all packets of a machine: this is read 15,000 times a second.
 */
export class UtpHeader {
  type: UtpType = UTP_TYPE.data
  connectionId = 0
  timestamp = 0
  timestampDifference = 0
  windowBytes = 0
  sequence = 0
  acknowledged = 0
  /** The bitmask of the selective ack lies here in the packet; both 0 without one. */
  selectiveAckStart = 0
  selectiveAckEnd = 0
  payloadStart = 0
  /** The payload is the part from `partOffset` on of a packet of `partTotal` bytes; `partTotal` is 0 if it is whole. */
  partOffset = 0
  partTotal = 0

  /** @returns false, and undefined fields, if this is not a well-formed uTP packet */
  read(packet: Uint8Array): boolean {
    if (packet.length < UTP_HEADER_BYTES) return false
    const first = packet[0] as number
    const type = first >>> 4
    if ((first & 15) !== VERSION || type > UTP_TYPE.syn) return false
    this.type = type as UtpType
    this.connectionId = u16(packet, 2)
    this.timestamp = u32(packet, 4)
    this.timestampDifference = u32(packet, 8)
    this.windowBytes = u32(packet, 12)
    this.sequence = u16(packet, 16)
    this.acknowledged = u16(packet, 18)
    this.selectiveAckStart = 0
    this.selectiveAckEnd = 0
    this.partOffset = 0
    this.partTotal = 0
    let extension = packet[1] as number
    let at = UTP_HEADER_BYTES
    while (extension !== 0) {
      if (at + 2 > packet.length) return false
      const length = packet[at + 1] as number
      const start = at + 2
      if (start + length > packet.length) return false
      if (extension === EXTENSION_SELECTIVE_ACK) {
        // BEP 29 asks for multiples of four; libtorrent sends what it needs, one byte for instance.
        this.selectiveAckStart = start
        this.selectiveAckEnd = start + length
      } else if (extension === EXTENSION_PART && length === PART_BYTES) {
        this.partOffset = u16(packet, start)
        this.partTotal = u16(packet, start + 2)
      }
      extension = packet[at] as number
      at = start + length
    }
    this.payloadStart = at
    return true
  }
}

/** A new packet with its header written and room for `bodyBytes` after it. */
export function newPacket(
  type: UtpType,
  connectionId: number,
  timestamp: number,
  timestampDifference: number,
  windowBytes: number,
  sequence: number,
  acknowledged: number,
  bodyBytes: number,
): Uint8Array {
  const packet = new Uint8Array(UTP_HEADER_BYTES + bodyBytes)
  packet[0] = (type << 4) | VERSION
  putU16(packet, 2, connectionId)
  putU32(packet, 4, timestamp)
  putU32(packet, 8, timestampDifference)
  putU32(packet, 12, windowBytes)
  putU16(packet, 16, sequence)
  putU16(packet, 18, acknowledged)
  return packet
}

/** Bytes that a selective ack takes beside its bitmask. */
export const SELECTIVE_ACK_OVERHEAD = 2

/**
 * Marks a packet as carrying a selective ack.
 * @returns where in the packet its bitmask begins
 */
export function startSelectiveAck(packet: Uint8Array, maskBytes: number): number {
  packet[1] = EXTENSION_SELECTIVE_ACK
  packet[UTP_HEADER_BYTES] = 0
  packet[UTP_HEADER_BYTES + 1] = maskBytes
  return UTP_HEADER_BYTES + SELECTIVE_ACK_OVERHEAD
}

/** Bytes that a part takes beside its bytes. */
export const PART_OVERHEAD = 2 + PART_BYTES

/** Marks a packet as a part. @returns where in the packet its bytes begin */
export function startPart(packet: Uint8Array, offset: number, total: number): number {
  packet[1] = EXTENSION_PART
  packet[UTP_HEADER_BYTES] = 0
  packet[UTP_HEADER_BYTES + 1] = PART_BYTES
  putU16(packet, UTP_HEADER_BYTES + 2, offset)
  putU16(packet, UTP_HEADER_BYTES + 4, total)
  return UTP_HEADER_BYTES + PART_OVERHEAD
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function u32(bytes: Uint8Array, at: number): number {
  return ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0
}

function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value >>> 16)
  putU16(bytes, at + 2, value)
}
