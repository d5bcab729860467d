import { CodecError } from './error.ts'
import { Writer } from './writer.ts'

/**
 * Bencoding (BEP 3), as datagrams of the DHT, items and small files have it. What is decoded may come from anybody: depth, items
 * and the size of integers are bounded, and every fault is a CodecError.
 */

/** Integers are safe ones (within 2^53), byte strings are views of what was decoded. */
export type BencodeValue = number | Uint8Array | readonly BencodeValue[] | BencodeDictionary

export interface BencodeLimits {
  /** How deep lists and dictionaries may be nested; a value that is neither has depth 0. */
  readonly depth: number
  /** Values in all, the keys not counted. */
  readonly items: number
}

export const BENCODE_LIMITS: BencodeLimits = { depth: 8, items: 4096 }

const [COLON, MINUS, ZERO, NINE] = [0x3a, 0x2d, 0x30, 0x39]
const [INTEGER, LIST, DICTIONARY, END] = [0x69, 0x6c, 0x64, 0x65]
/** 2^53 has sixteen. */
const MAX_DIGITS = 16
const MAX_KEY_BYTES = 255

/**
 * A decoded dictionary. Keys are byte strings, held as text of one character (0 to 255) a byte. Order is not asked for in what
 * comes in - nodes of the DHT differ - but no key may stand twice.
 */
export class BencodeDictionary {
  private readonly bytes: Uint8Array
  private readonly entries = new Map<string, { value: BencodeValue; start: number; end: number }>()

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get size(): number {
    return this.entries.size
  }

  keys(): IterableIterator<string> {
    return this.entries.keys()
  }

  get(key: string): BencodeValue | undefined {
    return this.entries.get(key)?.value
  }

  /** The value as it stood in what was decoded, a view: what items are hashed and signed by (BEP 44). */
  raw(key: string): Uint8Array | undefined {
    const entry = this.entries.get(key)
    return entry && this.bytes.subarray(entry.start, entry.end)
  }

  /** The value if it is an integer. */
  integer(key: string): number | undefined {
    const value = this.get(key)
    return typeof value === 'number' ? value : undefined
  }

  /** The value if it is a byte string. */
  string(key: string): Uint8Array | undefined {
    const value = this.get(key)
    return value instanceof Uint8Array ? value : undefined
  }

  /** The value if it is a dictionary. */
  dictionary(key: string): BencodeDictionary | undefined {
    const value = this.get(key)
    return value instanceof BencodeDictionary ? value : undefined
  }

  /** The value if it is a list. */
  list(key: string): readonly BencodeValue[] | undefined {
    const value = this.get(key)
    return Array.isArray(value) ? value : undefined
  }

  /** For the decoder. @throws CodecError `bencode-key` if the key is there */
  set(key: string, value: BencodeValue, start: number, end: number): void {
    if (this.entries.has(key)) throw new CodecError('bencode-key', 'a key stands twice in a dictionary')
    this.entries.set(key, { value, start, end })
  }
}

/**
 * The one value that `bytes` are.
 * @throws CodecError `bencode-syntax`, `bencode-short`, `bencode-integer`, `bencode-key`, `bencode-limit`, `codec-leftover`
 */
export function decodeBencode(bytes: Uint8Array, limits = BENCODE_LIMITS): BencodeValue {
  const decoder = new Decoder(bytes, limits.items)
  const value = decoder.value(limits.depth)
  const left = bytes.length - decoder.at
  if (left !== 0) throw new CodecError('codec-leftover', `${left} bytes after the bencoded value`)
  return value
}

/** As decodeBencode, for what must be a dictionary. */
export function decodeDictionary(bytes: Uint8Array, limits = BENCODE_LIMITS): BencodeDictionary {
  const value = decodeBencode(bytes, limits)
  if (value instanceof BencodeDictionary) return value
  throw new CodecError('bencode-syntax', 'no dictionary')
}

/** Recursion goes no deeper than the limit of depth. */
class Decoder {
  at = 0
  private readonly bytes: Uint8Array
  private itemsLeft: number

  constructor(bytes: Uint8Array, items: number) {
    this.bytes = bytes
    this.itemsLeft = items
  }

  value(depthLeft: number): BencodeValue {
    if (this.itemsLeft-- <= 0) throw new CodecError('bencode-limit', 'more values than are taken')
    const byte = this.bytes[this.at]
    if (byte === INTEGER) {
      this.at++
      return this.integer()
    }
    if (byte !== LIST && byte !== DICTIONARY) return this.string()
    if (depthLeft <= 0) throw new CodecError('bencode-limit', 'nested deeper than is taken')
    this.at++
    return byte === LIST ? this.list(depthLeft - 1) : this.dictionary(depthLeft - 1)
  }

  private list(depthLeft: number): BencodeValue[] {
    const list: BencodeValue[] = []
    while (!this.ended()) list.push(this.value(depthLeft))
    return list
  }

  private dictionary(depthLeft: number): BencodeDictionary {
    const dictionary = new BencodeDictionary(this.bytes)
    while (!this.ended()) {
      const key = this.string()
      if (key.length > MAX_KEY_BYTES) throw new CodecError('bencode-limit', `a key of ${key.length} bytes`)
      const start = this.at
      const value = this.value(depthLeft)
      dictionary.set(asText(key), value, start, this.at)
    }
    return dictionary
  }

