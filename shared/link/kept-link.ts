import { toHex } from '../bytes/bytes.ts'
import type { LinkHealth } from './health.ts'
import { PRIORITIES } from './keeper-limits.ts'
import type { KeeperTarget, StatusOptions } from './keeper-options.ts'
import type { Reach } from './keeper-reach.ts'
import type { Neighbour } from './neighbour.ts'

/** One neighbour in the keeper's table. */
export class KeptLink {
  /** Its id in hex. */
  readonly key: string
  readonly neighbour: Neighbour
  /** What is known of it; undefined of a page or a stranger. */
  target: KeeperTarget | undefined
  /** It came by the gateway, and nobody knows its key. */
  isPage: boolean
  /** The attempt that is under way. */
  reach: Reach | undefined
  /** Whether it ever had a wire. */
  wasOpen = false

  constructor(key: string, neighbour: Neighbour, target: KeeperTarget | undefined, isPage: boolean) {
    this.key = key
    this.neighbour = neighbour
    this.target = target
    this.isPage = isPage
  }

  get priority(): number {
    return this.target?.priority ?? PRIORITIES.untrusted
  }

  /** Whether there is a wire. */
  get isLinked(): boolean {
    return this.neighbour.wires.length > 0
  }

  health({ withAddresses = false }: StatusOptions): LinkHealth {
    return {
      ...this.neighbour.health(withAddresses),
      priority: this.priority,
      ...(withAddresses && { id: toHex(this.neighbour.publicKey.mid) }),
    }
  }
}

/** The better first: by priority, then by how fast it answers, those without a wire last. */
export function better(a: KeptLink, b: KeptLink): number {
  const latency = ({ neighbour }: KeptLink) => neighbour.latencyMs ?? Number.MAX_SAFE_INTEGER
  return b.priority - a.priority || latency(a) - latency(b)
}
