import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { CodelOptions } from './codel.ts'
import {
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

/**
 * A bounded queue that is fair among circuits, in the style of FQ-CoDel (RFC 8290): turns of QUANTUM_BYTES by deficit
 * round robin, flows that just began to send before the others, the oldest packet of a longest flow dropped when full, and
 * CoDel within each flow. Flow 0, control, goes before all while it keeps to its share. Packets of one flow stay in order.
 * Every operation is O(1), amortised over the packets that were pushed.
 */
export class FairQueue<Packet extends { readonly length: number } = Uint8Array> {
  /** Packets queued, and their bytes. */
  packets = 0
  bytes = 0
  /** Packets dropped since the start. */
  dropped = 0

  private readonly clock: Clock
  private readonly counters: Counters
  private readonly limits: FairQueueLimits
  private readonly codel: CodelOptions | undefined
  private readonly slots = new PacketSlots<Packet>()
  private readonly flows = new Map<number, Flow>()
  private readonly unusedFlows: Flow[] = []
  private readonly control = new Flow(undefined)
  private readonly shared: Flow
  private readonly freshTurns = new Turns()
  private readonly turns = new Turns()
  private readonly lengths = new LongestFlows()
  private cost = 0
  private controlCredit = CONTROL_BURST_BYTES

  constructor(options: FairQueueOptions) {
    this.clock = options.clock
    this.counters = options.counters
    this.limits = options.limits ?? QUEUE_LIMITS
    this.codel = options.codel === 'off' ? undefined : (options.codel ?? CODEL)
    this.shared = new Flow(this.codel)
  }

  /** Takes a packet, and drops what then is too much: of its own flow if that is over its bound, else of a longest one. */
  push(packet: Packet, key: number): void {
    const bound = key === CONTROL_FLOW ? this.limits.controlBytes : this.limits.flowBytes
    if (packet.length + PACKET_OVERHEAD_BYTES > Math.min(bound, this.limits.bytes)) {
      this.countDrop('queue-dropped-full')
      return
    }
    const flow = key === CONTROL_FLOW ? this.control : this.flowOf(key)
    const slot = this.slots.put(packet, this.clock.now())
    if (flow.tail === NO_SLOT) flow.head = slot
    else this.slots.chain(flow.tail, slot)
    flow.tail = slot
    this.account(flow, packet.length, 1)
    if (flow !== this.control && !flow.waiting) this.begin(flow)
    while (flow.cost > bound) this.drop(flow, 'queue-dropped-full')
    while (this.cost > this.limits.bytes)
      this.drop(this.lengths.longest ?? this.control, 'queue-dropped-full')
  }

  /**
   * The next packet, or undefined if there is none, or if the next is longer than `room` bytes: it then stays the next, unless
   * it is dropped meanwhile.
   */
  pop(room = Number.POSITIVE_INFINITY): Packet | undefined {
    if (this.control.packets > 0 && (this.controlCredit > 0 || this.packets === this.control.packets)) {
      const packet = this.take(this.control, room)
      if (packet) this.controlCredit = Math.max(this.controlCredit - packet.length, -CONTROL_BURST_BYTES)
      return packet
    }
    const flow = this.nextFlow()
    if (!flow) return undefined
    const packet = this.take(flow, room)
    if (packet) {
      flow.deficit -= packet.length
      this.controlCredit = Math.min(this.controlCredit + packet.length * CONTROL_SHARE, CONTROL_BURST_BYTES)
    }
    return packet
  }

  /** Drops everything, uncounted: the link is closed. */
  clear(): void {
    for (const flow of [this.control, this.shared, ...this.flows.values()]) {
      while (flow.packets > 0) this.release(flow)
    }
    this.nextFlow()
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
      while (flow.packets > 0 && codel.shouldDrop(now - this.slots.queuedAt(flow.head), flow.bytes, now)) {
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
    if (flow !== this.control) this.lengths.update(flow)
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
