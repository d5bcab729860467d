import type { Link } from '../link/link.ts'
import type { Counters } from '../world/counters.ts'
import { cellCircuitId, hasPrefix, isCell, packetType } from './cells.ts'
import type { Circuit } from './circuit.ts'
import { MESSAGE } from './constants.ts'
import { destroyCircuitId } from './destroy.ts'

/** Whose circuit a packet of this overlay is about: of a cell or a destroy. Undefined if it is neither, or malformed. */
export function circuitIdOf(packet: Uint8Array, prefix: Uint8Array): number | undefined {
  if (!hasPrefix(packet, prefix)) return undefined
  if (isCell(packet)) return cellCircuitId(packet)
  return packetType(packet) === MESSAGE.destroy ? destroyCircuitId(packet) : undefined
}

/** The circuits that a node owns, by link and id: a packet reaches a circuit over that circuit's own link alone. */
export class OwnedCircuits {
  private readonly prefix: Uint8Array
  private readonly counters: Counters
  private readonly links = new Map<Link, Map<number, Circuit>>()

  constructor(prefix: Uint8Array, counters: Counters) {
    this.prefix = prefix
    this.counters = counters
  }

  add(circuit: Circuit): void {
    let circuits = this.links.get(circuit.link)
    if (circuits === undefined) {
      circuits = new Map()
      this.links.set(circuit.link, circuits)
    }
    circuits.set(circuit.id, circuit)
  }

  /** To be called when a circuit has closed. */
  remove(circuit: Circuit): void {
    const circuits = this.links.get(circuit.link)
    if (circuits?.get(circuit.id) === circuit) circuits.delete(circuit.id)
    if (circuits?.size === 0) this.links.delete(circuit.link)
  }

  /** Takes a packet off a link. @returns whether it was for one of these circuits; if so it must not be used again */
  receive(link: Link, packet: Uint8Array): boolean {
    const id = circuitIdOf(packet, this.prefix)
    const circuit = id === undefined ? undefined : this.links.get(link)?.get(id)
    if (circuit === undefined) {
      this.counters.add('owner-unknown-circuit')
      return false
    }
    circuit.receive(packet)
    return true
  }

  /** Closes the circuits of a link that is gone. */
  linkClosed(link: Link): void {
    const circuits = this.links.get(link)
    this.links.delete(link)
    for (const circuit of circuits?.values() ?? []) circuit.linkClosed()
  }
}
