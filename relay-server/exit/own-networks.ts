import { networkInterfaces } from 'node:os'
import { parseIpv4, parseIpv6 } from '../../shared/bytes/address.ts'
import type { Network } from '../../shared/ipv8/network.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { OWN_HOSTS_MS, OWN_NETWORK_BITS, OWN_SITE_BITS } from './constants.ts'

/**
 * This machine's addresses, and the IPv6 networks that they are in, read anew every minute: IPv6 addresses change, and cards
 * come and go.
 * @param publicHosts the addresses that the Internet sees it at, where no card has them; asked each time
 */
export function networksOfThisMachine(
  clock: Clock,
  publicHosts: () => readonly string[],
  cards: typeof networkInterfaces = networkInterfaces,
): () => readonly Network[] {
  let networks: readonly Network[] = []
  let outside = ''
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    const outsideNow = publicHosts()
    if (clock.now() - readAtMs < OWN_HOSTS_MS && outside === outsideNow.join(' ')) return networks
    readAtMs = clock.now()
    outside = outsideNow.join(' ')
    const found = Object.values(cards()).flatMap((card) => card ?? [])
    networks = [
      ...found.flatMap(({ address, cidr }) => networkAround(address, cidr)),
      ...outsideNow.flatMap((host) => networkAround(host)),
    ]
    return networks
  }
}

/**
 * Of IPv6 the network, since a home's devices have public addresses there that its router hides from outside and that are open
 * from here. Of IPv4 the address alone: where neighbours have public ones no router hides them as a rule, and a hosting
 * provider's network holds other relays and peers.
 */
function networkAround(host: string, cidr?: string | null): Network[] {
  const ipv4 = parseIpv4(host)
  if (ipv4) return [{ bytes: ipv4, bits: 32 }]
  const bytes = parseIpv6(host)
  // Link-local ones bear a zone on some systems, and are refused as such anyway.
  if (!bytes) return []
  // An address from DHCP is a /128 by itself, in a network of which the card says nothing.
  const bits = Number(cidr?.split('/')[1] ?? OWN_NETWORK_BITS)
  return [{ bytes, bits: Math.min(Math.max(bits, OWN_SITE_BITS), OWN_NETWORK_BITS) }]
}
