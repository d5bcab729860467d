import type { PublicKey } from '../identity/keys.ts'
import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'
import type { KeeperSettings, NeighbourSettings } from './keeper-limits.ts'
import type { LinkCloseReason } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import type { Neighbour } from './neighbour.ts'
import type { Dialler } from './wire.ts'

/** A relay that a link may be kept with. */
export interface KeeperTarget {
  readonly publicKey: PublicKey
  /** Where it can be reached, the best first. Those that no dialler takes are passed over. */
  readonly addresses: readonly LinkAddress[]
  /** One of PRIORITIES. */
  readonly priority: number
}

export interface KeeperOptions {
  /** Our own key: breaks the tie when both sides dial at once. */
  readonly self: PublicKey
  readonly clock: Clock
  readonly random: Random
  /** `keeper-…`, `neighbour-…`, `control-…`. */
  readonly counters: Counters
  readonly diallers: readonly Dialler[]
  readonly settings?: Partial<KeeperSettings & NeighbourSettings>
  /** Relays to choose from, in any order: the configured ones, trusted, verified, discovered. Asked now and then. */
  candidates(): readonly KeeperTarget[]
  /** What is known of one relay: its addresses and priority. Undefined if nothing: a page, or a stranger. */
  targetOf(publicKey: PublicKey): KeeperTarget | undefined
  /** Whether there is to be no link with it, nor one kept that there is. Asked every few seconds. */
  isBlocked?(publicKey: PublicKey): boolean
  /** Whether circuits go over a neighbour: it is not displaced then. */
  inUse(neighbour: Neighbour): boolean
  /** Everything but control. */
  onPacket(neighbour: Neighbour, packet: Uint8Array): void
  /** Once for each; only of those that were open or handed out. */
  onClosed(neighbour: Neighbour, reason: LinkCloseReason): void
  /** A message of `send` or `broadcast`, each once (L-06); at most 8,192 bytes. */
  onMessage?(neighbour: Neighbour, body: Uint8Array): void
  /** The body of a control packet 7, at most 2,048 bytes. */
  onSignal?(neighbour: Neighbour, body: Uint8Array): void
  onPlaces?(neighbour: Neighbour, places: number): void
  /** A link came, went, or changed its state. */
  onChange?(): void
  /** Whether new links are refused: the month's bytes are used up. */
  sleeping?(): boolean
}

export interface StatusOptions {
  /** Adds addresses and ids; for an operator who asked for them. */
  readonly withAddresses?: boolean
}
