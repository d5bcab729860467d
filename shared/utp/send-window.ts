import { MAX_WINDOW_PACKETS } from './constants.ts'
import type { LargePackets } from './large-packets.ts'
import type { RttEstimator } from './rtt.ts'

const FLYING = 0
const ARRIVED = 1
const LOST = 2

/** So many packets known to have arrived above a hole make it a loss, as long as no reordering was seen (RFC 5681, RFC 8985). */
const DUPLICATE_THRESHOLD = 3
const MAX_REORDER_STEPS = 16
/** What all rings together have for a packet. */
const RING_BYTES = 36

/**
 * The packets sent and not acknowledged in order, by index: 0 is the first packet of the connection, and nothing wraps.
 * What was sent when lies in rings of numbers, so that an acknowledgement costs no allocation. Which packets are lost is
 * told by time (RACK, RFC 8985): a packet is lost when one sent later has arrived and it is overdue by the reordering
 * that the path was seen to do.
 */
export class SendWindow {
  /** Index of the oldest packet not acknowledged, and of the next to be sent for the first time. */
  base = 0
  next = 0
  /** Bytes in flight: sent, neither arrived nor lost. */
  flightBytes = 0
  /** Bytes of packets taken for lost and not sent again yet. */
  lostBytes = 0

  /** When the next packet now in doubt will be overdue; Infinity if none is. */
  overdueAt = Number.POSITIVE_INFINITY

  /** Of the last acknowledgement: packets and bytes newly arrived, bytes newly lost, whether that loss is a new event. */
  ackedPackets = 0
  ackedBytes = 0
  newlyLostBytes = 0
  lossEvent = false
  /** Round trip measured by the last acknowledgement, in milliseconds; 0 if none was. */
  rttMs = 0
  /** Payload of packets that pass anywhere. */
  smallBytes = Number.POSITIVE_INFINITY
  /** Hears of larger ones that arrived. */
  large: LargePackets | undefined
  /** Packets that arrived although they had been taken for lost shortly before. */
  spurious = 0

  /** One more than the highest index known to have arrived. */
  private top = 0
  /** No packet below this index is lost. */
  private lostFrom = 0
  /** A loss below this index belongs to an event already told. */
  private recoveryEnd = 0
  private arrivedAboveBase = 0
  /** When the packet sent last among those arrived was sent, its index, and how long it took. */
  private latestSentAt = -1
  private latestIndex = -1
  private latestRtt = 0
  private reorderSteps = 0

  private mask = 63
  private offsets = new Float64Array(64)
  private lengths = new Uint16Array(64)
  private sentAt = new Float64Array(64)
  private firstSentAt = new Float64Array(64)
  private states = new Uint8Array(64)
  private sends = new Uint8Array(64)
  /** When a packet that went in parts at last was last sent whole; -1 of others. */
  private wholeAt = new Float64Array(64)

  get empty(): boolean {
    return this.base === this.next
  }

  get full(): boolean {
    return this.next - this.base >= MAX_WINDOW_PACKETS
  }

  /** Bytes of memory that the rings take up. */
  get capacityBytes(): number {
    return (this.mask + 1) * RING_BYTES
  }

  /** By how much they would grow for so many packets more. */
  growthFor(packets: number): number {
    return this.next - this.base + packets > this.mask + 1 ? this.capacityBytes : 0
  }

  /** Offset in the stream of a packet's payload, and its length in bytes. */
  offsetOf(index: number): number {
    return this.offsets[index & this.mask] as number
  }

  lengthOf(index: number): number {
    return this.lengths[index & this.mask] as number
  }

  /** How often a packet was sent. */
  sendsOf(index: number): number {
    return this.sends[index & this.mask] as number
  }

  /** When the oldest packet was sent for the first time. */
  get oldestSentAt(): number {
    return this.firstSentAt[this.base & this.mask] as number
  }

