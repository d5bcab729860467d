import type { IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { DatagramWire } from '../../shared/link/datagram-wire.ts'
import { DatagramWires } from '../../shared/link/datagram-wires.ts'
import type { Link } from '../../shared/link/link.ts'
import type { LinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import type { Dialler, DialSignal, DialTarget, Wire } from '../../shared/link/wire.ts'
import type { WireIdentity } from '../../shared/link/wire-session.ts'
import type { UdpLinks } from './udp.ts'
import type { UdpLink } from './udp-link.ts'

export interface UdpWiresOptions extends WireIdentity {
  readonly udp: Pick<UdpLinks, 'linkTo' | 'reaches'>
  /** Whether packets may go to an address that a stranger named. */
  mayReach(address: IpAddress): boolean
  /** A neighbour has asked for a wire, and both keys are proved. */
  onWire(wire: Wire): void
}

/** UDP as a kind of link with authenticated neighbours (L-03): dials over the relay's one socket, and takes what comes there. */
export class UdpWires implements Dialler {
  readonly kind = 'udp'
  private readonly options: UdpWiresOptions
  private readonly wires: DatagramWires

  constructor(options: UdpWiresOptions) {
    this.options = options
    this.wires = new DatagramWires(options)
  }

  canDial(address: LinkAddress): boolean {
    const { udp, mayReach } = this.options
    return address.kind === 'udp' && udp.reaches(address.at) && mayReach(address.at)
  }

  async dial({ address, publicKey }: DialTarget, signal?: DialSignal): Promise<Wire> {
    const link = this.canDial(address) ? this.options.udp.linkTo(address.at) : undefined
    if (link === undefined) throw new CulvertError('link-address-refused', 'that UDP address is not dialled')
    const wire = await this.wires.dial(link, publicKey, address, signal)
    // Who proves a key this way is no stock peer.
    link.takesFragments = true
    return wire
  }

  /** Takes a packet of link control that came over UDP. Never throws. */
  receive(link: UdpLink, packet: Uint8Array): void {
    this.wires.receive(link, packet)
    if (this.has(link)) link.takesFragments = true
  }

  /** Whether the neighbour at the other end has proved its key. */
  has(link: Link): boolean {
    return this.wires.wireOver(link) !== undefined
  }

  /** The link of datagrams below a neighbour's wire, if one of its wires is of this kind. */
  bareLinkOf({ wires }: Pick<Neighbour, 'wires'>): Link | undefined {
    for (const { link } of wires) if (link instanceof DatagramWire) return link.way
    return undefined
  }

  /** Hands a packet to the neighbour's wire over this link. @returns false if there is none */
  deliver(link: Link, packet: Uint8Array): boolean {
    const wire = this.wires.wireOver(link)
    wire?.deliver(packet)
    return wire !== undefined
  }

  /** The socket has forgotten a neighbour. */
  lost(link: Link): void {
    this.wires.lost(link)
  }

  /** Closes all wires with `shutdown`. */
  stop(): void {
    this.wires.stop()
  }
}
