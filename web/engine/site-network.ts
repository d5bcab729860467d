import { fromHex } from '../../shared/bytes/bytes.ts'
import type { PrivateNetworkOptions } from '../../shared/client/private-network.ts'
import type { Aead } from '../../shared/crypto/aead.ts'
import { KeyPair, PublicKey } from '../../shared/identity/keys.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { WebSocketDialler } from '../link/websocket-dialler.ts'
import type { SiteDocument } from './site-document.ts'

export interface SiteWorld {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** The WebSocket to link with, where the global one is not to be used. */
  readonly webSocket: typeof WebSocket | undefined
}

/** What a client of the network needs to know, from the document of the site at `origin`. */
export function siteNetwork(
  site: SiteDocument,
  origin: string,
  { webSocket, ...world }: SiteWorld,
): Omit<PrivateNetworkOptions, 'hops' | 'changed' | 'primaryChanged'> {
  const websocket = new URL(site.entry.websocket, origin)
  websocket.protocol = websocket.protocol === 'https:' ? 'wss:' : 'ws:'
  const { clock, random, counters } = world
  const dialler = new WebSocketDialler({
    network: site.network,
    clock,
    random,
    counters,
    webSocket,
    keyFor: () => KeyPair.generate(random),
  })
  return {
    ...world,
    network: site.network,
    communityId: fromHex(site.community),
    networkBits: { ipv4: site.networkPrefixBits, ipv6: 2 * site.networkPrefixBits },
    minRelays: site.minRelays,
    entries: [{ publicKey: PublicKey.parse(fromHex(site.entry.publicKey)), url: websocket.href }],
    openLink: async ({ url, publicKey }, onPacket, onClosed) => {
      const wire = await dialler.dial({ address: parseLinkAddress(url), publicKey })
      wire.handTo({ onPacket, onClosed })
      return wire.link
    },
  }
}
