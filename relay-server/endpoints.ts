import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { type Address, addressOf, type IpAddress } from '../shared/bytes/address.ts'

/** `host:port`, IPv6 in brackets, to an address of one of the given families, the first preferred; undefined if it has none. */
export async function resolveEndpoint(
  endpoint: string,
  families: readonly IpAddress['kind'][],
): Promise<IpAddress | undefined> {
  const cut = endpoint.lastIndexOf(':')
  const address = addressOf(endpoint.slice(0, cut), Number(endpoint.slice(cut + 1)))
  if (address.kind !== 'domain') return families.includes(address.kind) ? address : undefined
  for (const kind of families) {
    const found = await lookup(address.host, { family: kind === 'ipv4' ? 4 : 6 }).catch(() => undefined)
    const resolved = found && addressOf(found.address, address.port)
    if (resolved?.kind === kind) return resolved
  }
  return undefined
}

export function isUnspecified(address: IpAddress): boolean {
  return address.host === '0.0.0.0' || address.host === '::'
}

export function isLoopback(address: Address): boolean {
  return address.kind === 'ipv4' ? address.host.startsWith('127.') : address.host === '::1'
}

/**
 * Where neighbours on the same network reach a socket that is bound to `bound`, for each IP version that it is for; what the
 * machine has no address of is left out.
 */
export function lanAddresses(
  bound: IpAddress,
  families: readonly IpAddress['kind'][] = [bound.kind],
): { readonly ipv4?: IpAddress; readonly ipv6?: IpAddress } {
  if (!isUnspecified(bound)) return { [bound.kind]: bound }
  const cards = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const of = (kind: IpAddress['kind']) =>
    cards.find(
      (card) =>
        card.family === (kind === 'ipv4' ? 'IPv4' : 'IPv6') &&
        !card.internal &&
        !/^fe[89ab]/.test(card.address),
    )
  return Object.fromEntries(
    families.flatMap((kind) => {
      const host = of(kind)?.address
      return host === undefined ? [] : [[kind, { kind, host, port: bound.port }]]
    }),
  )
}
