import { PREFIX_BYTES } from '../ipv8/constants.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, LAYER_BYTES, MAX_MESSAGE_BYTES, MESSAGE } from './constants.ts'

/**
 * The header of a cell: prefix 22, 00, circuit id 4, plaintext flag 1, relay-early flag 1; then the message, sealed in as
 * many layers as there are hops left. Every cell passes here, so this one file works on offsets: a codec would make an
 * object per cell.
 */

const TYPE_AT = PREFIX_BYTES
const ID_AT = PREFIX_BYTES + 1
const PLAINTEXT_AT = PREFIX_BYTES + 5
const RELAY_EARLY_AT = PREFIX_BYTES + 6

/** Whether the packet is of this overlay: the prefix and at least a message id. */
export function hasPrefix(packet: Uint8Array, prefix: Uint8Array): boolean {
  if (packet.length <= PREFIX_BYTES) return false
  // The community id's end differs more often than its start.
  for (let i = PREFIX_BYTES - 1; i >= 0; i--) if (packet[i] !== prefix[i]) return false
  return true
}

/** Message id of a packet with a prefix. */
export function packetType(packet: Uint8Array): number {
  return packet[TYPE_AT] as number
}

/** Whether this is a cell with a message in it, by type and length; the prefix is not looked at. */
export function isCell(packet: Uint8Array): boolean {
  return packet.length > CELL_HEADER_BYTES && packet[TYPE_AT] === MESSAGE.cell
}

export function cellCircuitId(cell: Uint8Array): number {
  return (
    (((cell[ID_AT] as number) << 24) |
      ((cell[ID_AT + 1] as number) << 16) |
      ((cell[ID_AT + 2] as number) << 8) |
      (cell[ID_AT + 3] as number)) >>>
    0
  )
}

export function isPlaintext(cell: Uint8Array): boolean {
  return cell[PLAINTEXT_AT] !== 0
}

export function isRelayEarly(cell: Uint8Array): boolean {
  return cell[RELAY_EARLY_AT] !== 0
}

/** Writes a header of 29 bytes at `at`. Flags are written as 0 or 1, whatever came in: other values would mark a cell. */
export function writeCellHeader(
  buffer: Uint8Array,
  at: number,
  prefix: Uint8Array,
  circuitId: number,
  plaintext: boolean,
  relayEarly: boolean,
): void {
  buffer.set(prefix, at)
  buffer[at + TYPE_AT] = MESSAGE.cell
  buffer[at + ID_AT] = circuitId >>> 24
  buffer[at + ID_AT + 1] = circuitId >>> 16
  buffer[at + ID_AT + 2] = circuitId >>> 8
  buffer[at + ID_AT + 3] = circuitId
  buffer[at + PLAINTEXT_AT] = plaintext ? 1 : 0
  buffer[at + RELAY_EARLY_AT] = relayEarly ? 1 : 0
}

/** A cell in plaintext, for create and created. */
export function plaintextCell(
  prefix: Uint8Array,
  circuitId: number,
  relayEarly: boolean,
  message: Uint8Array,
): Uint8Array {
  const cell = new Uint8Array(CELL_HEADER_BYTES + message.length)
  writeCellHeader(cell, 0, prefix, circuitId, true, relayEarly)
  cell.set(message, CELL_HEADER_BYTES)
  return cell
}

/** A buffer for a cell of `layers` layers. The message belongs at `messageAt(layers)`. */
export function cellBuffer(layers: number, messageBytes: number): Uint8Array {
  return new Uint8Array(CELL_HEADER_BYTES + layers * LAYER_BYTES + messageBytes)
}

/** Where the message stands in a cell of `layers` layers: behind the header and one counter a layer. */
export function messageAt(layers: number): number {
  return CELL_HEADER_BYTES + layers * COUNTER_BYTES
}

/** The most data that a data or stream message carries with this destination and an origin of 0.0.0.0:0. */
export function maxPayload(destinationBytes: number, originBytes = 7): number {
  return MAX_MESSAGE_BYTES - 1 - destinationBytes - originBytes
}
