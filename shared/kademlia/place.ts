import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { networkOf, siteOf } from '../ipv8/network-of.ts'
import { isExempt } from './node-id.ts'

/** What an address counts as where nobody may have many (K-06). */

/**
 * One machine: an IPv4 address or an IPv6 /64, whatever its port. Of private and loopback addresses each port is a machine of its
 * own: they are reached in a lab only, whose owner they have.
 */
export function machineOf(address: IpAddress): string {
  return isExempt(address) ? formatAddress(address) : siteOf(address)
}

/** The /24 or /48; undefined for private and loopback addresses, which are not counted. */
export function countedNetworkOf(address: IpAddress): string | undefined {
  return isExempt(address) ? undefined : networkOf(address)
}
