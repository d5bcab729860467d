import type { RemoteInfo, Socket } from 'node:dgram'
import { type Address, addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { UDP_MTU } from '../../shared/link/constants.ts'
import { FairQueue } from '../../shared/link/fair-queue.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { UDP_IDLE_MS, UDP_LINKS, UDP_PENDING_BYTES, UDP_POLL_MS, UDP_SENDS_PER_LOOK } from './constants.ts'
import { UdpLink, type UdpSender } from './udp-link.ts'
import { bindUdp } from './udp-socket.ts'

export interface UdpLinksOptions {
  readonly clock: Clock
  /** `udp-received`, `udp-sent`, `udp-send-failed`, `udp-too-large`, `udp-links-full`, `udp-links-evicted`, … */
  readonly counters: Counters
  /** The packet's memory belongs to the receiver. */
  onPacket(link: UdpLink, packet: Uint8Array): void
  /** The link is forgotten: closed, idle, or put out for another. */
  onClosed?(link: UdpLink, reason: LinkCloseReason): void
  /** Whether circuits depend on this link, so that strangers' packets must not put it out. */
  inUse?(link: Link): boolean
  readonly maxLinks?: number
  readonly idleMs?: number
}

interface Waiting {
  readonly length: number
  readonly packet: Uint8Array
  readonly link: UdpLink
}

/**
 * All UDP neighbours, over one socket (N-01, N-02). A link comes into being with the first packet from an address, or to
 * one. Packets go straight to the kernel; only while its buffer is full they wait, in a queue that is fair among circuits.
 */
export class UdpLinks implements UdpSender {
  readonly address: IpAddress
  readonly mtu = UDP_MTU
  private readonly options: UdpLinksOptions
  private readonly socket: Socket
  /** In the order of their coming, or of their last second chance; see makeRoom. */
  private readonly links = new Map<string, UdpLink>()
  private readonly queue: FairQueue<Waiting>
  private last: UdpLink | undefined
  private sweep = 1
  private sweepTimer: Timer
  private pollTimer: Timer | undefined
  private sendsUntilLook = UDP_SENDS_PER_LOOK
  private closing: Promise<void> | undefined

  /**
   * @param port 0 for a random free one
   * @throws CulvertError `udp-port-busy`, `udp-bind`
   */
  static async bind(host: string, port: number, options: UdpLinksOptions): Promise<UdpLinks> {
    return new UdpLinks(await bindUdp(host, port), options)
  }

  /** Over a socket that is bound already. */
  static over(socket: Socket, options: UdpLinksOptions): UdpLinks {
    return new UdpLinks(socket, options)
  }

  private constructor(socket: Socket, options: UdpLinksOptions) {
    const { address, port } = socket.address()
    this.options = options
    this.socket = socket
    this.address = addressOf(address, port) as IpAddress
    this.queue = new FairQueue<Waiting>({ clock: options.clock, counters: options.counters })
    this.sweepTimer = this.nextSweep()
    socket.on('message', this.receive)
    socket.on('error', () => options.counters.add('udp-socket-error'))
  }

  /** Links known now. */
  get size(): number {
    return this.links.size
  }

  /**
   * The link to `address`, made if need be. Undefined if there can be none: a name, port 0, the unspecified address (which
   * the kernel takes for this machine), the other IP version, or all places are taken by links in use.
   */
  linkTo(address: Address): UdpLink | undefined {
    if (address.kind !== this.address.kind || address.port === 0 || this.closing) return undefined
    if (address.host === '0.0.0.0' || address.host === '::') return undefined
    const key = formatAddress(address)
    return this.links.get(key) ?? this.add(key, address)
  }

  /** Closes the socket and every link. */
  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      for (const link of [...this.links.values()]) link.close('shutdown')
      this.sweepTimer.cancel()
      this.pollTimer?.cancel()
      this.socket.close(resolve)
    })
    return this.closing
  }

  transmit(link: UdpLink, packet: Uint8Array, flow: number): void {
    const { counters } = this.options
    if (!link.open) {
      counters.add('link-closed')
    } else if (packet.length === 0 || packet.length > this.mtu) {
      counters.add('udp-too-large')
    } else if (this.pollTimer === undefined && !this.isFull()) {
      this.write(link, packet)
    } else {
      this.queue.push({ length: packet.length, packet: new Uint8Array(packet), link }, flow)
      this.pollTimer ??= this.options.clock.after(UDP_POLL_MS, this.drain)
    }
  }

  forget(link: UdpLink, reason: LinkCloseReason): void {
    this.links.delete(formatAddress(link.address))
    if (this.last === link) this.last = undefined
    this.options.onClosed?.(link, reason)
  }

  /** Hands on plain bytes: a Buffer's `slice` is a view where everybody else's is a copy. */
  private readonly receive = (packet: Uint8Array<ArrayBuffer>, from: RemoteInfo): void => {
    const { counters } = this.options
    if (packet.length === 0 || packet.length > this.mtu) {
      counters.add('udp-length')
      return
    }
    const link = this.linkFrom(from)
    if (!link) return
    link.usedAt = this.sweep
    counters.add('udp-received')
    this.options.onPacket(link, new Uint8Array(packet.buffer, packet.byteOffset, packet.length))
  }

  private linkFrom(from: RemoteInfo): UdpLink | undefined {
    const { last } = this
    if (last && last.address.port === from.port && last.address.host === from.address) return last
    // The kernel's text is canonical already, so that most packets find their link without being parsed.
    const key = from.family === 'IPv4' ? `${from.address}:${from.port}` : `[${from.address}]:${from.port}`
    const link = this.links.get(key) ?? this.linkTo(addressOf(from.address, from.port))
    this.last = link
    return link
  }

  private add(key: string, address: IpAddress): UdpLink | undefined {
    if (this.links.size >= (this.options.maxLinks ?? UDP_LINKS) && !this.makeRoom()) {
      this.options.counters.add('udp-links-full')
      return undefined
    }
    const link = new UdpLink(this, address)
    link.usedAt = this.sweep
    this.links.set(key, link)
    return link
  }

  /**
   * Puts out the link that came first, of those not in use. Links in use go to the end of the line instead; at most a few are
   * looked at, so that a flood of made-up sources costs no more than its packets.
   */
  private makeRoom(): boolean {
    let looks = EVICTION_LOOKS
    for (const [key, link] of this.links) {
      if (!this.options.inUse?.(link)) {
        this.options.counters.add('udp-links-evicted')
        link.close('limit')
        return true
      }
      this.links.delete(key)
      this.links.set(key, link)
      if (--looks === 0) break
    }
    return false
  }

  private nextSweep(): Timer {
    const { clock, idleMs = UDP_IDLE_MS } = this.options
    return clock.after(idleMs, () => {
      for (const link of [...this.links.values()]) {
        if (link.usedAt < this.sweep && !this.options.inUse?.(link)) link.close('unneeded')
      }
      this.sweep++
      this.sweepTimer = this.nextSweep()
    })
  }

  /** Whether the kernel's buffer is full and the packets within the process are many. */
  private isFull(): boolean {
    if (--this.sendsUntilLook > 0) return false
    this.sendsUntilLook = UDP_SENDS_PER_LOOK
    return this.socket.getSendQueueSize() >= UDP_PENDING_BYTES
  }

  private readonly drain = (): void => {
    this.pollTimer = undefined
    while (this.queue.packets > 0) {
      if (this.socket.getSendQueueSize() >= UDP_PENDING_BYTES) {
        this.pollTimer = this.options.clock.after(UDP_POLL_MS, this.drain)
        return
      }
      const next = this.queue.pop()
      if (next?.link.open) this.write(next.link, next.packet)
    }
  }

  private write(link: UdpLink, packet: Uint8Array): void {
    const { host, port } = link.address
    link.usedAt = this.sweep
    this.socket.send(packet, port, host, this.onSent)
  }

  /** One function for all packets. A packet that the kernel refuses (full, too long, nobody there) is a packet lost. */
  private readonly onSent = (error: Error | null): void => {
    this.options.counters.add(error ? 'udp-send-failed' : 'udp-sent')
  }
}

const EVICTION_LOOKS = 64
