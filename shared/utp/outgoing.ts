import type { Clock } from '../world/clock.ts'
import { MAX_SELECTIVE_ACK_BYTES, UTP_HEADER_BYTES } from './constants.ts'
import {
  newPacket,
  PART_OVERHEAD,
  SELECTIVE_ACK_OVERHEAD,
  startPart,
  startSelectiveAck,
  UTP_TYPE,
  type UtpHeader,
  type UtpType,
} from './header.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { Sender } from './sender.ts'
import { microseconds } from './sequence.ts'

/** Writes and sends the packets of one connection: what ids, numbers and times stand in their headers. */
export class Outgoing {
  /** The connection id of the packets that come in, and of those that go out (SYNs bear the former). */
  receiveId = 0
  sendId = 0
  /** Sequence number of our packet 0, and of the far side's. */
  ourFirst = 0
  theirFirst = 1
  /** The window that was last told, in bytes. */
  advertised = 0
  /** When something was last sent. */
  spokeAt: number
  /** What goes into the timestamp difference field: how long the far side's last packet was under way. */
  private theirDelayUs = 0
  private readonly clock: Clock
  private readonly maxPacketBytes: number
  private readonly receiver: ReceiveWindow
  private readonly send: (packet: Uint8Array) => void

  constructor(
    clock: Clock,
    maxPacketBytes: number,
    receiver: ReceiveWindow,
    send: (packet: Uint8Array) => void,
  ) {
    this.clock = clock
    this.maxPacketBytes = maxPacketBytes
    this.receiver = receiver
    this.send = send
    this.spokeAt = clock.now()
  }

  /** Notes when a packet of the far side was sent. */
  heard(header: UtpHeader, nowMs: number): void {
    this.theirDelayUs = (microseconds(nowMs) - header.timestamp) >>> 0
  }

  syn(): void {
    this.send(this.packet(UTP_TYPE.syn, this.receiveId, this.ourFirst - 1, 0))
  }

  /** @param next index of our next data packet */
  reset(next: number): void {
    this.send(this.packet(UTP_TYPE.reset, this.sendId, this.ourFirst + next, 0))
  }

  /** A packet of the sender's window. */
  data({ window, buffer }: Sender, index: number, fin: boolean): void {
    const length = window.lengthOf(index)
    const type = fin ? UTP_TYPE.fin : UTP_TYPE.data
    const packet = this.packet(type, this.sendId, this.ourFirst + index, length)
    if (length > 0) buffer.copy(window.offsetOf(index), length, packet, UTP_HEADER_BYTES)
    this.send(packet)
  }

  /** The same in parts, none of which is larger than packets that pass anywhere. */
  dataInParts({ window, buffer }: Sender, index: number): void {
    const total = window.lengthOf(index)
    const most = this.maxPacketBytes - UTP_HEADER_BYTES - PART_OVERHEAD
    for (let offset = 0; offset < total; offset += most) {
      const length = Math.min(most, total - offset)
      const packet = this.packet(UTP_TYPE.data, this.sendId, this.ourFirst + index, PART_OVERHEAD + length)
      buffer.copy(window.offsetOf(index) + offset, length, packet, startPart(packet, offset, total))
      this.send(packet)
    }
  }

  /** An acknowledgement, selective if there is a gap. @param next index of our next data packet, as told to the far side */
  state(next: number): void {
    const room = this.maxPacketBytes - UTP_HEADER_BYTES - SELECTIVE_ACK_OVERHEAD
    const maskBytes = this.receiver.maskBytes(Math.min(MAX_SELECTIVE_ACK_BYTES, room & ~3))
    const body = maskBytes === 0 ? 0 : SELECTIVE_ACK_OVERHEAD + maskBytes
    const packet = this.packet(UTP_TYPE.state, this.sendId, this.ourFirst + next, body)
    if (maskBytes > 0) this.receiver.writeMask(packet, startSelectiveAck(packet, maskBytes), maskBytes)
    this.send(packet)
  }

  private packet(type: UtpType, id: number, sequence: number, bodyBytes: number): Uint8Array {
    const now = this.clock.now()
    this.spokeAt = now
    this.advertised = this.receiver.roomBytes
    const acknowledged = (this.theirFirst + this.receiver.missing - 1) & 0xffff
    return newPacket(
      type,
      id,
      microseconds(now),
      this.theirDelayUs,
      this.advertised,
      sequence & 0xffff,
      acknowledged,
      bodyBytes,
    )
  }
}
