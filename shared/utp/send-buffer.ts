const MIN_CAPACITY = 1 << 14

/**
 * The bytes written and not yet acknowledged, in a ring that grows with what it holds. A stream that is read as fast as it is
 * written runs empty all the time, so the ring is kept until `rest` finds that it was not needed for a while.
 */
export class SendBuffer {
  private ring = new Uint8Array(0)
  /** Offset in the stream of the first byte held, and of the byte after the last. */
  private start = 0
  private stop = 0
  /** The most bytes held since the last rest. */
  private most = 0

  /** The offset in the stream at which the next byte will be written. */
  get end(): number {
    return this.stop
  }

  /** Bytes of memory that are taken up. */
  get capacityBytes(): number {
    return this.ring.length
  }

  get empty(): boolean {
    return this.start === this.stop
  }

  /** By how much the memory would grow if so many bytes were written now. */
  growthFor(bytes: number): number {
    return Math.max(0, capacityFor(this.stop - this.start + bytes) - this.ring.length)
  }

  append(chunk: Uint8Array): void {
    const needed = this.stop - this.start + chunk.length
    if (needed > this.ring.length) this.resize(needed)
    if (needed > this.most) this.most = needed
    const at = this.stop % this.ring.length
    const first = Math.min(chunk.length, this.ring.length - at)
    this.ring.set(first === chunk.length ? chunk : chunk.subarray(0, first), at)
    if (first < chunk.length) this.ring.set(chunk.subarray(first), 0)
    this.stop += chunk.length
  }

  /** Copies the `length` bytes at `offset` of the stream, which must be held, to `target` at `at`. */
  copy(offset: number, length: number, target: Uint8Array, at: number): void {
    const from = offset % this.ring.length
    const first = Math.min(length, this.ring.length - from)
    target.set(this.ring.subarray(from, from + first), at)
    if (first < length) target.set(this.ring.subarray(0, length - first), at + first)
  }

  /** Forgets everything before `offset` of the stream. */
  release(offset: number): void {
    this.start = offset
  }

  /** Lets go of the memory that was not needed since the last time. */
  rest(): void {
    if (capacityFor(this.most) < this.ring.length) this.resize(this.most)
    this.most = this.stop - this.start
  }

  /** Forgets everything. */
  clear(): void {
    this.start = this.stop
    this.most = 0
    this.rest()
  }

  /** @param needed no less than what is held */
  private resize(needed: number): void {
    const capacity = capacityFor(needed)
    const resized = new Uint8Array(capacity)
    const held = this.stop - this.start
    if (held > 0) {
      const from = this.start % capacity
      const first = Math.min(held, capacity - from)
      this.copy(this.start, first, resized, from)
      if (first < held) this.copy(this.start + first, held - first, resized, 0)
    }
    this.ring = resized
  }
}

function capacityFor(bytes: number): number {
  if (bytes === 0) return 0
  let capacity = MIN_CAPACITY
  while (capacity < bytes) capacity *= 2
  return capacity
}
