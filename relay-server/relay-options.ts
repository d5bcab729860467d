import type { KeyPair, PublicKey } from '../shared/identity/keys.ts'
import type { WalkStatus } from '../shared/ipv8/walker.ts'
import type { DhtNode } from '../shared/ipv8-dht/node.ts'
import type { RouterStats } from '../shared/onion/router.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { Counters } from '../shared/world/counters.ts'
import type { Random } from '../shared/world/random.ts'
import type { RelayConfig } from './config.ts'
import type { DiscoveryStatus } from './discovery/relay-discovery.ts'
import type { LinksStatus } from './links/links-status.ts'
import type { Log } from './log.ts'
import type { PortMappingState } from './nat/port-mapping.ts'

export interface RelayOptions {
  readonly config: RelayConfig
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly log: Log
  /** A relay that there is a link with has sent a message: each comes once, at most 8,192 bytes (L-06). */
  readonly onMessage?: ((from: PublicKey, body: Uint8Array) => void) | undefined
}

/** Numbers and states, no addresses, keys or ids: what GET /status.json answers (N-13). */
export interface RelayStatus extends WalkStatus {
  /** Whether a router at home sends the port here, and by which protocol. */
  readonly portMapping: PortMappingState
  /** Other relays whose descriptors are known. */
  readonly relays: number
  /** How the search for relays goes (D-08, K-10). */
  readonly discovery: DiscoveryStatus
  /** IPv8's DHT: nodes known, and what is kept for others. */
  readonly ipv8Dht: DhtNode['stats'] | undefined
  readonly udpLinks: number
  /** Links with other relays, and what all links have carried (L-07, L-08). */
  readonly links: LinksStatus
  readonly pages: number
  readonly router: RouterStats
  /** Since the start: `udp-received`, `udp-received-bytes`, `udp-sent`, `udp-sent-bytes`, refusals by reason, … */
  readonly counters: Readonly<Record<string, number>>
}
