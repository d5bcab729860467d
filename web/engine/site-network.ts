import { fromHex } from '../../shared/bytes/bytes.ts'
import type { EntryRelay } from '../../shared/client/entry-links.ts'
import type { PrivateNetworkOptions } from '../../shared/client/private-network.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import { isOnionName } from '../../shared/link/link-address.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import type { PageLinks } from './page-links.ts'
import type { SiteDocument } from './site-document.ts'

export interface SiteWorld {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
}

/** What a client of the network needs to know, from the document of the site at `origin`; the client is to be given to `links`. */
export function siteNetwork(
  site: SiteDocument,
  origin: string,
  links: PageLinks,
  world: SiteWorld,
): Omit<PrivateNetworkOptions, 'hops' | 'changed' | 'primaryChanged'> {
  return {
    ...world,
    ...links.clientPart(),
    network: site.network,
    communityId: fromHex(site.community),
    networkBits: { ipv4: site.networkPrefixBits, ipv6: 2 * site.networkPrefixBits },
    minRelays: site.minRelays,
    entries: [entryOf(site, origin)],
  }
}

/** The relay of the site itself. */
export function entryOf(site: SiteDocument, origin: string): EntryRelay {
  const websocket = new URL(site.entry.websocket, origin)
  websocket.protocol = websocket.protocol === 'https:' ? 'wss:' : 'ws:'
  // Who came through Tor is not led out of it.
  const ways = isOnionName(websocket.hostname) ? undefined : site.entry.ways
  const publicKey = PublicKey.parse(fromHex(site.entry.publicKey))
  return { publicKey, url: websocket.href, ...(ways && { ways }) }
}
