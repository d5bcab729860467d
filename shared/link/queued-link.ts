import type { Address } from '../bytes/address.ts'
import { unpinned } from '../bytes/bytes.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Shaper } from './bandwidth.ts'
import { closeCodeOf } from './close-codes.ts'
import { MESSAGE_BYTES, MESSAGE_MTU, PIPE_BYTES, PIPE_POLL_MS } from './constants.ts'
import { FairQueue, type FairQueueLimits } from './fair-queue.ts'
import { packFrames, unpackFrames } from './framing.ts'
import type { Link, LinkCloseReason } from './link.ts'
import { Pacer } from './pacer.ts'
import { SIZE_CLASSES, type SizeClasses } from './padding.ts'

/** What carries a link's messages, whole and in order: a WebSocket, or a wire of the simulator. */
export interface MessagePipe {
  /** Takes one message, which it owns from then on. */
  send(message: Uint8Array): void
  /** Bytes taken and not yet handed to the network. */
  bufferedBytes(): number
  /** Idempotent, and of no effect on a pipe that has ended. @param reason at most 20 bytes of ASCII */
  close(code: number, reason: string): void
}

export interface QueuedLinkOptions {
  readonly kind: Link['kind']
  readonly address: Address
  /** The largest packet, both ways, in bytes; at most and by default MESSAGE_MTU. */
  readonly mtu?: number
  readonly clock: Clock
  /** `link-too-large`, `link-closed`, `link-protocol`, and those of the queue and of the frames. */
  readonly counters: Counters
  readonly pipe: MessagePipe
  onPacket(link: QueuedLink, packet: Uint8Array): void
  /** Called once, whoever closed. */
  onClosed?(link: QueuedLink, reason: LinkCloseReason): void
  readonly limits?: FairQueueLimits
  /** Most bytes that may wait in the pipe before the queue holds back; PIPE_BYTES by default. */
  readonly pipeBytes?: number
  /** What messages are padded to; SIZE_CLASSES by default (L-09). */
  readonly sizeClasses?: SizeClasses
  /** Holds back what is not control, to keep to a rate, and counts what goes and comes. */
  readonly shaper?: Shaper
}

/**
 * A link over a pipe of messages. Packets wait in a fair queue and go out once in a turn of the event loop, as many to a
 * message as fit; the pipe is kept short, so that this queue decides who waits and what is dropped, not the kernel.
 */
export class QueuedLink implements Link {
  readonly kind: Link['kind']
  readonly mtu: number
  readonly address: Address
  private readonly options: QueuedLinkOptions
  private readonly queue: FairQueue
  private readonly pipeBytes: number
  private isOpen = true
  /** Set while a flush is to come: at the end of this turn, or when the pipe is looked at again. */
  private flushTimer: Timer | undefined
  /** Whether the pipe is full, or the shaper holds back. */
  private blocked = false
  /** The place among those that wait for the shaper. */
  private turn: Timer | undefined
  private pacer: Pacer | undefined

  constructor(options: QueuedLinkOptions) {
    this.options = options
    this.kind = options.kind
    this.address = options.address
    this.mtu = Math.min(options.mtu ?? MESSAGE_MTU, MESSAGE_MTU)
    this.pipeBytes = options.pipeBytes ?? PIPE_BYTES
    const { clock, counters, limits } = options
    this.queue = new FairQueue({ clock, counters, ...(limits && { limits }) })
  }

  get open(): boolean {
    return this.isOpen
  }

  /** Packets and bytes that wait. */
  get queued(): { readonly packets: number; readonly bytes: number } {
    return this.queue
  }

  queuedBytes(flow: number): number {
    return this.queue.bytesOf(flow)
  }

  send(packet: Uint8Array, flow: number): void {
    if (!this.isOpen) {
      this.options.counters.add('link-closed')
    } else if (packet.length === 0 || packet.length > this.mtu) {
      this.options.counters.add('link-too-large')
    } else {
      // A packet is often a view of a larger message; of no matter for the one turn that packets wait in an open link.
      this.queue.push(this.blocked ? unpinned(packet) : packet, flow)
      this.flushTimer ??= this.options.clock.after(0, this.flush)
    }
  }

  pace(bytesPerSecond: number): void {
    const { clock, shaper } = this.options
    this.pacer ??= new Pacer(clock, shaper)
    this.pacer.rate = bytesPerSecond
  }

  close(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    if (!this.blocked) this.flush()
    this.options.pipe.close(closeCodeOf(reason), reason)
    this.closed(reason)
  }

  /** The pipe's edge hands in each message that came. Its packets are views of `message`, which now belongs to them. */
  receive(message: Uint8Array): void {
    if (!this.isOpen) return
    this.options.shaper?.received(message.length)
    if (!unpackFrames(message, this.mtu, this.deliver, this.options.counters)) {
      this.options.counters.add('link-protocol')
      this.close('protocol')
    }
  }

  /** The pipe's edge may tell that the pipe has room again; otherwise it is looked at every PIPE_POLL_MS. */
  drained(): void {
    if (this.blocked && this.isOpen && this.options.pipe.bufferedBytes() < this.pipeBytes) this.flush()
  }

  /** The pipe's edge tells that the pipe has ended. Idempotent. */
  closed(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.flushTimer?.cancel()
    this.flushTimer = undefined
    this.turn?.cancel()
    this.queue.clear()
    this.options.onClosed?.(this, reason)
  }

  private readonly deliver = (packet: Uint8Array): void => {
    // A packet before this one may have closed the link.
    if (!this.isOpen) return
    const { counters } = this.options
    counters.add('link-received')
    counters.add('link-received-bytes', packet.length)
    this.options.onPacket(this, packet)
  }

  private readonly flush = (): void => {
    this.flushTimer?.cancel()
    this.flushTimer = undefined
    const { pipe, clock, counters, sizeClasses = SIZE_CLASSES } = this.options
    const shaper = this.pacer ?? this.options.shaper
    while (pipe.bufferedBytes() < this.pipeBytes) {
      this.queue.controlOnly = shaper?.free === false
      const message = this.queue.ready
        ? packFrames(this.queue, MESSAGE_BYTES, counters, sizeClasses)
        : undefined
      if (!message) {
        this.blocked = this.queue.packets > 0
        if (this.blocked) this.turn ??= shaper?.whenFree(this.takeTurn)
        return
      }
      shaper?.sent(message.length)
      pipe.send(message)
    }
    this.blocked = this.queue.packets > 0
    if (this.blocked) this.flushTimer = clock.after(PIPE_POLL_MS, this.flush)
  }

  private readonly takeTurn = (): void => {
    this.turn = undefined
    if (this.isOpen) this.flush()
  }
}
