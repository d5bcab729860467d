import { CodecError } from './error.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/**
 * One wire format: how a value is written and read. A message's layout stands once, as a `struct` of these; encode and
 * decode follow from it. Encoding a value that does not fit is a bug of ours and throws a CodecError as well.
 */
export interface Codec<T> {
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never

type Fields = { readonly [name: string]: Codec<unknown> }
export type StructValue<F extends Fields> = { [K in keyof F]: ValueOf<F[K]> }

function inRange(value: number, max: number, what: string): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new CodecError('codec-range', `${value} is not a ${what}`)
  }
}

export const u8: Codec<number> = {
  write: (w, value) => {
    inRange(value, 0xff, 'u8')
    w.u8(value)
  },
  read: (r) => r.u8(),
}

export const u16: Codec<number> = {
  write: (w, value) => {
    inRange(value, 0xffff, 'u16')
    w.u16(value)
  },
  read: (r) => r.u16(),
}

export const u32: Codec<number> = {
  write: (w, value) => {
    inRange(value, 0xffffffff, 'u32')
    w.u32(value)
  },
  read: (r) => r.u32(),
}

export const u64: Codec<bigint> = {
  write: (w, value) => {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new CodecError('codec-range', `${value} is not a u64`)
    }
    w.u64(value)
  },
  read: (r) => r.u64(),
}

/** Exactly `length` bytes. Read as a view of the packet. */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    write: (w, value) => {
      if (value.length !== length) {
        throw new CodecError('codec-length', `${value.length} bytes where ${length} belong`)
      }
      w.raw(value)
    },
    read: (r) => r.view(length),
  }
}

/** Length as u16, then the bytes (`varlenH` of IPv8), bounded to min..max bytes. Read as a view of the packet. */
export function varlen16(max: number, min = 0): Codec<Uint8Array> {
  const check = (length: number) => {
    if (length < min || length > max) {
      throw new CodecError('codec-length', `${length} bytes where ${min} to ${max} belong`)
    }
  }
  return {
    write: (w, value) => {
      check(value.length)
      w.u16(value.length).raw(value)
    },
    read: (r) => {
      const length = r.u16()
      check(length)
      return r.view(length)
    },
  }
}

/** Count as u8, then the items; at most `max` of them. */
export function list8<T>(item: Codec<T>, max = 255): Codec<T[]> {
  const check = (count: number) => {
    if (count > max) throw new CodecError('codec-count', `${count} items where at most ${max} belong`)
  }
  return {
    write: (w, value) => {
      check(value.length)
      w.u8(value.length)
      for (const each of value) item.write(w, each)
    },
    read: (r) => {
      const count = r.u8()
      check(count)
      return Array.from({ length: count }, () => item.read(r))
    },
  }
}

/** The rest of the packet, as a view. */
export const raw: Codec<Uint8Array> = {
  write: (w, value) => {
    w.raw(value)
  },
  read: (r) => r.rest(),
}

/** Named fields in the order in which they are declared. */
export function struct<F extends Fields>(fields: F): Codec<StructValue<F>> {
  const entries = Object.entries(fields)
  return {
    write: (w, value) => {
      for (const [name, codec] of entries) codec.write(w, value[name as keyof F])
    },
    read: (r) => {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of entries) value[name] = codec.read(r)
      return value as StructValue<F>
    },
  }
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer()
  codec.write(writer, value)
  return writer.finish()
}

/** Decodes all of `bytes`; left-over bytes are refused. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes)
  const value = codec.read(reader)
  reader.done()
  return value
}

/** Decodes the front of `bytes`; left-over bytes are ignored, as IPv8 does inside cells. */
export function decodePrefix<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return codec.read(new Reader(bytes))
}
