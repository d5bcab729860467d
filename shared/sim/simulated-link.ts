import type { Address } from '../bytes/address.ts'
import type { Link, LinkCloseReason } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import { Wire, type WireConditions } from './wire.ts'

/** What one end of a simulated link is made with. */
export interface SimulatedLinkEnd {
  /** Where this end is, as the other end sees it. */
  readonly address: Address
  onPacket(link: Link, packet: Uint8Array): void
  onClose?(link: Link, reason: LinkCloseReason): void
}

/** A link over a simulated wire. Made in pairs, by `simulatedLinks`. */
export class SimulatedLink implements Link {
  readonly kind = 'simulated'
  readonly mtu: number
  readonly address: Address
  open = true
  /** Packets that were larger than `mtu`, or sent after the end. */
  refused = 0
  readonly wire: Wire
  private readonly end: SimulatedLinkEnd
  private other: SimulatedLink | undefined

  constructor(
    clock: Clock,
    random: Random,
    conditions: WireConditions,
    mtu: number,
    end: SimulatedLinkEnd,
    address: Address,
  ) {
    this.mtu = mtu
    this.address = address
    this.end = end
    this.wire = new Wire(clock, random, conditions, (packet) => this.other?.arrive(packet))
  }

  join(other: SimulatedLink): void {
    this.other = other
  }

  send(packet: Uint8Array, _flow: number): void {
    if (!this.open || packet.length > this.mtu) {
      this.refused++
      return
    }
    this.wire.send(packet)
  }

  close(reason: LinkCloseReason): void {
    this.shut(reason)
    this.other?.shut('lost')
  }

  private arrive(packet: Uint8Array): void {
    if (this.open) this.end.onPacket(this, packet)
  }

  private shut(reason: LinkCloseReason): void {
    if (!this.open) return
    this.open = false
    this.end.onClose?.(this, reason)
  }
}

/** The two ends of a link, alike in both directions. Closing one end closes the other with `lost`, at once. */
export function simulatedLinks(
  clock: Clock,
  random: Random,
  conditions: WireConditions,
  left: SimulatedLinkEnd,
  right: SimulatedLinkEnd,
  mtu = 1472,
): [SimulatedLink, SimulatedLink] {
  const a = new SimulatedLink(clock, random, conditions, mtu, left, right.address)
  const b = new SimulatedLink(clock, random, conditions, mtu, right, left.address)
  a.join(b)
  b.join(a)
  return [a, b]
}
