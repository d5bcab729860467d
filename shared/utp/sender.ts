import type { AckSample, CongestionControl } from './congestion.ts'
import {
  BUFFER_REST_MS,
  BURST_MS,
  COALESCE_MS,
  LARGE_PACKET_MS,
  LARGE_SENDS_WHOLE,
  LARGE_WINDOW_SHARE,
  MAX_BURST_LARGE,
  MAX_BURST_PACKETS,
  MIN_BURST_LARGE,
  MIN_BURST_PACKETS,
  OWN_QUEUE_BYTES,
  OWN_QUEUE_LOOK_MS,
  OWN_QUEUE_LOOK_MS_MOST,
  UTP_HEADER_BYTES,
  type UtpSettings,
} from './constants.ts'
import type { UtpHeader } from './header.ts'
import type { LargePackets } from './large-packets.ts'
import { RttEstimator } from './rtt.ts'
import { SendBuffer } from './send-buffer.ts'
import { SendWindow } from './send-window.ts'

const NEVER = Number.POSITIVE_INFINITY
/** A packet lost twice holds up all that came after it. Few are, so a copy of what is sent then costs little. */
const COPIED_FROM_SENDS = 2

/**
 * The sending half of a connection: cuts the bytes written into packets, paces them, and sends again what is lost. A packet
 * once cut keeps its bounds, since its sequence number stands for exactly these bytes.
 */
export class Sender {
  readonly buffer = new SendBuffer()
  readonly window = new SendWindow()
  readonly rtt = new RttEstimator()
  /** The far side's last word on how many more bytes it takes. */
  peerWindowBytes = 0
  /** Times that everything in flight was given up. */
  timeouts = 0
  private readonly settings: UtpSettings
  private readonly control: CongestionControl
  private readonly transmit: (index: number, fin: boolean, inParts: boolean) => void
  private readonly large: LargePackets | undefined
  private readonly sample: AckSample
  /** Of a packet that passes anywhere. */
  private readonly maxPayload: number
  /** Of the largest that may be cut now. */
  private payload: number
  /** Offset in the stream up to which packets were cut. */
  private cut = 0
  private finQueued = false
  private finIndex = -1
  private starved = false
  private held = false
  /** Bytes that pacing allows now; may be below zero by less than a packet. */
  private budget: number
  private budgetAt = 0
  private paceAt = NEVER
  /** When our own link's full queue is looked at again, and how long is waited then. */
  private lookAt = 0
  private lookMs = OWN_QUEUE_LOOK_MS
  private coalesceAt = NEVER
  /** The time-out runs from here: the last progress, or the first packet in flight. */
  private waitingSince = 0
  /** Since when the oldest packet in flight is the oldest, and the peer has room for it. */
  private stalledSince = 0
  private probed = false
  /** When a packet that waits to be filled goes out as it is. */
  private flushAt = NEVER
  private persistAt = NEVER
  private persistMs = 0
  private blockedSince = -1
  /** When the buffer is looked at again, whether it is larger than needed. */
  private restAt = NEVER

  /** @param transmit sends the packet of that index now; its bytes are window.offsetOf and lengthOf in `buffer` */
  constructor(
    settings: UtpSettings,
    control: CongestionControl,
    transmit: (index: number, fin: boolean, inParts: boolean) => void,
    large?: LargePackets,
  ) {
    this.settings = settings
    this.control = control
    this.transmit = transmit
    this.large = large
    this.maxPayload = settings.maxPacketBytes - UTP_HEADER_BYTES
    this.payload = this.maxPayload
    this.window.smallBytes = this.maxPayload
    this.window.large = large
    this.budget = MAX_BURST_PACKETS * settings.maxPacketBytes
    this.sample = {
      nowMs: 0,
      ackedBytes: 0,
      lostBytes: 0,
      lossEvent: false,
      rttMs: 0,
      smoothedRttMs: 0,
      leastRttMs: 0,
      flightBytes: 0,
      ackedThrough: 0,
      sentThrough: 0,
      packetBytes: 0,
      starved: false,
      held: false,
      oneWayDelayUs: -1,
    }
  }

