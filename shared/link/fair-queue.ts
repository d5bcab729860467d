import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { CodelOptions } from './codel.ts'
import {
  BULK_BURST_BYTES,
  BULK_SHARE,
  CODEL,
  CONTROL_BURST_BYTES,
  CONTROL_SHARE,
  PACKET_OVERHEAD_BYTES,
  QUANTUM_BYTES,
  QUEUE_LIMITS,
} from './constants.ts'
import { Flow, LongestFlows, Turns } from './flow.ts'
import { NO_SLOT, PacketSlots } from './packet-slots.ts'

/** Bounds in bytes count PACKET_OVERHEAD_BYTES for each packet besides its own. */
export interface FairQueueLimits {
  readonly bytes: number
  /** Of one flow. */
  readonly flowBytes: number
  /** Of flow 0. */
  readonly controlBytes: number
  /** Flows told apart; those beyond share one place. */
  readonly flows: number
}

export interface FairQueueOptions {
  readonly clock: Clock
  /** `queue-dropped-full`, `queue-dropped-late`, `queue-flows-shared`. */
  readonly counters: Counters
  readonly limits?: FairQueueLimits
  readonly codel?: CodelOptions | 'off'
}

/** The flow of control traffic. */
export const CONTROL_FLOW = 0
/** What has time: cover traffic, the directory's exchange, packets passed on for others. No circuit has this number. */
export const BULK_FLOW = -1

/**
 * A bounded queue that is fair among circuits, in the style of FQ-CoDel (RFC 8290): turns of QUANTUM_BYTES by deficit
 * round robin, flows that just began to send before the others, the oldest packet of a longest flow dropped when full, and
 * CoDel within each flow. Three classes (L-08): control, flow 0, goes before all while it keeps to its share; BULK_FLOW goes
 * after all, but has a share that nobody takes from it. Packets of one flow stay in order.
 * Every operation is O(1), amortised over the packets that were pushed.
 */
export class FairQueue<Packet extends { readonly length: number } = Uint8Array> {
  /** Packets queued, and their bytes. */
  packets = 0
  bytes = 0
  /** Packets dropped since the start. */
  dropped = 0
  /** Set where a limit on the rate holds back everything but control. */
  controlOnly = false

  private readonly clock: Clock
  private readonly counters: Counters
  private readonly limits: FairQueueLimits
  private readonly codel: CodelOptions | undefined
  private readonly slots = new PacketSlots<Packet>()
  private readonly flows = new Map<number, Flow>()
  private readonly unusedFlows: Flow[] = []
  private readonly control = new Flow(undefined)
  private readonly bulk: Flow
  private readonly shared: Flow
  private readonly freshTurns = new Turns()
  private readonly turns = new Turns()
  private readonly lengths = new LongestFlows()
  private cost = 0
  private controlCredit = CONTROL_BURST_BYTES
  private bulkCredit = 0

  constructor(options: FairQueueOptions) {
    this.clock = options.clock
    this.counters = options.counters
    this.limits = options.limits ?? QUEUE_LIMITS
    this.codel = options.codel === 'off' ? undefined : (options.codel ?? CODEL)
    this.bulk = new Flow(this.codel)
    this.shared = new Flow(this.codel)
  }

  /** Bytes that wait of a flow; 0 of one that shares its place with others. */
  bytesOf(key: number): number {
    return this.flows.get(key)?.bytes ?? 0
  }

  /** Takes a packet, and drops what then is too much: of its own flow if that is over its bound, else of a longest one. */
  push(packet: Packet, key: number): void {
    const bound = key === CONTROL_FLOW ? this.limits.controlBytes : this.limits.flowBytes
    if (packet.length + PACKET_OVERHEAD_BYTES > Math.min(bound, this.limits.bytes)) {
      this.countDrop('queue-dropped-full')
      return
    }
    const flow = key === CONTROL_FLOW ? this.control : key === BULK_FLOW ? this.bulk : this.flowOf(key)
    const slot = this.slots.put(packet, this.clock.now())
    if (flow.tail === NO_SLOT) flow.head = slot
    else this.slots.chain(flow.tail, slot)
    flow.tail = slot
    this.account(flow, packet.length, 1)
    if (this.takesTurns(flow) && !flow.waiting) this.begin(flow)
    while (flow.cost > bound) this.drop(flow, 'queue-dropped-full')
    while (this.cost > this.limits.bytes) this.drop(this.longest, 'queue-dropped-full')
  }

  /**
   * The next packet, or undefined if there is none, or if the next is longer than `room` bytes: it then stays the next, unless
   * it is dropped meanwhile. With `controlOnly` packets of control only.
   */
  pop(room = Number.POSITIVE_INFINITY): Packet | undefined {
    const flow = this.nextClass()
    const packet = flow && this.take(flow, room)
    if (!flow || !packet) return undefined
    if (flow === this.control) {
      this.controlCredit = Math.max(this.controlCredit - packet.length, -CONTROL_BURST_BYTES)
    } else {
      flow.deficit -= packet.length
      this.controlCredit = Math.min(this.controlCredit + packet.length * CONTROL_SHARE, CONTROL_BURST_BYTES)
    }
    if (flow === this.bulk) this.bulkCredit = Math.max(this.bulkCredit - packet.length, 0)
    else this.bulkCredit = Math.min(this.bulkCredit + packet.length * BULK_SHARE, BULK_BURST_BYTES)
    return packet
  }

