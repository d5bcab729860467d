import { type Address, formatAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import { Wire, type WireConditions } from './wire.ts'

/** A datagram socket of the simulated network. */
export interface SimulatedSocket {
  readonly address: Address
  send(to: Address, packet: Uint8Array): void
  close(): void
}

/**
 * Datagrams between addresses. Each ordered pair of addresses has a wire of its own, made when first used; what is sent to
 * an address where nobody listens is lost.
 */
export class SimulatedNetwork {
  private readonly clock: Clock
  private readonly random: Random
  private readonly conditions: (from: Address, to: Address) => WireConditions
  private readonly sockets = new Map<string, (from: Address, packet: Uint8Array) => void>()
  private readonly wires = new Map<string, Wire>()

  constructor(clock: Clock, random: Random, conditions: (from: Address, to: Address) => WireConditions) {
    this.clock = clock
    this.random = random
    this.conditions = conditions
  }

  /** Replaces whoever listened at `address` before. */
  bind(address: Address, onPacket: (from: Address, packet: Uint8Array) => void): SimulatedSocket {
    const key = formatAddress(address)
    this.sockets.set(key, onPacket)
    return {
      address,
      send: (to, packet) => this.wire(address, to).send(packet),
      close: () => {
        if (this.sockets.get(key) === onPacket) this.sockets.delete(key)
      },
    }
  }

  /** The wire from one address to another, e.g. to change its conditions. */
  wire(from: Address, to: Address): Wire {
    const target = formatAddress(to)
    const key = `${formatAddress(from)} ${target}`
    let wire = this.wires.get(key)
    if (wire === undefined) {
      wire = new Wire(this.clock, this.random, this.conditions(from, to), (packet) =>
        this.sockets.get(target)?.(from, packet),
      )
      this.wires.set(key, wire)
    }
    return wire
  }
}