  /** Bytes written that no packet was cut from yet. */
  get unsentBytes(): number {
    return this.buffer.end - this.cut
  }

  /** Bytes of memory that are taken up. */
  get takenBytes(): number {
    return this.buffer.capacityBytes + this.window.capacityBytes
  }

  /** By how much that would grow if so many bytes were written now, and sent: 0 for who holds nothing, who may always go on. */
  growthFor(bytes: number): number {
    if (this.buffer.empty) return 0
    const packets = Math.ceil(bytes / this.maxPayload)
    return this.buffer.growthFor(bytes) + this.window.growthFor(packets)
  }

  /** Whether `finish` was called. */
  get finishing(): boolean {
    return this.finQueued
  }

  /** Whether the FIN, and so everything, has arrived. */
  get done(): boolean {
    return this.finIndex >= 0 && this.window.base > this.finIndex
  }

  /** Whether all data has arrived and nothing but the FIN may be missing. */
  get onlyFinMissing(): boolean {
    return this.finIndex >= 0 && this.window.base >= this.finIndex
  }

  /** For how long the peer has had room for the oldest packet that he has not taken; 0 if nothing is in flight. */
  stalledMs(nowMs: number): number {
    return this.window.empty ? 0 : nowMs - this.stalledSince
  }

  /** The far side has left after it had all data: its acknowledgement of the FIN will not come. */
  assumeDone(): void {
    this.window.forget()
  }

  write(chunk: Uint8Array, nowMs: number): void {
    this.buffer.append(chunk)
    if (this.restAt === NEVER) this.restAt = nowMs + BUFFER_REST_MS
    if (this.coalesceAt === NEVER) this.coalesceAt = nowMs + COALESCE_MS
  }

  finish(): void {
    this.finQueued = true
  }

  /** When `due` must be called next; Infinity for never. */
  get dueAt(): number {
    const due = Math.min(this.paceAt, this.flushAt, this.window.overdueAt, this.persistAt)
    // While something is in flight, timers come often enough for a rest.
    return Math.min(due, this.window.empty ? this.restAt : this.timeoutAt)
  }

  /** Takes in the acknowledgement of all packets below `upTo` and of those in the header's selective ack. */
  acknowledge(upTo: number, packet: Uint8Array, header: UtpHeader, nowMs: number): void {
    const { window, rtt, sample } = this
    const { base } = window
    window.acknowledge(upTo, packet, header.selectiveAckStart, header.selectiveAckEnd, nowMs, rtt)
    // Room for less than the packet is none: who reads nothing may say so for hours. And a FIN needs some, too.
    const needed = Math.max(1, window.lengthOf(window.base))
    if (window.base !== base || this.peerWindowBytes < needed) this.stalledSince = nowMs
    if (window.ackedPackets === 0 && window.newlyLostBytes === 0) return
    if (window.ackedPackets > 0) {
      rtt.progress()
      this.waitingSince = nowMs
      this.probed = false
      if (window.rttMs > 0) rtt.sample(nowMs, window.rttMs)
      this.buffer.release(window.empty ? this.cut : window.offsetOf(window.base))
    }
    sample.oneWayDelayUs = header.timestampDifference === 0 ? -1 : header.timestampDifference
    this.tellControl(nowMs, window.ackedBytes, window.rttMs)
  }

