import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'

/** Bits of the address that count. */
const MASKS: Record<IpAddress['kind'], readonly number[]> = {
  ipv4: [0x03, 0x0f, 0x3f, 0xff],
  ipv6: [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff],
}
const ADDRESS_BYTES = 3
const MID_BYTES = 17

/**
 * Where a node stands in the DHT of IPv8: three bytes that follow from its address, as in BEP 42 but with plain CRC-32 and no choice
 * of the node's, then 17 of its mid. Nobody tells his own; whoever sees a node knows it.
 */
export function dhtNodeId(address: IpAddress, mid: Uint8Array): Uint8Array {
  const ip =
    (address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)) ?? new Uint8Array(8)
  const checksum = crc32(MASKS[address.kind].map((mask, i) => mask & (ip[i] as number)))
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