  /** Whether there is a packet to be had. */
  get ready(): boolean {
    return (this.controlOnly ? this.control.packets : this.packets) > 0
  }

  /** Drops everything, uncounted: the link is closed. */
  clear(): void {
    for (const flow of [this.control, this.bulk, this.shared, ...this.flows.values()]) {
      while (flow.packets > 0) this.release(flow)
    }
    this.nextFlow()
  }

  /** Control within its share, bulk that is due its own, then the flows in turn, then whoever is left. */
  private nextClass(): Flow | undefined {
    const { control, bulk } = this
    if (control.packets > 0) {
      const alone = this.packets === control.packets + bulk.packets
      if (this.controlOnly || alone || this.controlCredit > 0) return control
    }
    if (this.controlOnly) return undefined
    if (bulk.packets > 0 && this.bulkCredit >= BULK_BURST_BYTES && this.dropLate(bulk)) return bulk
    return this.nextFlow() ?? (this.dropLate(bulk) ? bulk : undefined)
  }

  /** The flow whose turn it is, with a packet at its head that is not late. */
  private nextFlow(): Flow | undefined {
    for (;;) {
      const turns = this.freshTurns.first ? this.freshTurns : this.turns
      const flow = turns.first
      if (!flow) return this.control.packets > 0 ? this.control : undefined
      if (flow.deficit <= 0) {
        flow.deficit += QUANTUM_BYTES
        turns.shift()
        this.rejoin(flow)
      } else if (this.dropLate(flow)) {
        return flow
      } else {
        turns.shift()
        // A fresh flow that ran empty must see one round of the others before it is fresh again (RFC 8290 §4.2).
        if (flow.fresh) this.rejoin(flow)
        else this.end(flow)
      }
    }
  }

  /** Drops packets at the head that waited in a standing queue. Says whether any packet is left. */
  private dropLate(flow: Flow): boolean {
    const { codel } = flow
    if (codel && flow.packets > 0) {
      const now = this.clock.now()
      while (flow.packets > 0) {
        // A single packet is no queue, however large: a jumbo cell is ten quanta.
        const standing = flow.packets > 1 ? flow.bytes : 0
        if (!codel.shouldDrop(now - this.slots.queuedAt(flow.head), standing, now)) break
        this.drop(flow, 'queue-dropped-late')
      }
    }
    if (flow.packets > 0) return true
    codel?.idle()
    return false
  }

  private take(flow: Flow, room: number): Packet | undefined {
    return this.slots.packet(flow.head).length > room ? undefined : this.release(flow)
  }

  private drop(flow: Flow, reason: string): void {
    this.release(flow)
    this.countDrop(reason)
  }

  private countDrop(reason: string): void {
    this.dropped++
    this.counters.add(reason)
  }

  /** Whose packets are dropped where all are too many: bulk's before others'. */
  private get longest(): Flow {
    return this.bulk.packets > 0 ? this.bulk : (this.lengths.longest ?? this.control)
  }

  private takesTurns(flow: Flow): boolean {
    return flow !== this.control && flow !== this.bulk
  }

  private release(flow: Flow): Packet {
    const slot = flow.head
    const packet = this.slots.packet(slot)
    flow.head = this.slots.after(slot)
    if (flow.head === NO_SLOT) flow.tail = NO_SLOT
    this.slots.release(slot)
    this.account(flow, packet.length, -1)
    return packet
  }

  private account(flow: Flow, length: number, sign: 1 | -1): void {
    const cost = sign * (length + PACKET_OVERHEAD_BYTES)
    this.packets += sign
    this.bytes += sign * length
    this.cost += cost
    flow.packets += sign
    flow.bytes += sign * length
    flow.cost += cost
    if (this.takesTurns(flow)) this.lengths.update(flow)
  }

  /** Flows beyond the bound share one place, and keep to it while it is in use, which keeps each of them in order. */
  private flowOf(key: number): Flow {
    const known = this.flows.get(key)
    if (known) return known
    if (this.shared.waiting || this.flows.size >= this.limits.flows) {
      this.counters.add('queue-flows-shared')
      return this.shared
    }
    const flow = this.unusedFlows.pop() ?? new Flow(this.codel)
    flow.key = key
    this.flows.set(key, flow)
    return flow
  }

  private begin(flow: Flow): void {
    flow.waiting = true
    flow.fresh = true
    flow.deficit = QUANTUM_BYTES
    this.freshTurns.append(flow)
  }

  private rejoin(flow: Flow): void {
    flow.fresh = false
    this.turns.append(flow)
  }

  private end(flow: Flow): void {
    flow.waiting = false
    if (flow === this.shared) return
    this.flows.delete(flow.key)
    flow.codel?.reset()
    this.unusedFlows.push(flow)
  }
}