  /** Notes a new packet as sent. @returns its index */
  push(offset: number, length: number, nowMs: number): number {
    if (this.next - this.base > this.mask) this.grow()
    const index = this.next++
    const at = index & this.mask
    this.offsets[at] = offset
    this.lengths[at] = length
    this.sentAt[at] = nowMs
    this.firstSentAt[at] = nowMs
    this.states[at] = FLYING
    this.sends[at] = 1
    this.wholeAt[at] = -1
    this.flightBytes += length
    return index
  }

  /** The lowest packet that is lost and not sent again yet, or -1. */
  nextLost(): number {
    // A FIN has no bytes, so lostBytes cannot tell.
    for (; this.lostFrom < this.next; this.lostFrom++) {
      if (this.states[this.lostFrom & this.mask] === LOST) return this.lostFrom
    }
    return -1
  }

  /** Whether a packet is larger than those that pass anywhere. */
  isLarge(index: number): boolean {
    return this.lengthOf(index) > this.smallBytes
  }

  /** Notes a packet as sent again. */
  resent(index: number, nowMs: number, inParts = false): void {
    const at = index & this.mask
    const length = this.lengths[at] as number
    if (this.states[at] === LOST) {
      this.states[at] = FLYING
      this.lostBytes -= length
      this.flightBytes += length
    }
    if (!inParts) this.wholeAt[at] = -1
    else if (this.wholeAt[at] === -1) this.wholeAt[at] = this.sentAt[at] as number
    this.sentAt[at] = nowMs
    this.sends[at] = Math.min(255, (this.sends[at] as number) + 1)
  }

  /**
   * Takes in an acknowledgement of all packets below `upTo` (in base..next) and of those of the bitmask in `packet`, whose
   * first bit is packet upTo + 1 (BEP 29). The outcome stands in the public fields.
   */
  acknowledge(
    upTo: number,
    packet: Uint8Array,
    maskStart: number,
    maskEnd: number,
    nowMs: number,
    rtt: RttEstimator,
  ): void {
    this.forgetLosses()
    this.ackedPackets = 0
    this.ackedBytes = 0
    this.rttMs = 0
    const latestBefore = this.latestSentAt
    const indexBefore = this.latestIndex
    for (; this.base < upTo; this.base++) {
      if (this.states[this.base & this.mask] === ARRIVED) this.arrivedAboveBase--
      else this.arrived(this.base, nowMs, rtt)
    }
    let index = upTo + 1
    for (let at = maskStart; at < maskEnd && index < this.next; at++, index += 8) {
      let bits = packet[at] as number
      for (let i = index; bits !== 0 && i < this.next; i++, bits >>>= 1) {
        if ((bits & 1) === 0 || i < this.base || this.states[i & this.mask] === ARRIVED) continue
        this.arrived(i, nowMs, rtt)
        this.arrivedAboveBase++
      }
    }
    if (this.lostFrom < this.base) this.lostFrom = this.base
    if (this.latestSentAt !== latestBefore || this.latestIndex !== indexBefore || this.arrivedAboveBase > 0) {
      this.detectLosses(nowMs, rtt)
    }
  }

  /** Takes packets for lost that are overdue. */
  detectLosses(nowMs: number, rtt: RttEstimator): void {
    this.overdueAt = Number.POSITIVE_INFINITY
    if (this.latestIndex < 0) return
    const least = rtt.least > 0 ? rtt.least : this.latestRtt
    const allowance =
      this.reorderSteps === 0 && this.arrivedAboveBase >= DUPLICATE_THRESHOLD
        ? 0
        : Math.min(Math.max(rtt.smoothed, least), (Math.max(1, this.reorderSteps) * least) / 4)
    const end = Math.min(this.next, Math.max(this.top, this.latestIndex + 1))
    for (let index = this.base; index < end; index++) {
      const at = index & this.mask
      if (this.states[at] !== FLYING) continue
      const sentAt = this.sentAt[at] as number
      if (sentAt > this.latestSentAt || (sentAt === this.latestSentAt && index > this.latestIndex)) continue
      const due = sentAt + this.latestRtt + allowance
      if (due <= nowMs) this.lose(index)
      else if (due < this.overdueAt) this.overdueAt = due
    }
  }

