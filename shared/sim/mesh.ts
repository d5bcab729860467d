import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Link, LinkCloseReason } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { SeededRandom } from './seeded-random.ts'
import { Wire, type WireConditions } from './wire.ts'

/** Where a packet of a mesh starts from, and what it is: asked once for each packet sent. */
export interface MeshMeter {
  sent(from: MeshNode, packet: Uint8Array): void
}

export interface MeshOptions {
  readonly clock: Clock
  readonly random: SeededRandom
  /** Chance in [0, 1] that a datagram is lost; streams (WebSockets) lose nothing. */
  readonly loss: number
  /** What every link does besides, streams too: each direction then is a wire of its own. The delay comes on top. */
  readonly conditions?: WireConditions
  readonly meter?: MeshMeter
}

/** The largest packet of any link. */
const MTU = 65_507
const NEAREST_MS = 4
const ACROSS_MS = 90

/**
 * Datagrams and streams among very many nodes. Cheaper than SimulatedNetwork: no wire per pair, a link per pair that is
 * used, a delay that follows from where the two nodes are.
 */
export class Mesh {
  readonly options: MeshOptions
  private readonly nodes = new Map<string, MeshNode>()

  constructor(options: MeshOptions) {
    this.options = options
  }

  add(node: MeshNode): void {
    this.nodes.set(formatAddress(node.address), node)
  }

  /** One direction of a link, where links are worse than their delay. */
  wire(delayMs: number, deliver: (packet: Uint8Array) => void): Wire | undefined {
    const { clock, random, conditions } = this.options
    if (conditions === undefined) return undefined
    const whole = { ...conditions, delayMs: delayMs + (conditions.delayMs ?? 0) }
    return new Wire(clock, random, whole, deliver)
  }

  at(address: IpAddress): MeshNode | undefined {
    return this.nodes.get(formatAddress(address))
  }
}

/** One machine: it keeps its address while the program on it comes and goes. */
export class MeshNode {
  readonly address: IpAddress
  /** Undefined while nobody listens there. */
  receive: ((link: Link, packet: Uint8Array) => void) | undefined
  readonly mesh: Mesh
  private readonly x: number
  private readonly y: number
  private links = new Map<MeshNode, MeshLink>()

  constructor(mesh: Mesh, address: IpAddress) {
    this.mesh = mesh
    this.address = address
    this.x = mesh.options.random.fraction()
    this.y = mesh.options.random.fraction()
    mesh.add(this)
  }

  /** The datagram link to whoever is at an address; undefined if there never was anybody. */
  linkTo(address: IpAddress): MeshLink | undefined {
    const node = this.mesh.at(address)
    return node && this.link(node)
  }

  link(other: MeshNode): MeshLink {
    let link = this.links.get(other)
    if (link === undefined) {
      link = new MeshLink(this, other)
      this.links.set(other, link)
    }
    return link
  }

  /** The program has ended, or begins anew: it knows of no link. */
  forgetLinks(): void {
    for (const link of this.links.values()) link.open = false
    this.links = new Map()
  }

  /** One way, milliseconds. */
  delayTo(other: MeshNode): number {
    return NEAREST_MS + ACROSS_MS * Math.hypot(this.x - other.x, this.y - other.y)
  }
}

/** A way for datagrams: never closes, loses some, and what is sent to nobody. */
class MeshLink implements Link {
  readonly kind = 'simulated'
  readonly mtu = MTU
  readonly address: IpAddress
  open = true
  private readonly from: MeshNode
  private readonly to: MeshNode
  private readonly delayMs: number
  private readonly wire: Wire | undefined

  constructor(from: MeshNode, to: MeshNode) {
    this.address = to.address
    this.from = from
    this.to = to
    this.delayMs = from.delayTo(to)
    this.wire = from.mesh.wire(this.delayMs, (packet) => to.receive?.(to.link(from), packet))
  }

  send(packet: Uint8Array, _flow: number): void {
    if (!this.open) return
    const { clock, meter, random, loss } = this.from.mesh.options
    meter?.sent(this.from, packet)
    if (this.wire !== undefined) {
      this.wire.send(packet)
      return
    }
    if (random.fraction() < loss) return
    const { from, to } = this
    clock.after(this.delayMs, () => to.receive?.(to.link(from), packet))
  }

  close(): void {
    this.open = false
  }
}

/** One end of a stream of packets, such as a WebSocket. Made in pairs, by `meshStream`. */
export class MeshStream implements Link {
  readonly kind = 'simulated'
  readonly mtu = MTU
  readonly address: IpAddress
  open = true
  private readonly from: MeshNode
  private readonly delayMs: number
  private readonly wire: Wire | undefined
  private readonly receive: (link: Link, packet: Uint8Array) => void
  private readonly closed: (link: Link) => void
  other: MeshStream | undefined

  constructor(
    from: MeshNode,
    to: MeshNode,
    receive: (link: Link, packet: Uint8Array) => void,
    closed: (link: Link) => void,
  ) {
    this.address = to.address
    this.from = from
    this.delayMs = from.delayTo(to)
    this.wire = from.mesh.wire(this.delayMs, (packet) => this.arrive(packet))
    this.receive = receive
    this.closed = closed
  }

  send(packet: Uint8Array, _flow: number): void {
    if (!this.open) return
    const { clock, meter } = this.from.mesh.options
    meter?.sent(this.from, packet)
    if (this.wire !== undefined) this.wire.send(packet)
    else clock.after(this.delayMs, () => this.arrive(packet))
  }

  private arrive(packet: Uint8Array): void {
    const { other } = this
    if (other?.open) other.receive(other, packet)
  }

  /** Tells the other end, a way later. */
  close(_reason: LinkCloseReason): void {
    this.shut()
    const { other } = this
    this.from.mesh.options.clock.after(this.delayMs, () => other?.shut())
  }

  /** As when a machine loses its power: this end is gone, and the other is told nothing. */
  vanish(): void {
    this.open = false
  }

  /** This end learns that the other is gone. */
  shut(): void {
    if (!this.open) return
    this.open = false
    this.closed(this)
  }
}
