import { describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { PageLinks } from './page-links.ts'
import { readSiteDocument } from './site-document.ts'
import { siteNetwork } from './site-network.ts'

const random = new SeededRandom(3)
const ONION = `${'a'.repeat(55)}d.onion`

function entryAt(origin: string) {
  const site = readSiteDocument({
    network: 'test',
    community: '00'.repeat(20),
    entry: {
      publicKey: toHex(KeyPair.generate(random).publicKey.bytes),
      websocket: '/relay',
      ways: ['wss://other.example/relay', 'webrtc+wss://other.example/relay'],
    },
    networkPrefixBits: 16,
    dht: [],
  })
  const links = { clientPart: () => ({}) } as unknown as PageLinks
  const world = { clock: new VirtualClock(), random, aead: nobleAead, counters: new Counters() }
  const [entry] = siteNetwork(site, origin, links, world).entries
  return { url: entry?.url, ways: entry?.ways }
}

describe('the way in that a site names (L-01, W-02)', () => {
  it('is its own relay, where the page came from, and others that it knows of', () => {
    const ways = ['wss://other.example/relay', 'webrtc+wss://other.example/relay']
    expect(entryAt('https://site.example')).toEqual({ url: 'wss://site.example/relay', ways })
  })

  it('is that relay through Tor alone for a page that came through Tor', () => {
    expect(entryAt(`http://${ONION}`)).toEqual({ url: `ws://${ONION}/relay`, ways: undefined })
  })
})
