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

  /** These, and no others any more: names come to lead elsewhere. */
  set(addresses: readonly IpAddress[]): void {
    this.known.clear()
    for (const address of addresses.slice(0, MOST)) this.known.set(formatAddress(address), address)
    for (const key of this.answered.keys()) if (!this.known.has(key)) this.answered.delete(key)
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
