import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Family, NodeContact } from './api.ts'

/** Routers kept: a handful is usual. */
const MOST = 64

/**
 * Well-known nodes to begin with. They are asked for a way in and stay out of the table, for everybody begins with them; while we
 * know few others, lookups may begin with them too.
 */
export class Routers {
  private readonly known = new Map<string, IpAddress>()
  private readonly answered = new Map<string, NodeContact>()

  add(addresses: readonly IpAddress[]): void {
    for (const address of addresses) {
      if (this.known.size < MOST) this.known.set(formatAddress(address), address)
    }
  }

  get addresses(): IpAddress[] {
    return [...this.known.values()]
  }

  has(address: IpAddress): boolean {
    return this.known.has(formatAddress(address))
  }

  heard(address: IpAddress, id: Uint8Array): void {
    this.answered.set(formatAddress(address), { id: Uint8Array.from(id), address })
  }

  silent(address: IpAddress): void {
    this.answered.delete(formatAddress(address))
  }

  contacts(family: Family): NodeContact[] {
    return [...this.answered.values()].filter(({ address }) => address.kind === family)
  }
}
