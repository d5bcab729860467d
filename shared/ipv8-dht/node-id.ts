import type { IpAddress } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { maskedAddress } from '../kademlia/node-id.ts'

const ADDRESS_BYTES = 3
const MID_BYTES = 17

/**
 * Where a node stands in the DHT of IPv8: three bytes that follow from its address, as in BEP 42 but with plain CRC-32 and no choice
 * of the node's, then 17 of its mid. Nobody tells his own; whoever sees a node knows it.
 */
export function dhtNodeId(address: IpAddress, mid: Uint8Array): Uint8Array {
  const checksum = crc32(maskedAddress(address))
  const front = Uint8Array.of(checksum >>> 24, checksum >>> 16, checksum >>> 8)
  return concat(front.subarray(0, ADDRESS_BYTES), mid.subarray(0, MID_BYTES))
}

/** The reflected polynomial of CRC-32 (ISO-HDLC). A few bytes at a time: no table is worth its room. */
const POLYNOMIAL = 0xedb88320

function crc32(bytes: readonly number[]): number {
  let value = 0xffff_ffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  }
  return ~value >>> 0
}
