import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'

/** `host:port`, IPv6 in brackets, to an address of the given family; undefined if the name has none. */
export async function resolveEndpoint(
  endpoint: string,
  family: IpAddress['kind'],
): Promise<IpAddress | undefined> {
  const cut = endpoint.lastIndexOf(':')
  const address = addressOf(endpoint.slice(0, cut), Number(endpoint.slice(cut + 1)))
  if (address.kind !== 'domain') return address.kind === family ? address : undefined
  const found = await lookup(address.host, { family: family === 'ipv4' ? 4 : 6 }).catch(() => undefined)
  const resolved = found && addressOf(found.address, address.port)
  return resolved?.kind === family ? resolved : undefined
}

export function isUnspecified(address: IpAddress): boolean {
  return address.host === '0.0.0.0' || address.host === '::'
}

/** Where neighbours on the same network reach a socket that is bound to `bound`. */
export function lanAddress(bound: IpAddress): IpAddress {
  if (!isUnspecified(bound)) return bound
  const family = bound.kind === 'ipv4' ? 'IPv4' : 'IPv6'
  const card = Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && each.family === family && !each.internal)
  return { ...bound, host: card?.address ?? (bound.kind === 'ipv4' ? '127.0.0.1' : '::1') }
}
