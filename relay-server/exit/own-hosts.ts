import { networkInterfaces } from 'node:os'
import { addressOf } from '../../shared/bytes/address.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { OWN_HOSTS_MS } from './constants.ts'

/**
 * This machine's addresses, read anew every minute: IPv6 addresses change, and cards come and go.
 * @param publicHosts the addresses that the Internet sees it at, where no card has them; asked each time
 */
export function hostsOfThisMachine(
  clock: Clock,
  publicHosts: () => readonly string[],
  cards: typeof networkInterfaces = networkInterfaces,
): () => ReadonlySet<string> {
  let hosts: ReadonlySet<string> = new Set()
  let outside = ''
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    const outsideNow = publicHosts()
    if (clock.now() - readAtMs < OWN_HOSTS_MS && outside === outsideNow.join(' ')) return hosts
    readAtMs = clock.now()
    outside = outsideNow.join(' ')
    const found = Object.values(cards()).flatMap((card) => card?.map(({ address }) => address) ?? [])
    // As the policy writes them; link-local ones bear a zone and are refused as such anyway.
    hosts = new Set([...found, ...outsideNow].map((host) => addressOf(host, 0).host))
    return hosts
  }
}
