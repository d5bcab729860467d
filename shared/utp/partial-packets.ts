import { MAX_PARTIAL_BYTES, MAX_PARTIAL_PACKETS, MAX_PARTS } from './constants.ts'

interface Partial {
  readonly total: number
  /** Each by its offset. */
  readonly parts: Map<number, Uint8Array>
  bytes: number
}

/**
 * Packets of which parts have come, by index. Bounded: 64 packets of at most 16 KiB in 32 parts; the one that is needed
 * last gives way. Parts of a packet never overlap: the sender cuts it the same way each time.
 */
export class PartialPackets {
  /** Parts that are held, and their bytes. */
  heldParts = 0
  heldBytes = 0
  private readonly packets = new Map<number, Partial>()

  /** Packets that wait for parts. */
  get size(): number {
    return this.packets.size
  }

  /**
   * Takes part `[offset, offset + data.length)` of the packet's `total` bytes; copies it.
   * @returns the whole packet if nothing is missing, 'kept', or 'refused' if this cannot be a part of it
   */
  put(index: number, offset: number, total: number, data: Uint8Array): Uint8Array | 'kept' | 'refused' {
    if (data.length === 0 || total > MAX_PARTIAL_BYTES || offset + data.length > total) return 'refused'
    const packet = this.packets.get(index) ?? this.open(index, total)
    if (packet === undefined || packet.total !== total) return 'refused'
    if (packet.parts.has(offset)) return 'kept'
    if (packet.parts.size >= MAX_PARTS || packet.bytes + data.length > total) return 'refused'
    packet.parts.set(offset, Uint8Array.from(data))
    packet.bytes += data.length
    this.heldParts++
    this.heldBytes += data.length
    if (packet.bytes < total) return 'kept'
    this.forget(index, packet)
    return joined(packet)
  }

  /** Forgets what all before `index` were missing: they have come. */
  forgetBefore(index: number): void {
    for (const [each, packet] of this.packets) if (each < index) this.forget(each, packet)
  }

  clear(): void {
    this.packets.clear()
    this.heldParts = 0
    this.heldBytes = 0
  }

  private forget(index: number, packet: Partial): void {
    this.packets.delete(index)
    this.heldParts -= packet.parts.size
    this.heldBytes -= packet.bytes
  }

  private open(index: number, total: number): Partial | undefined {
    if (this.packets.size >= MAX_PARTIAL_PACKETS) {
      const last = Math.max(...this.packets.keys())
      const gone = this.packets.get(last)
      if (last <= index || gone === undefined) return undefined
      this.forget(last, gone)
    }
    const packet: Partial = { total, parts: new Map(), bytes: 0 }
    this.packets.set(index, packet)
    return packet
  }
}

/** All parts laid end to end; 'refused' if they do not meet. */
function joined({ total, parts }: Partial): Uint8Array | 'refused' {
  const whole = new Uint8Array(total)
  let at = 0
  for (const [offset, data] of [...parts].sort(([a], [b]) => a - b)) {
    if (offset !== at) return 'refused'
    whole.set(data, at)
    at += data.length
  }
  return whole
}
