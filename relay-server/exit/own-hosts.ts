import { networkInterfaces } from 'node:os'
import { addressOf } from '../../shared/bytes/address.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { OWN_HOSTS_MS } from './constants.ts'

/** This machine's addresses, read anew every minute: IPv6 addresses change, and cards come and go. */
export function hostsOfThisMachine(
  clock: Clock,
  publicHost: string | undefined,
  cards: typeof networkInterfaces = networkInterfaces,
): () => ReadonlySet<string> {
  let hosts: ReadonlySet<string> = new Set()
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.now() - readAtMs < OWN_HOSTS_MS) return hosts
    readAtMs = clock.now()
    const found = Object.values(cards()).flatMap((card) => card?.map(({ address }) => address) ?? [])
    // As the policy writes them; link-local ones bear a zone and are refused as such anyway.
    hosts = new Set([...found, ...(publicHost ? [publicHost] : [])].map((host) => addressOf(host, 0).host))
    return hosts
  }
}
