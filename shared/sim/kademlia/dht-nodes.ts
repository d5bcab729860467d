import type { KademliaSettings } from '../../kademlia/constants.ts'
import { compareDistance } from '../../kademlia/distance.ts'
import { Kademlia } from '../../kademlia/kademlia.ts'
import type { Clock } from '../../world/clock.ts'
import { Counters } from '../../world/counters.ts'
import { below, fraction, pick } from '../../world/random.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { DhtPlace, DhtWires } from './dht-wires.ts'
import { fillTables } from './filled-tables.ts'

const HOUR_MS = 3_600_000
/** So many of its routers a node begins from. */
const ROUTERS_EACH = 3
/** When those came who are there from the beginning. */
const LONG_AGO_MS = -HOUR_MS

export interface DhtNodesOptions {
  readonly clock: Clock
  readonly random: SeededRandom
  readonly wires: DhtWires
  /** Nodes that stay, which others begin from. */
  readonly routers: number
  /** Share of the others that leave within an hour; as many come anew. */
  readonly churnPerHour: number
  readonly settings?: Partial<KademliaSettings>
}

/** A node that runs the machine as the relay does. */
export interface HonestNode {
  readonly place: DhtPlace
  readonly machine: Kademlia
  readonly id: Uint8Array
  readonly sinceMs: number
}

/** The honest nodes of a simulated DHT, that come and go. */
export class DhtNodes {
  /** What all machines counted, together. */
  readonly counters = new Counters()
  private readonly options: DhtNodesOptions
  private readonly routers: HonestNode[] = []
  private readonly others: HonestNode[] = []
  private readonly byHost = new Map<string, HonestNode>()
  private churning = false

  constructor(options: DhtNodesOptions) {
    this.options = options
    for (let i = 0; i < options.routers; i++) this.routers.push(this.make())
    for (const router of this.routers) {
      router.machine.start(this.routers.filter((each) => each !== router).map(({ place }) => place.address))
    }
  }

  get all(): readonly HonestNode[] {
    return [...this.routers, ...this.others]
  }

  get size(): number {
    return this.routers.length + this.others.length
  }

  /** One more, that begins from some of the routers. */
  join(): HonestNode {
    const { random } = this.options
    const node = this.make()
    const start = below(random, this.routers.length)
    const few = [...this.routers, ...this.routers].slice(start, start + ROUTERS_EACH)
    node.machine.start(few.map(({ place }) => place.address))
    this.others.push(node)
    return node
  }

  /**
   * So many at once, that have known each other for long: their tables hold also some of those that have left meanwhile, as many as
   * leave until it is noticed (on average half of `withinMs`).
   */
  populate(count: number, withinMs: number): void {
    const { clock, random, wires, churnPerHour } = this.options
    const gone = Math.round((count * churnPerHour * withinMs) / (2 * HOUR_MS))
    while (this.others.length < count + gone) this.others.push(this.make(LONG_AGO_MS))
    fillTables(this.all, random, clock.now(), withinMs)
    for (const { place } of this.others.splice(count)) {
      this.byHost.delete(place.address.host)
      wires.remove(place)
    }
    for (const { machine } of this.others) machine.start([])
  }

  /** From now on nodes leave at random, without a word, and others come. */
  churn(): void {
    if (this.churning) return
    this.churning = true
    this.nextChange()
  }

  /** One that has been here for at least so long, if any is. */
  anyone(atLeastMs: number): HonestNode | undefined {
    const { clock, random } = this.options
    for (let tries = 0; tries < 100; tries++) {
      const node = pick(random, this.others)
      if (node && clock.now() - node.sinceMs >= atLeastMs) return node
    }
    return undefined
  }

  /** The honest node at an address now. */
  at(host: string): HonestNode | undefined {
    return this.byHost.get(host)
  }

  isHere(node: HonestNode): boolean {
    return node.place.receive !== undefined
  }

  /** The `count` nodes truly closest to the target, of those that pass. */
  closest(target: Uint8Array, count: number, passes: (node: HonestNode) => boolean): HonestNode[] {
    const closest: HonestNode[] = []
    for (const list of [this.routers, this.others]) {
      for (const node of list) {
        const { id } = node
        const last = closest[count - 1]
        if ((last && compareDistance(target, id, last.id) >= 0) || !passes(node)) continue
        const at = closest.findIndex((other) => compareDistance(target, id, other.id) < 0)
        closest.splice(at < 0 ? closest.length : at, 0, node)
        closest.length = Math.min(closest.length, count)
      }
    }
    return closest
  }

  /** All of them, closest to the target first. */
  byDistance(target: Uint8Array): HonestNode[] {
    return [...this.all].sort((a, b) => compareDistance(target, a.id, b.id))
  }

  private make(sinceMs = this.options.clock.now()): HonestNode {
    const { clock, random, wires, settings } = this.options
    const place = wires.add()
    const machine = new Kademlia({
      clock,
      random,
      counters: this.counters,
      families: ['ipv4'],
      send: (to, datagram) => wires.send(place, to, datagram),
      mayReach: () => true,
      ...(settings && { settings }),
    })
    machine.setOwnAddress(place.address)
    place.receive = (from, datagram) => machine.receive(from, datagram)
    const node = { place, machine, id: machine.status().nodeId, sinceMs }
    this.byHost.set(place.address.host, node)
    return node
  }

  private nextChange(): void {
    const { clock, random, churnPerHour } = this.options
    const meanMs = HOUR_MS / Math.max(churnPerHour * this.others.length, 1e-9)
    clock.after(-Math.log(1 - fraction(random)) * meanMs, () => {
      const at = below(random, this.others.length)
      const leaving = this.others[at] as HonestNode
      this.others[at] = this.others.at(-1) as HonestNode
      this.others.pop()
      leaving.machine.stop()
      this.byHost.delete(leaving.place.address.host)
      this.options.wires.remove(leaving.place)
      this.join()
      this.nextChange()
    })
  }
}
