import { type IpAddress, parseIpv4, parseIpv6 } from '../bytes/address.ts'
import { isLoopback, isPrivate } from '../ipv8/network-of.ts'
import type { Random } from '../world/random.ts'
import { ID_BYTES } from './constants.ts'

/** Node ids that follow from the node's address, so that nobody chooses where in the DHT it stands (BEP 42). */

/** Bits of the address that count, fewer of the front ones: who has a whole network has few ids more. */
const MASKS: Record<IpAddress['kind'], readonly number[]> = {
  ipv4: [0x03, 0x0f, 0x3f, 0xff],
  ipv6: [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff],
}
/** The last byte's lowest bits choose one of eight ids of an address. */
const CHOICE_MASK = 0x07
/** Of the third byte, the bits that follow from the address; with the two bytes before it, 21 bits do. */
const THIRD_BYTE_MASK = 0xf8

/** A random id of those that fit the address. */
export function nodeIdFor(address: IpAddress, random: Random): Uint8Array {
  const id = random.bytes(ID_BYTES)
  const checksum = checksumOf(address, choiceOf(id))
  id[0] = checksum >>> 24
  id[1] = checksum >>> 16
  id[2] = ((checksum >>> 8) & THIRD_BYTE_MASK) | ((id[2] as number) & ~THIRD_BYTE_MASK)
  return id
}

/** Whether the id is one that the address may have; of addresses that are exempt, every id is. */
export function nodeIdFits(id: Uint8Array, address: IpAddress): boolean {
  if (isExempt(address)) return true
  const checksum = checksumOf(address, choiceOf(id))
  return (
    id[0] === checksum >>> 24 &&
    id[1] === ((checksum >>> 16) & 0xff) &&
    ((id[2] as number) & THIRD_BYTE_MASK) === ((checksum >>> 8) & THIRD_BYTE_MASK)
  )
}

/** IPv4 as text, for it is asked of every address of every answer: 10/8, 127/8, 172.16/12, 192.168/16, 169.254/16. */
const EXEMPT_IPV4 = /^(?:10|127|172\.(?:1[6-9]|2\d|3[01])|192\.168|169\.254)\./

/** Private, link-local and loopback addresses: nodes there cannot know which address others see (BEP 42). */
export function isExempt(address: IpAddress): boolean {
  return address.kind === 'ipv4' ? EXEMPT_IPV4.test(address.host) : isPrivate(address) || isLoopback(address)
}

function choiceOf(id: Uint8Array): number {
  return (id[ID_BYTES - 1] as number) & CHOICE_MASK
}

/** The bytes of an address that a node's place follows from, without the bits that do not count: 4 of IPv4, 8 of IPv6. */
export function maskedAddress(address: IpAddress): number[] {
  const ip =
    (address.kind === 'ipv4' ? parseIpv4(address.host) : parseIpv6(address.host)) ?? new Uint8Array(8)
  return MASKS[address.kind].map((mask, i) => mask & (ip[i] as number))
}

function checksumOf(address: IpAddress, choice: number): number {
  const masked = maskedAddress(address)
  masked[0] = (masked[0] as number) | (choice << 5)
  return crc32c(masked)
}

/** The reflected polynomial of CRC-32C (RFC 3720 §B.4). */
const POLYNOMIAL = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value
})

function crc32c(bytes: readonly number[]): number {
  let value = 0xffff_ffff
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] as number) ^ (value >>> 8)
  return ~value >>> 0
}
