import type { IpAddress } from '../../shared/bytes/address.ts'
import { UDP_MTU } from '../../shared/link/constants.ts'
import { FRAGMENTED_MTU } from '../../shared/link/fragment-limits.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'

/** What a UDP link needs of the socket that it shares with all others. */
export interface UdpSender {
  transmit(link: UdpLink, packet: Uint8Array, flow: number): void
  forget(link: UdpLink, reason: LinkCloseReason): void
}

/** The way to one UDP address: little more than the address. */
export class UdpLink implements Link {
  readonly kind = 'udp'
  readonly address: IpAddress
  /** The address as the socket writes it: an IPv4 one is `::ffff:a.b.c.d` on a socket for both. */
  readonly wireHost: string
  /** The sweep in which it last carried a packet; see UdpLinks. */
  usedAt = 0
  /** Whether the neighbour is known to put our fragments together: it has proved that it is a Culvert relay. */
  takesFragments = false
  /** Whether anything has ever come from there. */
  heard = false
  private readonly sender: UdpSender
  private isOpen = true

  constructor(sender: UdpSender, address: IpAddress, wireHost: string) {
    this.sender = sender
    this.address = address
    this.wireHost = wireHost
  }

  get mtu(): number {
    return this.takesFragments ? FRAGMENTED_MTU : UDP_MTU
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
