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
  /** Which one it is since the start, from 1: a name that says nothing. */
  readonly number: number
  readonly neighbour: Neighbour
  /** What is known of it; undefined of a page or a stranger. */
  target: KeeperTarget | undefined
  /** It came by the gateway, and nobody knows its key. */
  isPage: boolean
  /** The attempt that is under way. */
  reach: Reach | undefined
  /** Whether it ever had a wire. */
  wasOpen = false

  constructor(neighbour: Neighbour, number: number, target: KeeperTarget | undefined, isPage: boolean) {
    this.key = toHex(neighbour.publicKey.mid)
    this.neighbour = neighbour
    this.number = number
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
      number: this.number,
      priority: this.priority,
      ...(withAddresses && { id: this.key }),
    }
  }
}

/** The better first: by priority, then by how fast it answers, those without a wire last. */
export function better(a: KeptLink, b: KeptLink): number {
  const latency = ({ neighbour }: KeptLink) => neighbour.latencyMs ?? Number.MAX_SAFE_INTEGER
  return b.priority - a.priority || latency(a) - latency(b)
}
