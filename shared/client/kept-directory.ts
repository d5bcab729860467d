import { fromHex, toHex } from '../bytes/bytes.ts'
import { type Codec, decode, encode, fixed, struct, u8, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { MAX_DESCRIPTOR_BYTES } from '../directory/constants.ts'

/** Keeps what is known of relays between one run and the next. What fails is as if nothing had been kept. */
export interface DirectoryStore {
  load(): Promise<Uint8Array | undefined>
  save(bytes: Uint8Array): Promise<void>
}

export interface KeptDirectory {
  /** Signed, and verified again when they are loaded. */
  readonly descriptors: readonly Uint8Array[]
  /** Relays that several sources told of, by the hex of their mid, and when that was so last. */
  readonly confirmed: readonly { readonly mid: string; readonly wallMs: number }[]
  /** Of the trust book. */
  readonly trust: Uint8Array
}

const VERSION = 1
/** Larger ones are not read. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_ITEMS = 8_000

function list32<T>(item: Codec<T>): Codec<T[]> {
  return {
    write: (writer, values) => {
      writer.u32(values.length)
      for (const value of values) item.write(writer, value)
    },
    read: (reader) => {
      const count = reader.u32()
      if (count > MAX_ITEMS)
        throw new CodecError('codec-count', `${count} items where at most ${MAX_ITEMS} belong`)
      return Array.from({ length: count }, () => item.read(reader))
    },
  }
}

const bytes32: Codec<Uint8Array> = {
  write: (writer, value) => {
    writer.u32(value.length).raw(value)
  },
  read: (reader) => reader.view(reader.u32()),
}

/** version u8 (1), descriptors (count u32, then varlenH each), confirmed (count u32; mid 20, Unix seconds u32), trust (length u32). */
const kept = struct({
  version: u8,
  descriptors: list32(varlen16(MAX_DESCRIPTOR_BYTES)),
  confirmed: list32(struct({ mid: fixed(20), seconds: u32 })),
  trust: bytes32,
})

export function writeKept({ descriptors, confirmed, trust }: KeptDirectory): Uint8Array {
  return encode(kept, {
    version: VERSION,
    descriptors: descriptors.slice(0, MAX_ITEMS),
    confirmed: confirmed.slice(-MAX_ITEMS).map(({ mid, wallMs }) => ({
      mid: fromHex(mid),
      seconds: Math.floor(wallMs / 1000),
    })),
    trust,
  })
}

/** @throws CodecError for bytes that are damaged, too many, or of another version */
export function readKept(bytes: Uint8Array): KeptDirectory {
  if (bytes.length > MAX_BYTES)
    throw new CodecError('kept-directory-size', `${bytes.length} bytes are too many`)
  const { version, descriptors, confirmed, trust } = decode(kept, bytes)
  if (version !== VERSION) throw new CodecError('kept-directory-version', `version ${version}`)
  return {
    descriptors,
    confirmed: confirmed.map(({ mid, seconds }) => ({ mid: toHex(mid), wallMs: 1000 * seconds })),
    trust,
  }
}
