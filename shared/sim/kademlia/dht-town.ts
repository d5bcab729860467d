import { KADEMLIA_DEFAULTS, type KademliaSettings } from '../../kademlia/constants.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { DhtNodes } from './dht-nodes.ts'
import { DhtWires } from './dht-wires.ts'

/** What a simulated DHT is made of. */
export interface DhtTownOptions {
  /** Honest nodes. */
  readonly nodes: number
  readonly seed: number
  /** Share of datagrams lost. */
  readonly loss?: number
  /** Share of nodes that leave within an hour, and come anew; none until everybody has joined. */
  readonly churnPerHour?: number
  readonly settings?: Partial<KademliaSettings>
  /** Before anything is measured; 20 minutes, in which each table has been refreshed. */
  readonly settlingMs?: number
  /** Whether they have been together for long when it begins, rather than join one after the other: for very many. */
  readonly filled?: boolean
}

export interface DhtTown {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly wires: DhtWires
  readonly nodes: DhtNodes
}

const LOSS = 0.01
const CHURN_PER_HOUR = 0.3
const LEAST_ROUTERS = 8
const NODES_PER_ROUTER = 500
/** Everybody has joined after so many seconds, or sooner. */
const JOINING_SECONDS = 300
const LEAST_JOINING_PER_SECOND = 10
/** What a table needs to be filled by its refreshes. */
const SETTLING_MS = 20 * 60_000

/** A DHT in which all have joined and found each other, and from now on some leave. */
export function settledTown(options: DhtTownOptions, progress?: (minutes: number) => void): DhtTown {
  const clock = new VirtualClock()
  const random = new SeededRandom(options.seed)
  const wires = new DhtWires({ clock, random, loss: options.loss ?? LOSS })
  const nodes = new DhtNodes({
    clock,
    random,
    wires,
    routers: Math.max(LEAST_ROUTERS, Math.ceil(options.nodes / NODES_PER_ROUTER)),
    churnPerHour: options.churnPerHour ?? CHURN_PER_HOUR,
    ...(options.settings && { settings: options.settings }),
  })
  if (options.filled) nodes.populate(options.nodes - nodes.size, KADEMLIA_DEFAULTS.refreshMs)
  const perSecond = Math.max(LEAST_JOINING_PER_SECOND, options.nodes / JOINING_SECONDS)
  while (nodes.size < options.nodes) {
    for (let i = 0; i < perSecond && nodes.size < options.nodes; i++) nodes.join()
    clock.advance(1000)
  }
  nodes.churn()
  for (
    const end = clock.now() + (options.settlingMs ?? SETTLING_MS);
    clock.now() < end;
    clock.advance(60_000)
  ) {
    progress?.(Math.round(clock.now() / 60_000))
  }
  return { clock, random, wires, nodes }
}
