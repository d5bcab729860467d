import type { Address } from '../bytes/address.ts'
import type { Counters } from '../world/counters.ts'
import { isControl } from './control.ts'
import { type ControlSeal, DATAGRAM_KINDS, encodeReason } from './datagram-messages.ts'
import type { Link, LinkCloseReason } from './link.ts'
import type { WireHandlers } from './wire.ts'

export interface DatagramWireOptions {
  /** The link of datagrams below; not closed with the wire. */
  readonly way: Link
  readonly seal: ControlSeal
  readonly counters: Counters
  readonly handlers: WireHandlers
  /** Called once, at the end, before the handler of the same name. */
  onClosed(): void
}

/**
 * A link over the datagrams of another, whose neighbour has proved its key. Control goes sealed; all else goes as it is, as
 * cells are sealed for the ends of their circuits anyway.
 */
export class DatagramWire implements Link {
  readonly kind = 'udp'
  private readonly options: DatagramWireOptions
  private isOpen = true

  constructor(options: DatagramWireOptions) {
    this.options = options
  }

  /** The link of datagrams below. */
  get way(): Link {
    return this.options.way
  }

  get mtu(): number {
    return this.options.way.mtu
  }

  get address(): Address {
    return this.options.way.address
  }

  get open(): boolean {
    return this.isOpen
  }

  send(packet: Uint8Array, flow: number): void {
    const { way, seal, counters } = this.options
    if (!this.isOpen) {
      counters.add('link-closed')
      return
    }
    way.send(isControl(packet) ? seal.seal(DATAGRAM_KINDS.control, packet) : packet, flow)
  }

  /** Tells the neighbour, by one datagram. */
  close(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    const { way, seal } = this.options
    way.send(seal.seal(DATAGRAM_KINDS.close, encodeReason(reason)), 0)
    this.ended(reason)
  }

  /** A packet that came for this wire, or the control that was sealed in one. */
  deliver(packet: Uint8Array): void {
    if (this.isOpen) this.options.handlers.onPacket(this, packet)
  }

  /** The neighbour closed it, or the way below is gone. Idempotent. */
  ended(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.options.onClosed()
    this.options.handlers.onClosed(this, reason)
  }
}
