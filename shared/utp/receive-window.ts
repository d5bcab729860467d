import { unpinned } from '../bytes/bytes.ts'
import { HELD_PACKET_BYTES, LEAST_RECEIVE_BYTES, MAX_WINDOW_PACKETS } from './constants.ts'
import { PartialPackets } from './partial-packets.ts'

const MIN_CAPACITY = 32
/** Of the ring, for a packet. */
const SLOT_BYTES = 8

/**
 * Packets received and not yet given to the application, in order or not, by index: 0 is the first packet of the far side,
 * and nothing wraps. Bounded in packets and bytes.
 */
export class ReceiveWindow {
  /** Index of the first packet that is missing: all before it were received. */
  missing = 0
  /** Index of the next packet to be given to the application. */
  private given = 0
  /** One more than the highest index received. */
  private top = 0
  /** Whole packets that are held, and their bytes. */
  private wholePackets = 0
  private wholeBytes = 0
  private mask = MIN_CAPACITY - 1
  private ring: (Uint8Array | undefined)[] = new Array(MIN_CAPACITY)
  private readonly limitBytes: number
  private readonly partial = new PartialPackets()
  private readonly shared: () => number

  /** @param shared bytes that there is room for in what is shared with other connections */
  constructor(limitBytes: number, shared = () => limitBytes) {
    this.limitBytes = limitBytes
    this.shared = shared
  }

  /** Bytes held, of packets and of parts of packets. */
  get heldBytes(): number {
    return this.wholeBytes + this.partial.heldBytes
  }

  /** Bytes of memory that are taken up. */
  get takenBytes(): number {
    return this.piecesBytes + this.ring.length * SLOT_BYTES
  }

  /** Bytes that there is room for: none if there are too many packets, however small; a few whatever others hold. */
  get roomBytes(): number {
    if (this.missing - this.given >= MAX_WINDOW_PACKETS) return 0
    const shared = Math.max(LEAST_RECEIVE_BYTES - this.piecesBytes, this.shared())
    return Math.max(0, Math.min(this.limitBytes - this.heldBytes, shared))
  }

  /** Whether something was received beyond a missing packet. */
  get hasGap(): boolean {
    return this.top > this.missing
  }

  /**
   * Takes in a packet's payload. What fills the first hole is taken while there is room at all, so that a buffer full of
   * later packets cannot block itself. What has to wait is kept without the message that it came in, which may be a
   * hundred times as large: one who leaves a hole, or reads nothing, would else have us keep far more than the limit.
   */
  put(index: number, payload: Uint8Array, flowing: boolean): 'new' | 'duplicate' | 'refused' {
    if (index < this.missing) return 'duplicate'
    if (index - this.given >= MAX_WINDOW_PACKETS) return 'refused'
    const capacity = this.capacityFor(index - this.given)
    if (index !== this.missing && !this.mayGrow(capacity)) return 'refused'
    const fits = payload.length <= this.roomBytes
    if (!fits && !(flowing && index === this.missing)) return 'refused'
    if (capacity > this.mask + 1) this.grow(capacity)
    const at = index & this.mask
    if (this.ring[at] !== undefined) return 'duplicate'
    this.ring[at] = flowing && index === this.missing ? payload : unpinned(payload)
    this.wholePackets++
    this.wholeBytes += payload.length
    if (index >= this.top) this.top = index + 1
    if (index === this.missing) {
      do this.missing++
      while (this.missing < this.top && this.ring[this.missing & this.mask] !== undefined)
      if (this.partial.size > 0) this.partial.forgetBefore(this.missing)
    }
    return 'new'
  }

  /** Takes in a part of a packet's payload, with room as for a packet; the last that was missing counts for the whole. */
  putPart(
    index: number,
    offset: number,
    total: number,
    data: Uint8Array,
    flowing: boolean,
  ): 'new' | 'duplicate' | 'refused' | 'part' {
    if (index < this.missing) return 'duplicate'
    if (index - this.given >= MAX_WINDOW_PACKETS) return 'refused'
    if (index - this.given <= this.mask && this.ring[index & this.mask] !== undefined) return 'duplicate'
    if (data.length > this.roomBytes && !(flowing && index === this.missing)) return 'refused'
    const whole = this.partial.put(index, offset, total, data)
    if (whole === 'kept') return 'part'
    if (whole === 'refused') return 'refused'
    return this.put(index, whole, flowing)
  }

  /** The next payload in order, or undefined if it is missing. The caller's to keep. */
  take(): Uint8Array | undefined {
    if (this.given === this.missing) return undefined
    const at = this.given & this.mask
    const payload = this.ring[at]
    this.ring[at] = undefined
    this.given++
    this.wholePackets--
    this.wholeBytes -= payload?.length ?? 0
    return payload
  }

  /** Whether everything before `index` was given to the application. */
  gaveAllBefore(index: number): boolean {
    return this.given >= index
  }

  /** Bytes that the bitmask of a selective ack needs now: a multiple of four, 0 without a gap (BEP 29). */
  maskBytes(max: number): number {
    if (!this.hasGap) return 0
    const bits = this.top - this.missing - 1
    return Math.min(max, ((bits + 31) >>> 5) * 4)
  }

  /** Writes the bitmask: bit 0 of its first byte is the packet after the first missing one. */
  writeMask(packet: Uint8Array, start: number, bytes: number): void {
    let index = this.missing + 1
    for (let at = start; at < start + bytes; at++) {
      let bits = 0
      for (let bit = 0; bit < 8; bit++, index++) {
        if (index < this.top && this.ring[index & this.mask] !== undefined) bits |= 1 << bit
      }
      packet[at] = bits
    }
  }

  /** Lets go of all that is held. */
  clear(): void {
    this.ring = []
    this.partial.clear()
    this.wholePackets = 0
    this.wholeBytes = 0
    this.given = this.missing
    this.top = this.missing
  }

  private get piecesBytes(): number {
    return this.heldBytes + (this.wholePackets + this.partial.heldParts) * HELD_PACKET_BYTES
  }

  /** One packet far ahead makes the ring large. */
  private mayGrow(capacity: number): boolean {
    const growth = (capacity - this.mask - 1) * SLOT_BYTES
    return growth <= LEAST_RECEIVE_BYTES || growth <= this.shared()
  }

  private capacityFor(distance: number): number {
    let capacity = this.mask + 1
    while (capacity <= distance) capacity *= 2
    return capacity
  }

  private grow(capacity: number): void {
    const ring: (Uint8Array | undefined)[] = new Array(capacity)
    for (let i = this.given; i < this.top; i++) ring[i & (capacity - 1)] = this.ring[i & this.mask]
    this.ring = ring
    this.mask = capacity - 1
  }
}
