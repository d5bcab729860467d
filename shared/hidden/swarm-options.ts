import type { Aead } from '../crypto/aead.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { HiddenOwnerSettings } from './constants.ts'
import type { HiddenCircuits } from './hidden-circuits.ts'
import type { HiddenPeerEvents } from './hidden-peer.ts'

/** What one owner of one hidden swarm is made of. */
export interface HiddenSwarmOptions {
  /** 20 bytes. Stays here: relays are shown its lookup key. */
  readonly infoHash: Uint8Array
  readonly circuits: HiddenCircuits
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  readonly events: HiddenPeerEvents
  /** How many introduction points or peers there are has changed. */
  readonly changed?: () => void
  readonly settings?: Partial<HiddenOwnerSettings>
}
