import { lookup } from 'node:dns/promises'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import type { RelayConfig } from '../config.ts'
import type { TrackerWorld } from './tracker-request.ts'

/** Addresses looked at of one name. */
const MAX_ADDRESSES = 8

/**
 * Where trackers are. An address that the operator wrote is his word; a name may lead to any machine of this relay's own
 * network, and so may a redirect: both only to what packets may go to. Of the IP versions that the relay speaks: a tracker asked
 * by another would name an address that nobody reaches us at.
 */
export function trackerResolver(options: {
  readonly config: Pick<RelayConfig, 'lab'>
  readonly families: readonly IpAddress['kind'][]
  mayReach(address: IpAddress): boolean
}): TrackerWorld['resolve'] {
  const { config, families } = options
  const mayReach = (address: IpAddress) => options.mayReach(address)
  return async (host, port, redirected = false) => {
    const address = addressOf(host, port)
    if (address.kind !== 'domain') {
      return families.includes(address.kind) && (!redirected || mayReach(address)) ? [address] : []
    }
    // A lab asks nobody beyond this machine for names.
    if (config.lab) return []
    const found = await lookup(host, { all: true }).catch(() => [])
    return found
      .map((each) => addressOf(each.address, port))
      .filter((each): each is IpAddress => each.kind !== 'domain' && families.includes(each.kind))
      .slice(0, MAX_ADDRESSES)
      .filter((each) => mayReach(each))
  }
}
