import { lookup } from 'node:dns/promises'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import type { RelayConfig } from '../config.ts'
import type { TrackerWorld } from './tracker-request.ts'

/** Addresses looked at of one name. */
const MAX_ADDRESSES = 8

/**
 * Where trackers are. An address that the operator wrote is his word; a name may lead to any machine of this relay's own
 * network, and so may a redirect: both only to what packets may go to.
 */
export function trackerResolver(options: {
  readonly config: Pick<RelayConfig, 'lab'>
  mayReach(address: IpAddress): boolean
}): TrackerWorld['resolve'] {
  return async (host, port, redirected = false) => {
    const address = addressOf(host, port)
    if (address.kind !== 'domain') return !redirected || options.mayReach(address) ? [address] : []
    // A lab asks nobody beyond this machine for names.
    if (options.config.lab) return []
    const found = await lookup(host, { all: true }).catch(() => [])
    return found
      .slice(0, MAX_ADDRESSES)
      .map((each) => addressOf(each.address, port))
      .filter((each): each is IpAddress => each.kind !== 'domain' && options.mayReach(each))
  }
}
