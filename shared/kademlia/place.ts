import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { networkOf, siteOf } from '../ipv8/network-of.ts'
import { isExempt, nodeIdFits } from './node-id.ts'

/** What an address counts as where nobody may have many (K-06). */
export interface Place {
  /**
   * One machine: an IPv4 address or an IPv6 /64, whatever its port. Of private and loopback addresses each port is a machine of its
   * own: they are reached in a lab only, whose owner they have.
   */
  readonly machine: string
  /** The /24 or /48; undefined for private and loopback addresses, which are not counted. */
  readonly network: string | undefined
}

export function placeOf(address: IpAddress): Place {
  return isExempt(address)
    ? { machine: formatAddress(address), network: undefined }
    : { machine: siteOf(address), network: networkOf(address) }
}

/** Whether the id is one that BEP 42 allows there. */
export function fits(id: Uint8Array, address: IpAddress): boolean {
  return nodeIdFits(id, address)
}
