import type { Link } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { PoolCircuit } from './member.ts'
import type { PathWishes } from './preferences.ts'
import type { NetworkBits, PathRelay } from './relay.ts'
import type { Reliability } from './reliability.ts'
import type { Hops } from './select.ts'

export interface PoolEvents {
  ready(): void
  /** It has fallen silent; `suspect` is true now. */
  suspected(): void
  closed(): void
  changed(): void
}

/** An open link to a first hop. */
export interface Entry {
  readonly link: Link
  readonly relay: PathRelay
}

export interface PoolOptions<C extends PoolCircuit> {
  readonly clock: Clock
  readonly random: Random
  readonly reliability: Reliability
  readonly networkBits: NetworkBits
  /** The ways in that work just now, best first; for one hop, to exits. */
  entries(hops: Hops): readonly Entry[]
  relays(): readonly PathRelay[]
  /** Whether nothing comes over a link: circuits over it are of no use, though they have not noticed yet. */
  isSilent?(link: Link): boolean
  /** Guards, which serve as other hops only where there is no choice: one failure is not to end primary and standby. */
  guards?(): readonly PathRelay[]
  /** Circuits with relays that it refuses end: the primary once another is ready, at the latest after `POOL.drainMs`. */
  readonly wishes?: PathWishes | undefined
  /** Makes a circuit, not yet started. */
  circuit(path: readonly PathRelay[], link: Link, events: PoolEvents): C
  /** The primary is another one now, or gone. */
  primaryChanged(): void
  /** A silent primary was replaced: it may recover and be used again, but what it carried shall not wait for it. */
  abandoned(circuit: C): void
  changed(): void
  readonly hops: Hops
  /** Warm circuits kept beside the primary, 1 or 2 (requirement C-05). */
  readonly standbys?: number
}

export type PoolProblem = 'no-relay' | 'no-exit' | 'no-circuit'
