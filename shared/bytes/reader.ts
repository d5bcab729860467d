import { CodecError } from './error.ts'

/** Reads big-endian fields off untrusted bytes. Every read checks the length first. */
export class Reader {
  readonly bytes: Uint8Array
  offset: number
  readonly end: number

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  private need(length: number): number {
    const at = this.offset
    if (this.end - at < length) {
      throw new CodecError('codec-short', `${length} bytes needed at offset ${at}, ${this.end - at} left`)
    }
    this.offset = at + length
    return at
  }

  u8(): number {
    return this.bytes[this.need(1)] as number
  }

  u16(): number {
    const at = this.need(2)
    const b = this.bytes
    return ((b[at] as number) << 8) | (b[at + 1] as number)
  }

  u32(): number {
    const at = this.need(4)
    const b = this.bytes
    return (
      (((b[at] as number) << 24) |
        ((b[at + 1] as number) << 16) |
        ((b[at + 2] as number) << 8) |
        (b[at + 3] as number)) >>>
      0
    )
  }

  u64(): bigint {
    const high = BigInt(this.u32())
    return (high << 32n) | BigInt(this.u32())
  }

  /** A view, not a copy: valid as long as the packet is. */
  view(length: number): Uint8Array {
    const at = this.need(length)
    return this.bytes.subarray(at, at + length)
  }

  /** Everything that is left, as a view. */
  rest(): Uint8Array {
    return this.view(this.remaining)
  }

  /** Refuses left-over bytes. */
  done(): void {
    if (this.remaining !== 0) throw new CodecError('codec-leftover', `${this.remaining} bytes left over`)
  }
}
