import { sha1 } from '@noble/hashes/legacy.js'
import { Bencoded, encodeBencode } from '../bytes/bencode.ts'
import { concat, equalBytes } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { curves } from '../crypto/curves.ts'
import type { KrpcError, WireItem } from './krpc.ts'

/** What the DHT stores (BEP 44). A `value` here is bencoded; hashes and signatures are over these bytes as they travel. */

export const MAX_VALUE_BYTES = 1_000
export const MAX_SALT_BYTES = 64

/** A value that is a byte string: up to 996 bytes fit. */
export function byteStringValue(bytes: Uint8Array): Uint8Array {
  return encodeBencode(bytes)
}

/** 20 bytes, SHA-1 of the bencoded value. */
export function immutableTarget(value: Uint8Array): Uint8Array {
  return sha1(value)
}

/** 20 bytes, SHA-1 of key (32 bytes) and salt. */
export function mutableTarget(publicKey: Uint8Array, salt: Uint8Array = new Uint8Array()): Uint8Array {
  return sha1(concat(publicKey, salt))
}

/** What is signed: `4:salt...3:seqi...e1:v...`, the salt only if there is one. */
export function signedPart(salt: Uint8Array | undefined, sequence: number, value: Uint8Array): Uint8Array {
  const dictionary = encodeBencode({
    salt: salt?.length ? salt : undefined,
    seq: sequence,
    v: new Bencoded(value),
  })
  // The dictionary's entries without its `d` and `e`.
  return dictionary.subarray(1, -1)
}

/** An item to be put. */
export interface ItemToSign {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
  /** Gives 64 bytes. */
  sign(message: Uint8Array): Uint8Array
  readonly salt?: Uint8Array
  /** 0 or more. */
  readonly sequence: number
  readonly value: Uint8Array
}

/** @throws CulvertError `item-too-large` if value or salt are larger than others take */
export function requireItemSize(value: Uint8Array, salt: Uint8Array = new Uint8Array()): void {
  if (value.length <= MAX_VALUE_BYTES && salt.length <= MAX_SALT_BYTES) return
  throw new CulvertError(
    'item-too-large',
    `a value of ${value.length} bytes and a salt of ${salt.length}: at most 1000 and 64 are stored`,
  )
}

/** @throws CulvertError `item-too-large` */
export function signItem(item: ItemToSign): Required<WireItem> {
  const { publicKey, salt, sequence, value } = item
  requireItemSize(value, salt)
  return { publicKey, sequence, value, signature: item.sign(signedPart(salt, sequence, value)) }
}

/** Whether a node's answer is the item asked for: hash or key are the target's, and the signature is good. */
export function isItemOf(target: Uint8Array, item: WireItem, salt?: Uint8Array): boolean {
  if (item.value.length > MAX_VALUE_BYTES) return false
  if (item.publicKey === undefined) return equalBytes(immutableTarget(item.value), target)
  return equalBytes(mutableTarget(item.publicKey, salt), target) && isSigned(item, salt)
}

function isSigned(
  { publicKey, signature, sequence, value }: WireItem,
  salt: Uint8Array | undefined,
): boolean {
  if (!publicKey || !signature || sequence === undefined) return false
  return curves().verify(signature, signedPart(salt, sequence, value), publicKey)
}

/** Under which target a put is stored. */
export function targetOf(item: WireItem, salt?: Uint8Array): Uint8Array {
  return item.publicKey === undefined ? immutableTarget(item.value) : mutableTarget(item.publicKey, salt)
}

/** Why a put is refused, as an error of BEP 44. */
export type PutFault = Pick<KrpcError, 'code' | 'message'>

/** What is wrong with the put's size, asked before anything is computed for it. */
export function sizeFaultOfPut(item: WireItem, salt?: Uint8Array): PutFault | undefined {
  if (item.value.length > MAX_VALUE_BYTES) return { code: 205, message: 'value larger than 1000 bytes' }
  if ((salt?.length ?? 0) > MAX_SALT_BYTES) return { code: 207, message: 'salt longer than 64 bytes' }
  return undefined
}

/**
 * Whether a put may be stored in place of what is kept under its target, cheap tests first.
 * @param kept the item there now, if any: verified when it came
 * @param cas the put's, if it has one
 */
export function faultOfPut(
  item: WireItem,
  {
    salt,
    cas,
    kept,
  }: { salt?: Uint8Array | undefined; cas?: number | undefined; kept?: WireItem | undefined },
): PutFault | undefined {
  const size = sizeFaultOfPut(item, salt)
  if (size || item.publicKey === undefined) return size
  const keptSequence = kept?.sequence
  if (keptSequence !== undefined) {
    // Whoever puts the same again wants it to live longer: neither its number nor `cas` speak against that.
    const same = keptSequence === item.sequence && equalBytes(kept?.value ?? new Uint8Array(), item.value)
    if (!same && cas !== undefined && cas !== keptSequence) {
      return { code: 301, message: 'cas is not the sequence number here' }
    }
    if (!same && (item.sequence ?? 0) <= keptSequence) {
      return { code: 302, message: 'sequence number not above the one here' }
    }
  }
  return isSigned(item, salt) ? undefined : { code: 206, message: 'bad signature' }
}
