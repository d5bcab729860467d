import { type Address, formatAddress } from '../bytes/address.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { networkOf } from '../ipv8/network-of.ts'

/** Neighbours remembered: of the others it is known what two networks told. */
const REMEMBERED = 64

/**
 * Who has told all that he knows, and when: what a neighbour is still to be asked for. One neighbour alone may keep things back, so
 * that what he told spares nobody but himself the question for everything; what neighbours of two networks told does.
 */
export class CompleteFetches {
  private readonly byNeighbour = new BoundedMap<string, number>(REMEMBERED)
  /** The latest of the two networks that told all last; the later first. */
  private latest: readonly { readonly network: string; readonly atMs: number }[] = []

  /** @param atMs when the fetch began that brought all there was to know */
  add(neighbour: Address, atMs: number): void {
    const key = formatAddress(neighbour)
    const network = neighbour.kind === 'domain' ? neighbour.host : networkOf(neighbour)
    const before = this.latest.find((each) => each.network === network)
    this.byNeighbour.set(key, Math.max(this.byNeighbour.get(key) ?? 0, atMs))
    this.latest = [
      ...this.latest.filter((each) => each !== before),
      { network, atMs: Math.max(before?.atMs ?? 0, atMs) },
    ]
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, 2)
  }

  /** From when on the neighbour is to tell what it learnt; undefined for all that it knows. */
  from(neighbour: Address): number | undefined {
    const own = this.byNeighbour.get(formatAddress(neighbour))
    const others = this.latest[1]?.atMs
    return own === undefined || others === undefined ? (own ?? others) : Math.max(own, others)
  }
}