  /** Steps over the end of a list or dictionary if it is here. */
  private ended(): boolean {
    if (this.at >= this.bytes.length) throw new CodecError('bencode-short', 'a list or dictionary has no end')
    if (this.bytes[this.at] !== END) return false
    this.at++
    return true
  }

  private string(): Uint8Array {
    const length = this.digits(COLON)
    const start = this.at
    if (length > this.bytes.length - start) {
      throw new CodecError(
        'bencode-short',
        `a string of ${length} bytes of which ${this.bytes.length - start} are here`,
      )
    }
    this.at = start + length
    return this.bytes.subarray(start, this.at)
  }

  private integer(): number {
    const negative = this.bytes[this.at] === MINUS
    if (negative) this.at++
    const value = this.digits(END)
    if (!negative) return value
    if (value === 0) throw new CodecError('bencode-integer', 'minus nought')
    return -value
  }

  /** Digits without a leading nought, and the byte that ends them. */
  private digits(end: number): number {
    const { bytes } = this
    const start = this.at
    let value = 0
    for (let i = start; i <= start + MAX_DIGITS; i++) {
      const byte = bytes[i]
      if (byte === undefined) throw new CodecError('bencode-short', 'a number has no end')
      if (byte === end && i > start) {
        if (bytes[start] === ZERO && i > start + 1) {
          throw new CodecError('bencode-integer', 'a number with a leading nought')
        }
        if (!Number.isSafeInteger(value)) throw new CodecError('bencode-integer', 'a number beyond 2^53')
        this.at = i + 1
        return value
      }
      if (byte < ZERO || byte > NINE) throw new CodecError('bencode-syntax', 'a byte where a digit belongs')
      value = value * 10 + (byte - ZERO)
    }
    throw new CodecError('bencode-integer', `a number of more than ${MAX_DIGITS} digits`)
  }
}

/** Bytes that are bencoded already, and go out as they are. */
export class Bencoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** What can be encoded. Entries of an object whose value is undefined are left out; keys are ASCII of up to 255 characters. */
export type Bencodable =
  | number
  | string
  | Uint8Array
  | Bencoded
  | BencodeDictionary
  | readonly Bencodable[]
  | { readonly [key: string]: Bencodable | undefined }

/**
 * Canonical: keys in the order of their bytes, however they stand in `value`. Text is one byte a character.
 * @throws CodecError `bencode-integer`, `bencode-syntax` for what cannot be written, a fault of ours
 */
export function encodeBencode(value: Bencodable): Uint8Array {
  const writer = new Writer()
  write(writer, value)
  return writer.finish()
}

function write(writer: Writer, value: Bencodable): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new CodecError('bencode-integer', `${value} is no safe integer`)
    // Adding nought makes minus nought plain.
    writer.u8(INTEGER)
    writeAscii(writer, String(value + 0))
    writer.u8(END)
  } else if (typeof value === 'string') {
    writeText(writer, value)
  } else if (value instanceof Uint8Array) {
    writeLength(writer, value.length)
    writer.raw(value)
  } else if (value instanceof Bencoded) {
    writer.raw(value.bytes)
  } else if (isList(value)) {
    writer.u8(LIST)
    for (const each of value) write(writer, each)
    writer.u8(END)
  } else {
    writeDictionary(writer, value)
  }
}

function writeDictionary(
  writer: Writer,
  value: BencodeDictionary | { readonly [key: string]: Bencodable | undefined },
): void {
  const decoded = value instanceof BencodeDictionary
  // Text of one byte a character sorts as its bytes do.
  const keys = (decoded ? [...value.keys()] : Object.keys(value)).sort(byCharacters)
  writer.u8(DICTIONARY)
  for (const key of keys) {
    const each = decoded ? value.get(key) : value[key]
    if (each === undefined) continue
    if (decoded) writeText(writer, key)
    else writer.raw(keyBytes(key))
    write(writer, each)
  }
  writer.u8(END)
}

/** Array.isArray does not narrow read-only arrays. */
function isList(value: Bencodable): value is readonly Bencodable[] {
  return Array.isArray(value)
}

function byCharacters(a: string, b: string): number {
  return a < b ? -1 : 1
}

/** Keys of objects are words of the code, so their number is bounded: each is encoded once. */
const keysEncoded = new Map<string, Uint8Array>()

function keyBytes(key: string): Uint8Array {
  let bytes = keysEncoded.get(key)
  if (bytes === undefined) {
    const writer = new Writer(key.length + 4)
    writeText(writer, key)
    bytes = writer.finish()
    keysEncoded.set(key, bytes)
  }
  return bytes
}

function writeText(writer: Writer, text: string): void {
  writeLength(writer, text.length)
  writeAscii(writer, text)
}

function writeLength(writer: Writer, length: number): void {
  if (length < 10) writer.u8(ZERO + length)
  else if (length < 100) writer.u8(ZERO + Math.floor(length / 10)).u8(ZERO + (length % 10))
  else writeAscii(writer, String(length))
  writer.u8(COLON)
}

function writeAscii(writer: Writer, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i)
    if (byte > 0xff) throw new CodecError('bencode-syntax', 'text with a character that is no byte')
    writer.u8(byte)
  }
}

function asText(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}
