import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import type { PathHop } from '../onion/hop.ts'
import type { ListedRelay } from './lookup.ts'

/** A relay that introduces and joins. */
export type HiddenHop = PathHop & ListedRelay

/** Where owners of hidden swarms get their circuits from: the client, which chooses the hops before the last. */
export interface HiddenCircuits {
  /** Relays known now that introduce and join; in no particular order. */
  relays(): readonly HiddenHop[]
  /** One of them by chance, for a seeder to wait at; none of `tried`. Chance gives nobody more by being many, or by promises. */
  rendezvousPoint(tried: readonly PathHop[]): PathHop | undefined
  /** Has failed just now: others are better asked first. */
  isResting(relay: PathHop): boolean
  /** Begins a circuit that ends at `last`. Undefined if there is no way there now. Events come later, not from within. */
  build(last: PathHop, events: CircuitEvents): Circuit | undefined
}
