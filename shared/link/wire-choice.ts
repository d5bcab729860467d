import type { Clock } from '../world/clock.ts'
import type { NeighbourSettings } from './keeper-limits.ts'
import type { NeighbourWire } from './neighbour-wire.ts'

interface FlowPlace {
  wire: NeighbourWire
  usedMs: number
}

/** Where a packet is to go, and from where its flow came to there. */
export interface Choice {
  readonly wire: NeighbourWire
  /** The wire that the flow has just left although it lives: packets of the flow may be under way in it. */
  readonly left: NeighbourWire | undefined
}

/** More than any cost. */
const WORRY_COST = 1e9

/** A wire that lives is best; one that is about to retire still carries; one that does not answer perhaps. */
function worry({ silent, retirement }: NeighbourWire): number {
  return (silent ? 2 : 0) + (retirement ? 1 : 0)
}

function takes(wire: NeighbourWire, bytes: number): boolean {
  return wire.takesPackets && bytes <= wire.wire.link.mtu
}

/**
 * Which wire a flow goes over (L-05). A flow keeps to its wire while that lives, so that its packets stay in order; a new one,
 * or one whose wire is gone, silent or about to retire, goes where it meets the least (NeighbourWire.cost).
 */
export class WireChoice {
  private readonly clock: Clock
  private readonly settings: NeighbourSettings
  private readonly wires: () => readonly NeighbourWire[]
  private readonly places = new Map<number, FlowPlace>()

  constructor(options: { clock: Clock; settings: NeighbourSettings; wires: () => readonly NeighbourWire[] }) {
    this.clock = options.clock
    this.settings = options.settings
    this.wires = options.wires
  }

  /** @param bytes of the packet: not every wire takes every size */
  of(flow: number, bytes: number, nowMs: number): Choice | undefined {
    const place = this.places.get(flow)
    const fits = place !== undefined && takes(place.wire, bytes)
    if (fits && worry(place.wire) === 0) {
      place.usedMs = nowMs
      return { wire: place.wire, left: undefined }
    }
    const wire = this.best(bytes)
    if (wire === undefined) return undefined
    // From bad to as bad would only bring the flow out of order.
    if (fits && worry(place.wire) <= worry(wire)) {
      place.usedMs = nowMs
      return { wire: place.wire, left: undefined }
    }
    const left = place && !place.wire.closed ? place.wire : undefined
    // A packet too large for its flow's wire goes another way alone.
    if (left && worry(left) === 0) return { wire, left: undefined }
    this.keep(flow, wire, nowMs)
    return { wire, left }
  }

  /** The best wire for something new. @param bytes of it */
  best(bytes = 0): NeighbourWire | undefined {
    const nowMs = this.clock.now()
    let best: NeighbourWire | undefined
    let least = Number.POSITIVE_INFINITY
    for (const wire of this.wires()) {
      if (!takes(wire, bytes)) continue
      const cost = wire.cost(nowMs) + worry(wire) * WORRY_COST
      if (cost >= least) continue
      best = wire
      least = cost
    }
    return best
  }

  private keep(flow: number, wire: NeighbourWire, nowMs: number): void {
    this.forget(flow)
    if (this.places.size >= this.settings.flows) this.forgetUnused(nowMs)
    this.places.set(flow, { wire, usedMs: nowMs })
    wire.flows++
  }

  private forget(flow: number): void {
    const place = this.places.get(flow)
    if (place === undefined) return
    place.wire.flows--
    this.places.delete(flow)
  }

  private forgetUnused(nowMs: number): void {
    for (const [flow, { usedMs }] of this.places) {
      if (nowMs - usedMs >= this.settings.flowIdleMs) this.forget(flow)
    }
    for (const flow of this.places.keys()) {
      if (this.places.size < this.settings.flows) return
      this.forget(flow)
    }
  }
}
