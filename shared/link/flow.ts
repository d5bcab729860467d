import { Codel, type CodelOptions } from './codel.ts'
import { NO_SLOT } from './packet-slots.ts'

/** One circuit's packets in a fair queue, oldest first, and its places in the lists of turns and of lengths. */
export class Flow {
  key = 0
  /** Oldest and newest packet's slots. */
  head = NO_SLOT
  tail = NO_SLOT
  packets = 0
  bytes = 0
  /** Bytes and PACKET_OVERHEAD_BYTES a packet: what the bounds are about. */
  cost = 0

  /** Bytes that it may still send in this turn. */
  deficit = 0
  /** Whether it stands in the list of turns of fresh flows, which go before the others. */
  fresh = false
  waiting = false
  nextTurn: Flow | undefined

  /** Its cost's class, or 0 if it has no packets; see LongestFlows. */
  costClass = 0
  before: Flow | undefined
  behind: Flow | undefined

  readonly codel: Codel | undefined

  constructor(codel: CodelOptions | undefined) {
    this.codel = codel && new Codel(codel)
  }
}

/** Flows that wait for their turn, first come first served. */
export class Turns {
  first: Flow | undefined
  private last: Flow | undefined

  append(flow: Flow): void {
    flow.nextTurn = undefined
    if (this.last) this.last.nextTurn = flow
    else this.first = flow
    this.last = flow
  }

  /** Takes the first away. */
  shift(): void {
    this.first = this.first?.nextTurn
    if (!this.first) this.last = undefined
  }
}

/**
 * Finds a longest flow in constant time, to within a factor of two: flows are listed by the number of bits of their cost, and
 * a bitmap tells which lists are occupied. RFC 8290 §4.1 searches all flows instead.
 */
export class LongestFlows {
  private readonly lists: (Flow | undefined)[] = new Array<Flow | undefined>(32).fill(undefined)
  private occupied = 0

  /** Lists `flow` by its cost as it is now. */
  update(flow: Flow): void {
    const costClass = 32 - Math.clz32(flow.cost)
    if (costClass === flow.costClass) return
    this.remove(flow)
    if (costClass === 0) return
    flow.costClass = costClass
    const next = this.lists[costClass]
    flow.behind = next
    if (next) next.before = flow
    this.lists[costClass] = flow
    this.occupied |= 1 << costClass
  }

  get longest(): Flow | undefined {
    return this.lists[31 - Math.clz32(this.occupied)]
  }

  private remove(flow: Flow): void {
    const { costClass, before, behind } = flow
    if (costClass === 0) return
    if (before) before.behind = behind
    else this.lists[costClass] = behind
    if (behind) behind.before = before
    if (!this.lists[costClass]) this.occupied &= ~(1 << costClass)
    flow.before = undefined
    flow.behind = undefined
    flow.costClass = 0
  }
}
