import { formatAddress, isNoAddress } from '../bytes/address.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { networkOf } from '../ipv8/network-of.ts'
import type { Link } from '../link/link.ts'

/** Neighbours remembered: of the others it is known what two networks told. */
const REMEMBERED = 64

/**
 * Who has told all that he knows, and when: what a neighbour is still to be asked for. One neighbour alone may keep things back, so
 * that what he told spares nobody but himself the question for everything; what neighbours of two networks told does.
 */
export class CompleteFetches {
  private readonly byAddress = new BoundedMap<string, number>(REMEMBERED)
  /** Of those whose address says nothing: all neighbours by WebRTC and Tor have the same, and all circuits. */
  private readonly byLink = new WeakMap<Link, number>()
  /** The latest of the two networks that told all last; the later first. */
  private latest: readonly { readonly network: string; readonly atMs: number }[] = []

  /** @param atMs when the fetch began that brought all there was to know */
  add(link: Link, atMs: number): void {
    const { address } = link
    if (isNowhere(link)) {
      this.byLink.set(link, Math.max(this.byLink.get(link) ?? 0, atMs))
      return
    }
    const key = formatAddress(address)
    const network = address.kind === 'domain' ? address.host : networkOf(address)
    const before = this.latest.find((each) => each.network === network)
    this.byAddress.set(key, Math.max(this.byAddress.get(key) ?? 0, atMs))
    this.latest = [
      ...this.latest.filter((each) => each !== before),
      { network, atMs: Math.max(before?.atMs ?? 0, atMs) },
    ]
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, 2)
  }

  /** From when on the neighbour is to tell what it learnt; undefined for all that it knows. */
  from(link: Link): number | undefined {
    const own = isNowhere(link) ? this.byLink.get(link) : this.byAddress.get(formatAddress(link.address))
    const others = this.latest[1]?.atMs
    return own === undefined || others === undefined ? (own ?? others) : Math.max(own, others)
  }
}

function isNowhere({ kind, address }: Link): boolean {
  return kind === 'circuit' || (address.kind !== 'domain' && isNoAddress(address))
}
