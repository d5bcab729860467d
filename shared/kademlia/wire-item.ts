import type { BencodeDictionary } from '../bytes/bencode.ts'
import { CodecError } from '../bytes/error.ts'
import type { WireItem } from './krpc.ts'

const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/**
 * The item among the fields of an answer, or of the arguments of `put`; undefined if there is no `v`. How long `v` is, is not
 * asked here: a datagram is bounded, and what is too long is answered with error 205.
 * @throws CodecError `krpc-item` if the fields of a mutable item are not all there, and of their length
 */
export function readItem(fields: BencodeDictionary): WireItem | undefined {
  const value = fields.raw('v')
  if (value === undefined) return undefined
  const publicKey = fields.get('k')
  const signature = fields.get('sig')
  const sequence = fields.get('seq')
  if (publicKey === undefined && signature === undefined) return { value }
  if (
    !(publicKey instanceof Uint8Array && publicKey.length === PUBLIC_KEY_BYTES) ||
    !(signature instanceof Uint8Array && signature.length === SIGNATURE_BYTES) ||
    !(typeof sequence === 'number' && sequence >= 0)
  ) {
    throw new CodecError(
      'krpc-item',
      'a mutable item whose key, signature or sequence number is missing or wrong',
    )
  }
  return { value, publicKey, sequence, signature }
}