  /** After a time-out: everything that has not arrived is lost. */
  loseAll(): void {
    for (let index = this.base; index < this.next; index++) {
      if (this.states[index & this.mask] === FLYING) this.lose(index)
    }
    this.overdueAt = Number.POSITIVE_INFINITY
  }

  /** Takes all packets, which must bear no bytes that have not arrived, for arrived. */
  forget(): void {
    this.base = this.next
    this.lostFrom = this.next
    this.overdueAt = Number.POSITIVE_INFINITY
  }

  /** One more than the index of the newest packet known to have arrived. */
  get arrivedThrough(): number {
    return this.latestIndex + 1
  }

  /** Index of the highest packet that has not arrived, for a probe of the tail; -1 if there is none. */
  get tail(): number {
    for (let index = this.next - 1; index >= this.base; index--) {
      if (this.states[index & this.mask] !== ARRIVED) return index
    }
    return -1
  }

  /** Sets the outcome of losses back; to be called before losses are looked for without an acknowledgement. */
  forgetLosses(): void {
    this.newlyLostBytes = 0
    this.lossEvent = false
  }

  private arrived(index: number, nowMs: number, rtt: RttEstimator): void {
    const at = index & this.mask
    const length = this.lengths[at] as number
    const sentAt = this.sentAt[at] as number
    const took = nowMs - sentAt
    const once = this.sends[at] === 1
    const early = took < rtt.least * 0.9
    if (this.states[at] === LOST) {
      this.lostBytes -= length
      this.sawReordering()
    } else {
      this.flightBytes -= length
      // What was sent again has come sooner than any round trip: it was the first copy that arrived.
      if (!once && early) this.sawReordering()
      else if (once && index + 1 < this.top && this.reorderSteps === 0) this.reorderSteps = 1
    }
    this.states[at] = ARRIVED
    this.ackedPackets++
    this.ackedBytes += length
    if (index >= this.top) this.top = index + 1
    if (length > this.smallBytes) this.largeArrived(at, early, nowMs)
    if (!once && early) return
    if (sentAt > this.latestSentAt || (sentAt === this.latestSentAt && index > this.latestIndex)) {
      this.latestSentAt = sentAt
      this.latestIndex = index
      this.latestRtt = took
      // Karn: only what was sent once tells the round trip.
      this.rttMs = once ? Math.max(took, 0.01) : 0
    }
  }

  private largeArrived(at: number, early: boolean, nowMs: number): void {
    const wholeAt = this.wholeAt[at] as number
    if (wholeAt === -1) this.large?.arrivedWhole(nowMs, this.sentAt[at] as number)
    else if (early) this.large?.arrivedWhole(nowMs, wholeAt)
    else this.large?.arrivedInParts(nowMs, wholeAt)
  }

  private sawReordering(): void {
    this.spurious++
    if (this.reorderSteps < MAX_REORDER_STEPS) this.reorderSteps++
  }

  private lose(index: number): void {
    const at = index & this.mask
    const length = this.lengths[at] as number
    this.states[at] = LOST
    this.flightBytes -= length
    this.lostBytes += length
    this.newlyLostBytes += length
    if (index < this.lostFrom) this.lostFrom = index
    if (index >= this.recoveryEnd) {
      this.lossEvent = true
      this.recoveryEnd = this.next
    }
  }

  private grow(): void {
    const capacity = 2 * (this.mask + 1)
    const mask = capacity - 1
    const move = <T extends Float64Array | Uint16Array | Uint8Array>(from: T, to: T): T => {
      for (let i = this.base; i < this.next; i++) to[i & mask] = from[i & this.mask] as number
      return to
    }
    this.offsets = move(this.offsets, new Float64Array(capacity))
    this.lengths = move(this.lengths, new Uint16Array(capacity))
    this.sentAt = move(this.sentAt, new Float64Array(capacity))
    this.firstSentAt = move(this.firstSentAt, new Float64Array(capacity))
    this.states = move(this.states, new Uint8Array(capacity))
    this.sends = move(this.sends, new Uint8Array(capacity))
    this.wholeAt = move(this.wholeAt, new Float64Array(capacity))
    this.mask = mask
  }
}