  /** Sends what may be sent now. */
  pump(nowMs: number): void {
    const { window, control, maxPayload } = this
    this.payload = this.payloadNow(nowMs)
    this.refill(nowMs)
    this.paceAt = NEVER
    this.flushAt = NEVER
    this.persistAt = NEVER
    const paced = control.bytesPerSecond !== NEVER
    for (;;) {
      const lost = window.nextLost()
      let length: number
      if (lost >= 0) {
        length = window.lengthOf(lost)
      } else {
        if (window.full) return
        length = Math.min(this.unsentBytes, this.payload)
        if (length === 0 && !(this.finQueued && this.finIndex < 0)) {
          if (window.flightBytes + this.payload <= control.windowBytes) this.starved = true
          return
        }
        if (length > 0 && length < maxPayload && !this.mayCutShort(nowMs)) {
          this.flushAt = this.coalesceAt
          return
        }
      }
      // Only who has something to send looks again soon.
      if ((control.queuedBytes ?? 0) >= OWN_QUEUE_BYTES) {
        this.lookAgain(nowMs)
        return
      }
      this.lookAt = 0
      this.lookMs = OWN_QUEUE_LOOK_MS
      // The oldest packet goes again whatever the window says: until it arrives, the far side's bitmask may not reach
      // far enough to tell what else has.
      const full = window.flightBytes > 0 && window.flightBytes + length > control.windowBytes
      if (full && lost !== window.base) return
      if (lost < 0 && !this.peerHasRoom(length)) {
        this.held = true
        this.persist(nowMs)
        return
      }
      if (paced && this.budget <= 0) {
        this.paceAt = nowMs + Math.max(1, ((this.payload - this.budget) * 1000) / control.bytesPerSecond)
        return
      }
      this.budget -= length
      if (lost >= 0) {
        this.resend(lost, nowMs)
      } else {
        this.persistMs = 0
        this.blockedSince = -1
        this.sendNew(length, nowMs)
        if (length > maxPayload) this.payload = this.payloadNow(nowMs)
      }
    }
  }

  /** Does what is due by now: losses, probes, time-outs; `pump` must follow. */
  due(nowMs: number): void {
    const { window, rtt } = this
    if (this.restAt <= nowMs) {
      this.buffer.rest()
      this.restAt = this.buffer.capacityBytes > 0 ? nowMs + BUFFER_REST_MS : NEVER
    }
    if (window.overdueAt <= nowMs) {
      window.forgetLosses()
      window.detectLosses(nowMs, rtt)
      if (window.newlyLostBytes > 0) this.tellControl(nowMs, 0, 0)
    }
    if (this.persistAt <= nowMs) {
      // A probe of a closed window: one packet more than the far side has room for (RFC 9293 §3.8.6.1).
      this.persistMs = Math.min(2 * this.persistMs, 4 * rtt.timeoutMs)
      this.persistAt = NEVER
      this.blockedSince = -1
      this.sendNew(Math.min(this.unsentBytes, this.maxPayload), nowMs)
    }
    if (window.empty || this.timeoutAt > nowMs) return
    this.waitingSince = nowMs
    const tail = window.tail
    if (!this.probed && tail >= 0) {
      this.probed = true
      this.resend(tail, nowMs)
      return
    }
    this.probed = true
    this.timeouts++
    window.loseAll()
    rtt.timedOut()
    if (this.peerWindowBytes > 0) this.control.timedOut(nowMs)
  }

  private get timeoutAt(): number {
    return this.waitingSince + (this.probed ? this.rtt.timeoutMs : this.rtt.probeMs)
  }

  private tellControl(nowMs: number, ackedBytes: number, rttMs: number): void {
    const { window, rtt, sample } = this
    sample.nowMs = nowMs
    sample.ackedBytes = ackedBytes
    sample.lostBytes = window.newlyLostBytes
    sample.lossEvent = window.lossEvent
    sample.rttMs = rttMs
    sample.smoothedRttMs = rtt.smoothed
    sample.leastRttMs = rtt.least
    sample.flightBytes = window.flightBytes
    sample.ackedThrough = window.arrivedThrough
    sample.sentThrough = window.next
    sample.packetBytes = this.payload
    sample.starved = this.starved
    sample.held = this.held
    this.starved = false
    this.held = false
    this.control.acknowledged(sample)
  }

  private lookAgain(nowMs: number): void {
    // Others than the timer may bring us here early: that is no reason to wait longer.
    if (nowMs >= this.lookAt) {
      this.lookAt = nowMs + this.lookMs
      this.lookMs = Math.min(2 * this.lookMs, OWN_QUEUE_LOOK_MS_MOST)
    }
    this.paceAt = this.lookAt
  }

