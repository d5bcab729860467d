import { type Address, anyAddress, NO_ADDRESS } from '../bytes/address.ts'
import { encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'

/**
 * Addresses in data and stream messages. A circuit's cells name the same few addresses again and again, so both ways are
 * remembered: parsing and formatting an address for each cell costs more than its decryption with a native AEAD.
 */

const written = new WeakMap<Address, Uint8Array>()

/** The wire form (`anyAddress`). Fast for an Address object that was given before. CodecError if it cannot be written. */
export function addressBytes(address: Address): Uint8Array {
  let bytes = written.get(address)
  if (bytes === undefined) {
    bytes = encode(anyAddress, address)
    written.set(address, bytes)
  }
  return bytes
}

/** 0.0.0.0:0 on the wire. */
export const NO_ADDRESS_BYTES: Uint8Array = encode(anyAddress, NO_ADDRESS)

const SLOTS = 32

interface Slot {
  readonly bytes: Uint8Array
  readonly address: Address
}

/** Reads addresses; the last few come out as the same object again. */
export class AddressReader {
  private readonly slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined)
  /** Where the address that was read last ended. */
  end = 0

  /** The address at `bytes[at, end)`. Sets `this.end`. @throws CodecError */
  read(bytes: Uint8Array, at: number, end: number): Address {
    const length = lengthAt(bytes, at, end)
    let hash = 0
    for (let i = at; i < at + length; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
    const index = (hash ^ (hash >>> 16)) & (SLOTS - 1)
    const slot = this.slots[index]
    this.end = at + length
    if (slot !== undefined && matches(slot.bytes, bytes, at, length)) return slot.address
    const address = anyAddress.read(new Reader(bytes, at, at + length))
    this.slots[index] = { bytes: bytes.slice(at, at + length), address }
    return address
  }
}

function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  const type = at < end ? bytes[at] : undefined
  let length = end - at + 1
  if (type === 1) length = 7
  else if (type === 3) length = 19
  else if (type === 2 && end - at >= 3) {
    length = 5 + (((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number))
  }
  if (length > end - at)
    throw new CodecError('codec-short', 'an address runs past the end, or is of no known type')
  return length
}

function matches(known: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== bytes[at + i]) return false
  return true
}
