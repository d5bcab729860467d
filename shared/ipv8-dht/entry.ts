import { sha1 } from '@noble/hashes/legacy.js'
import { toHex } from '../bytes/bytes.ts'
import { struct, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { KEY_BYTES, PublicKey, SIGNATURE_BYTES } from '../identity/keys.ts'

/**
 * A value as it is stored: kind 0 and the data; or kind 1, data varlen16, version 4 (seconds since 1970), key varlen16, signature 64
 * over all before it.
 */
const PLAIN = 0
const SIGNED = 1

const signedForm = struct({ data: varlen16(0xffff), version: u32, key: varlen16(KEY_BYTES, KEY_BYTES) })

export interface Entry {
  /** As it is stored, and told. */
  readonly bytes: Uint8Array
  readonly data: Uint8Array
  /** 0 of plain ones. */
  readonly version: number
  /** Undefined of plain ones. */
  readonly publicKey: PublicKey | undefined
  /** One of the same identity, under the same target, is replaced. */
  readonly identity: string
  /** Whether its signature holds; true of plain ones. */
  verify(): boolean
}

/** @throws CodecError */
export function parseEntry(bytes: Uint8Array): Entry {
  const reader = new Reader(bytes)
  const kind = reader.u8()
  if (kind === PLAIN) {
    const data = reader.rest()
    return {
      bytes,
      data,
      version: 0,
      publicKey: undefined,
      identity: toHex(sha1(bytes)),
      verify: () => true,
    }
  }
  if (kind !== SIGNED) throw new CodecError('dht-entry-kind', `an entry of kind ${kind}`)
  const signed = new Reader(bytes, 1, bytes.length - SIGNATURE_BYTES)
  const { data, version, key } = signedForm.read(signed)
  signed.done()
  const publicKey = PublicKey.parse(key)
  return {
    bytes,
    data,
    version,
    publicKey,
    identity: toHex(publicKey.mid),
    verify: () => publicKey.verify(bytes.subarray(signed.end), bytes.subarray(0, signed.end)),
  }
}

/** A plain entry with this data. */
export function plainEntry(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + data.length)
  bytes[0] = PLAIN
  bytes.set(data, 1)
  return bytes
}