  private refill(nowMs: number): void {
    const rate = this.control.bytesPerSecond
    const { maxPacketBytes } = this.settings
    const isLarge = this.payload > this.maxPayload
    const most = Math.max(MAX_BURST_PACKETS * maxPacketBytes, isLarge ? MAX_BURST_LARGE * this.payload : 0)
    const least = Math.max(MIN_BURST_PACKETS * maxPacketBytes, isLarge ? MIN_BURST_LARGE * this.payload : 0)
    if (rate === NEVER) {
      this.budget = most
    } else {
      const burst = Math.min(most, Math.max(least, (rate * BURST_MS) / 1000))
      this.budget = Math.min(burst, this.budget + ((nowMs - this.budgetAt) * rate) / 1000)
    }
    this.budgetAt = nowMs
  }

  /** What the next packet may carry: large packets where the path takes them, as far as they fit what is in flight and its pace. */
  private payloadNow(nowMs: number): number {
    const { maxPayload, control } = this
    const extra = this.large?.extraBytes(nowMs) ?? 0
    if (extra <= 0) return maxPayload
    const flight = Math.min(control.windowBytes, this.peerWindowBytes, this.settings.maxFlightBytes)
    const paced = (control.bytesPerSecond * LARGE_PACKET_MS) / 1000
    const fitting = Math.floor(Math.min(flight * LARGE_WINDOW_SHARE, paced))
    return Math.max(maxPayload, Math.min(maxPayload + extra, fitting))
  }

  /** A packet that could still be filled goes out when nothing is in flight, nothing will follow, or it has waited. */
  private mayCutShort(nowMs: number): boolean {
    return this.finQueued || this.window.flightBytes === 0 || this.coalesceAt <= nowMs
  }

  /**
   * Whether the peer takes that much more, as far as he says; and whether we do: all from the oldest packet on is held, also
   * what has arrived beyond it, so that who never takes the oldest must not have us hold more and more.
   */
  private peerHasRoom(length: number): boolean {
    if (length === 0) return true
    const { window, peerWindowBytes } = this
    const { maxFlightBytes } = this.settings
    const held = window.empty ? 0 : this.cut - window.offsetOf(window.base)
    const there = window.flightBytes + window.lostBytes
    return there + length <= Math.min(peerWindowBytes, maxFlightBytes) && held + length <= maxFlightBytes
  }

  private persist(nowMs: number): void {
    if (!this.window.empty) return
    if (this.blockedSince < 0) this.blockedSince = nowMs
    if (this.persistMs === 0) this.persistMs = this.rtt.timeoutMs
    this.persistAt = this.blockedSince + this.persistMs
  }

  private sendNew(length: number, nowMs: number): void {
    if (this.window.empty) {
      this.waitingSince = nowMs
      this.stalledSince = nowMs
      this.probed = false
    }
    const index = this.window.push(this.cut, length, nowMs)
    this.cut += length
    if (length > this.maxPayload) this.large?.sent(nowMs)
    if (length === 0) this.finIndex = index
    if (length < this.maxPayload || this.unsentBytes === 0) this.coalesceAt = NEVER
    this.transmit(index, index === this.finIndex, false)
  }

  private resend(index: number, nowMs: number): void {
    const { window } = this
    const inParts = window.isLarge(index) && !this.passesWhole(index)
    window.resent(index, nowMs, inParts)
    this.transmit(index, index === this.finIndex, inParts)
    if (inParts || window.sendsOf(index) <= COPIED_FROM_SENDS) return
    this.budget -= window.lengthOf(index)
    this.transmit(index, index === this.finIndex, false)
  }

  /** Whether a large packet that was lost may go once more as it is. */
  private passesWhole(index: number): boolean {
    const extra = this.window.lengthOf(index) - this.maxPayload
    return this.window.sendsOf(index) < LARGE_SENDS_WHOLE && this.large?.mayRepeat(extra) === true
  }
}
