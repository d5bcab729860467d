/** Appends big-endian fields to a buffer that grows. */
export class Writer {
  private buffer: Uint8Array
  private length = 0

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity)
  }

  private room(length: number): number {
    const at = this.length
    const needed = at + length
    if (needed > this.buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
      grown.set(this.buffer)
      this.buffer = grown
    }
    this.length = needed
    return at
  }

  u8(value: number): this {
    const at = this.room(1)
    this.buffer[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.room(2)
    this.buffer[at] = value >>> 8
    this.buffer[at + 1] = value
    return this
  }

  u32(value: number): this {
    const at = this.room(4)
    const b = this.buffer
    b[at] = value >>> 24
    b[at + 1] = value >>> 16
    b[at + 2] = value >>> 8
    b[at + 3] = value
    return this
  }

  u64(value: bigint): this {
    return this.u32(Number((value >> 32n) & 0xffffffffn)).u32(Number(value & 0xffffffffn))
  }

  raw(bytes: Uint8Array): this {
    const at = this.room(bytes.length)
    this.buffer.set(bytes, at)
    return this
  }

  /** What was written, as a view of the writer's buffer: use the writer no more. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}
