import type { RemoteInfo, Socket } from 'node:dgram'
import { type Address, addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { BoundedMap } from '../../shared/ipv8/bounded-map.ts'
import type { Shaper } from '../../shared/link/bandwidth.ts'
import { UDP_MTU } from '../../shared/link/constants.ts'
import { FairQueue } from '../../shared/link/fair-queue.ts'
import { fragmentsOf, isFragment, Reassembly } from '../../shared/link/fragment.ts'
import { DATAGRAM_BYTES } from '../../shared/link/fragment-limits.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import { isStun } from '../../shared/link/stun.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { type Random, uint32 } from '../../shared/world/random.ts'
import {
  UDP_IDLE_MS,
  UDP_LINKS,
  UDP_PENDING_BYTES,
  UDP_POLL_MS,
  UDP_RELAYS,
  UDP_SENDS_PER_LOOK,
} from './constants.ts'
import { UdpLink, type UdpSender } from './udp-link.ts'
import { bindUdp, type PortRange } from './udp-socket.ts'

export interface UdpLinksOptions {
  readonly clock: Clock
  /** For the names of what is sent in fragments. */
  readonly random: Random
  /**
   * `udp-received`, `udp-received-bytes`, `udp-sent`, `udp-sent-bytes` (UDP payload, N-13); `udp-send-failed`,
   * `udp-queue-full` (had to wait for the socket, N-02), `udp-held-back` (for the shaper), `udp-datagram-dropped`, `udp-too-large`, `udp-links-full`, `fragment-…`, …
   */
  readonly counters: Counters
  /**
   * A datagram that is no IPv8 packet, by its first byte or as STUN: of the DHT, for one. No link comes of it: whoever asks a
   * node of the DHT is no neighbour. Its memory belongs to the receiver.
   */
  onDatagram?(from: IpAddress, datagram: Uint8Array): void
  /** The packet's memory belongs to the receiver. */
  onPacket(link: UdpLink, packet: Uint8Array): void
  /** The link is forgotten: closed, idle, or put out for another. */
  onClosed?(link: UdpLink, reason: LinkCloseReason): void
  /** Whether circuits depend on this link, so that strangers' packets must not put it out. */
  inUse?(link: Link): boolean
  /** Holds back what is not control, to keep to a rate. */
  readonly shaper?: Shaper | undefined
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
  /** Whether the socket is for IPv4 and IPv6: it writes IPv4 addresses as IPv6 ones (RFC 4291 §2.5.5.2). */
  private readonly dualStack: boolean
  private readonly options: UdpLinksOptions
  private readonly socket: Socket
  /** In the order of their coming, or of their last second chance; see makeRoom. */
  private readonly links = new Map<string, UdpLink>()
  /** Where relays of ours have proved themselves. */
  private readonly relays = new BoundedMap<string, true>(UDP_RELAYS)
  private readonly queue: FairQueue<Waiting>
  private readonly reassembly: Reassembly
  private nextSet: number
  private last: UdpLink | undefined
  private sweep = 1
  private sweepTimer: Timer
  /** Runs while the socket is full. */
  private pollTimer: Timer | undefined
  /** The place among those that wait for the shaper. */
  private turn: Timer | undefined
  private sendsUntilLook = UDP_SENDS_PER_LOOK
  private closing: Promise<void> | undefined

  /**
   * @param host `::` for both IP versions
   * @param port 0 for a random free one
   * @param range if `port` is busy (or 0), the next free one of these
   * @throws CulvertError `udp-port-busy`, `udp-bind`
   */
  static async bind(
    host: string,
    port: number,
    options: UdpLinksOptions,
    range?: PortRange,
  ): Promise<UdpLinks> {
    return new UdpLinks(await bindUdp(host, port, range), options)
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
    this.dualStack = this.address.host === '::'
    this.nextSet = uint32(options.random)
    this.reassembly = new Reassembly(options)
    this.queue = new FairQueue<Waiting>({ clock: options.clock, counters: options.counters })
    this.sweepTimer = this.nextSweep()
    socket.on('message', this.receive)
    socket.on('error', () => options.counters.add('udp-socket-error'))
  }

  /** Links known now. */
  get size(): number {
    return this.links.size
  }

  /** IP versions of the neighbours that the socket reaches. */
  get families(): readonly IpAddress['kind'][] {
    return this.dualStack ? ['ipv4', 'ipv6'] : [this.address.kind]
  }

  /**
   * Whether there can be a link to `address`: not to a name, port 0, the unspecified address (which the kernel takes for
   * this machine), an IP version that the socket is not for, or an IPv4 address in the clothes of IPv6.
   */
  reaches(address: Address): address is IpAddress {
    if (address.kind === 'domain' || !this.families.includes(address.kind) || address.port === 0) return false
    return address.host !== '0.0.0.0' && address.host !== '::' && !address.host.startsWith(MAPPED)
  }

  /** The link to `address`, made if need be. Undefined if there can be none, or all places are taken by links in use. */
  linkTo(address: Address): UdpLink | undefined {
    if (!this.reaches(address) || this.closing) return undefined
    const wireHost = this.wireHostOf(address)
    return this.links.get(keyOf(wireHost, address.port)) ?? this.add(address, wireHost)
  }

  /** Whether a packet has come from `address`, as far as it is remembered. */
  hasHeard(address: Address): boolean {
    return (
      this.reaches(address) && this.links.get(keyOf(this.wireHostOf(address), address.port))?.heard === true
    )
  }

  /**
   * A relay of ours has proved itself at `address`: from now on it is sent fragments. Nothing less than a proof tells, since
   * whatever a stock peer does not understand could be sent under its address, and it would get what it cannot read.
   */
  provesRelay(address: Address): void {
    if (!this.reaches(address)) return
    const key = keyOf(this.wireHostOf(address), address.port)
    this.relays.set(key, true)
    const link = this.links.get(key)
    if (link) link.takesFragments = true
  }

  /** Sends one datagram without a link; nothing where there can be none, or while the socket is full. */
  sendTo(address: Address, datagram: Uint8Array): void {
    if (!this.reaches(address) || this.closing || datagram.length > UDP_MTU) return
    if (this.pollTimer !== undefined || this.isFull()) {
      this.options.counters.add('udp-datagram-dropped')
      return
    }
    this.socket.send(datagram, address.port, this.wireHostOf(address), this.onSent)
  }

  /** Closes the socket and every link. */
  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      for (const link of [...this.links.values()]) link.close('shutdown')
      this.sweepTimer.cancel()
      this.pollTimer?.cancel()
      this.turn?.cancel()
      this.socket.close(resolve)
    })
    return this.closing
  }

  transmit(link: UdpLink, packet: Uint8Array, flow: number): void {
    const { counters } = this.options
    if (!link.open) counters.add('link-closed')
    else if (packet.length === 0 || packet.length > link.mtu) counters.add('udp-too-large')
    else if (link.takesFragments && packet.length > DATAGRAM_BYTES[link.address.kind]) {
      this.nextSet = (this.nextSet + 1) >>> 0
      for (const each of fragmentsOf(packet, this.nextSet, DATAGRAM_BYTES[link.address.kind])) {
        this.pass(link, each, flow)
      }
      counters.add('fragment-split')
    } else this.pass(link, packet, flow)
  }

  forget(link: UdpLink, reason: LinkCloseReason): void {
    this.links.delete(keyOf(link.wireHost, link.address.port))
    if (this.last === link) this.last = undefined
    this.options.onClosed?.(link, reason)
  }

  private pass(link: UdpLink, datagram: Uint8Array, flow: number): void {
    const { shaper, counters, clock } = this.options
    const mustWait = flow !== 0 && (this.turn !== undefined || shaper?.free === false)
    if (this.pollTimer === undefined && !this.isFull() && !mustWait) {
      this.write(link, datagram)
      return
    }
    counters.add(mustWait ? 'udp-held-back' : 'udp-queue-full')
    this.queue.push({ length: datagram.length, packet: new Uint8Array(datagram), link }, flow)
    if (mustWait) this.waitForTurn()
    else this.pollTimer ??= clock.after(UDP_POLL_MS, this.drain)
  }

  private waitForTurn(): void {
    this.turn ??= this.options.shaper?.whenFree(() => {
      this.turn = undefined
      if (this.pollTimer === undefined) this.drain()
    })
  }

  /** Hands on plain bytes: a Buffer's `slice` is a view where everybody else's is a copy. */
  private readonly receive = (buffer: Uint8Array<ArrayBuffer>, from: RemoteInfo): void => {
    const { counters } = this.options
    if (buffer.length === 0 || buffer.length > UDP_MTU) {
      counters.add('udp-length')
      return
    }
    if ((buffer[0] !== 0 || isStun(buffer)) && this.options.onDatagram) {
      counters.add('udp-received')
      counters.add('udp-received-bytes', buffer.length)
      const address = this.addressFrom(from)
      const datagram = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
      if (this.reaches(address)) this.options.onDatagram(address, datagram)
      return
    }
    const link = this.linkFrom(from)
    if (!link) return
    link.usedAt = this.sweep
    link.heard = true
    counters.add('udp-received')
    counters.add('udp-received-bytes', buffer.length)
    const packet = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    if (isFragment(packet)) {
      const whole = this.reassembly.receive(link, packet)
      if (whole) this.options.onPacket(link, whole)
      return
    }
    this.options.onPacket(link, packet)
  }

  private linkFrom(from: RemoteInfo): UdpLink | undefined {
    const { last } = this
    if (last && last.address.port === from.port && last.wireHost === from.address) return last
    // The kernel's text is canonical already, so that most packets find their link without being parsed.
    const link = this.links.get(keyOf(from.address, from.port)) ?? this.linkTo(this.addressFrom(from))
    this.last = link
    return link
  }

  private wireHostOf(address: IpAddress): string {
    return this.dualStack && address.kind === 'ipv4' ? MAPPED + address.host : address.host
  }

  private addressFrom({ address, port }: RemoteInfo): Address {
    const mapped = this.dualStack && address.startsWith(MAPPED) && address.includes('.')
    return addressOf(mapped ? address.slice(MAPPED.length) : address, port)
  }

  private add(address: IpAddress, wireHost: string): UdpLink | undefined {
    if (this.links.size >= (this.options.maxLinks ?? UDP_LINKS) && !this.makeRoom()) {
      this.options.counters.add('udp-links-full')
      return undefined
    }
    const link = new UdpLink(this, address, wireHost)
    const key = keyOf(wireHost, address.port)
    link.usedAt = this.sweep
    link.takesFragments = this.relays.has(key)
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
    const { shaper, clock } = this.options
    for (;;) {
      this.queue.controlOnly = shaper?.free === false
      if (!this.queue.ready) break
      if (this.socket.getSendQueueSize() >= UDP_PENDING_BYTES) {
        this.pollTimer = clock.after(UDP_POLL_MS, this.drain)
        return
      }
      const next = this.queue.pop()
      if (next?.link.open) this.write(next.link, next.packet)
    }
    if (this.queue.packets > 0) this.waitForTurn()
  }

  private write(link: UdpLink, packet: Uint8Array): void {
    link.usedAt = this.sweep
    this.options.shaper?.sent(packet.length)
    this.socket.send(packet, link.address.port, link.wireHost, this.onSent)
  }

  /** One function for all packets. A packet that the kernel refuses (full, too long, nobody there) is a packet lost. */
  private readonly onSent = (error: Error | null, bytes: number): void => {
    const { counters } = this.options
    if (error) {
      counters.add('udp-send-failed')
      return
    }
    counters.add('udp-sent')
    counters.add('udp-sent-bytes', bytes)
  }
}

const EVICTION_LOOKS = 64
/** How the kernel writes IPv4 addresses for a socket of both IP versions. */
const MAPPED = '::ffff:'

function keyOf(wireHost: string, port: number): string {
  return `${wireHost} ${port}`
}
