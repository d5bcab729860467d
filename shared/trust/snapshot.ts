import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { ipAddress } from '../bytes/address.ts'
import { concat, equalBytes } from '../bytes/bytes.ts'
import {
  type Codec,
  decode,
  encode,
  fixed,
  list8,
  struct,
  u8,
  u16,
  u32,
  type ValueOf,
} from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { MAX_SNAPSHOT_BYTES } from './constants.ts'
import { MISBEHAVIOURS } from './verdict.ts'

/** Milliseconds, kept to the second. */
const time: Codec<number> = {
  write: (writer, ms) => u32.write(writer, Math.max(0, Math.min(Math.round(ms / 1000), 0xffff_ffff))),
  read: (reader) => reader.u32() * 1000,
}

/** Thousandths, up to 65. */
const thousandths: Codec<number> = {
  write: (writer, value) => u16.write(writer, Math.max(0, Math.min(Math.round(value * 1000), 0xffff))),
  read: (reader) => reader.u16() / 1000,
}

/** Count as u16, then the items. */
function list16<T>(item: Codec<T>): Codec<T[]> {
  return {
    write: (writer, values) => {
      u16.write(writer, values.length)
      for (const each of values) item.write(writer, each)
    },
    read: (reader) => {
      const items: T[] = []
      for (let count = reader.u16(); count > 0; count--) items.push(item.read(reader))
      return items
    },
  }
}

const mid = fixed(20)
const tally = struct({ good: thousandths, bad: thousandths, atMs: time })

/** What is kept of one relay. Times of 0: never. */
const relay = struct({
  mid,
  checks: u8,
  checksDone: u8,
  checkedMs: time,
  updatedMs: time,
  circuits: tally,
  bandwidth: tally,
  uptime: tally,
  misbehaviour: list8(struct({ kind: u8, points: thousandths, atMs: time }), MISBEHAVIOURS.length),
  /** What others say; no voices: nothing. */
  others: struct({ voices: u8, checks: u8, reputation: thousandths, checkedMs: time, heardMs: time }),
})

const content = struct({
  relays: list16(relay),
  spiesByKey: list16(struct({ mid, foundMs: time })),
  /** `claimedBy` of zeros: nobody has. */
  spiesByAddress: list16(struct({ address: ipAddress, foundMs: time, claimedBy: mid })),
  /** Mark 1: blocked by hand, 2: trusted by hand. */
  marks: list16(struct({ mid, mark: u8 })),
})

export type StoredRelay = ValueOf<typeof relay>
export type BookContent = ValueOf<typeof content>

const MAGIC = utf8ToBytes('culvert trust 1\n')
const DIGEST_BYTES = 8

function digestOf(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).subarray(0, DIGEST_BYTES)
}

/** "culvert trust 1" and a line feed (16), the content, and the first 8 bytes of SHA-256 over both: against damage, not against anybody. */
export function writeSnapshot(book: BookContent): Uint8Array {
  const signed = concat(MAGIC, encode(content, book))
  return concat(signed, digestOf(signed))
}

/** @throws CodecError `trust-snapshot` for anything but what `writeSnapshot` wrote */
export function readSnapshot(bytes: Uint8Array): BookContent {
  if (bytes.length > MAX_SNAPSHOT_BYTES || bytes.length < MAGIC.length + DIGEST_BYTES) {
    throw new CodecError('trust-snapshot', `${bytes.length} bytes are no trust book`)
  }
  const reader = new Reader(bytes)
  const magic = reader.view(MAGIC.length)
  const body = reader.view(reader.remaining - DIGEST_BYTES)
  const digest = reader.rest()
  if (!equalBytes(magic, MAGIC)) throw new CodecError('trust-snapshot', 'not a trust book of version 1')
  if (!equalBytes(digest, digestOf(concat(magic, body)))) {
    throw new CodecError('trust-snapshot', 'the trust book is damaged')
  }
  try {
    // A copy: what is read are views, and must not keep or share the caller's memory.
    return decode(content, Uint8Array.from(body))
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause
    throw new CodecError('trust-snapshot', `the trust book cannot be read: ${cause.message}`, { cause })
  }
}
