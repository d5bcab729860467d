import type { IpAddress } from '../../shared/bytes/address.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'

/** What a UDP link needs of the socket that it shares with all others. */
export interface UdpSender {
  readonly mtu: number
  transmit(link: UdpLink, packet: Uint8Array, flow: number): void
  forget(link: UdpLink, reason: LinkCloseReason): void
}

/** The way to one UDP address: little more than the address. */
export class UdpLink implements Link {
  readonly kind = 'udp'
  readonly mtu: number
  readonly address: IpAddress
  /** The sweep in which it last carried a packet; see UdpLinks. */
  usedAt = 0
  private readonly sender: UdpSender
  private isOpen = true

  constructor(sender: UdpSender, address: IpAddress) {
    this.sender = sender
    this.mtu = sender.mtu
    this.address = address
  }

  get open(): boolean {
    return this.isOpen
  }

  send(packet: Uint8Array, flow: number): void {
    this.sender.transmit(this, packet, flow)
  }

  /** Forgets the neighbour; its next packet makes a new link. */
  close(reason: LinkCloseReason): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.sender.forget(this, reason)
  }
}
