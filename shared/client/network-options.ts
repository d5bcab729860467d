import type { Aead } from '../crypto/aead.ts'
import type { UnverifiedDescriptor } from '../directory/descriptor.ts'
import type { Geo } from '../geo/geo.ts'
import type { Link } from '../link/link.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { GuardStore } from '../path/guards.ts'
import type { Member } from '../path/member.ts'
import type { PathPreferences } from '../path/preferences.ts'
import type { NetworkBits, PathRelay } from '../path/relay.ts'
import type { Hops } from '../path/select.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { ComparisonSettings } from './constants.ts'
import type { EntryRelay, EntryState } from './entry-links.ts'
import type { DirectoryStore } from './kept-directory.ts'
import type { ComparisonView } from './relay-knowledge.ts'

export interface PrivateNetworkOptions {
  readonly clock: Clock
  readonly random: Random
  readonly aead: Aead
  readonly counters: Counters
  /** The network's name: signed into descriptors and link proofs. */
  readonly network: string
  /** 20 bytes. */
  readonly communityId: Uint8Array
  readonly networkBits: NetworkBits
  readonly hops: Hops
  /** Relays known beforehand to let us in; they serve before the sampled guards. */
  readonly entries: readonly EntryRelay[]
  /** Where the sampled guards are kept between one run and the next; they are sampled anew without it. */
  readonly guardStore?: GuardStore
  /** Circuits are built once so many relays are known (N-07); 1 if not given. */
  readonly minRelays?: number
  /** Warm circuits beside the primary, 0 to 2; 1 if not given. */
  readonly standbys?: number
  /** Pause between questions for news of the directory; a minute if not given. */
  readonly directoryRefreshMs?: number
  /** See `DirectoryOptions.parse`. */
  readonly parseDescriptor?: (bytes: Uint8Array) => UnverifiedDescriptor
  /** Switches the comparison of directories on, with settings of its own if there are any. */
  readonly comparison?: Partial<ComparisonSettings>
  /** Where verified descriptors and the trust book are kept; the network has to tell all of it anew without it. */
  readonly directoryStore?: DirectoryStore
  /** Countries and networks of addresses, once they are known. */
  geo?(): Geo | undefined
  /** What is wanted of hops beside what holds for all; nothing if not given. */
  readonly preferences?: PathPreferences
  /** Hops known from elsewhere than the directory: the peers of a client that walks itself. */
  extraRelays?(): readonly PathRelay[]
  /** How a relay lets us in, if it does; by its gateway's WebSocket if not given. */
  entryUrl?(relay: PathRelay): string | undefined
  /** Whether `openLink` can open links by WebRTC; not, if not given. */
  readonly webrtc?: boolean
  /** Whether a link of `openLink` has nothing below it for now. `linksChanged` is to be called when that has changed. */
  isStuck?(link: Link): boolean
  openLink(
    relay: EntryRelay,
    onPacket: (link: Link, packet: Uint8Array) => void,
    onClosed: (link: Link) => void,
  ): Promise<Link>
  /** Something that a view shows has changed. Called often. */
  changed(): void
  /** Another circuit serves now, or none does. */
  primaryChanged(): void
}

export interface NetworkStatus {
  readonly entry: EntryState
  readonly entryName: string
  readonly relays: number
  /** So many relays must be known before circuits are built. */
  readonly minRelays: number
  readonly exits: number
  /** The primary first. */
  readonly circuits: readonly Member<Circuit>[]
  readonly primary: Member<Circuit> | undefined
  readonly hops: Hops
  readonly problem: 'no-relay' | 'no-exit' | 'no-circuit' | undefined
  /** What came of asking several relays; `unconfirmed` counts those that only one of them tells of. */
  readonly comparison: ComparisonView
}

export interface OwnCircuitRequest {
  readonly hops: Hops
  /** The last hop; an exit is chosen if it is not given. */
  readonly last?: PathRelay | undefined
  readonly events: Partial<CircuitEvents>
}
