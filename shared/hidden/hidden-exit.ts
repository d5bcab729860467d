import type { Address } from '../bytes/address.ts'
import type { ExitCircuit, ExitPort } from '../onion/exit-port.ts'
import type { HiddenRelay } from './hidden-relay.ts'

/** Stands in front of a node's exit: what a circuit sends to this node's own services does not leave it. */
export class HiddenExit implements ExitPort {
  private readonly services: Pick<HiddenRelay, 'datagram'>
  private readonly exit: ExitPort

  constructor(services: Pick<HiddenRelay, 'datagram'>, exit: ExitPort) {
    this.services = services
    this.exit = exit
  }

  datagram(circuit: ExitCircuit, destination: Address, data: Uint8Array): void {
    if (!this.services.datagram(circuit, destination, data)) this.exit.datagram(circuit, destination, data)
  }

  stream(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void {
    this.exit.stream(circuit, destination, packet)
  }

  ended(circuit: ExitCircuit): void {
    this.exit.ended(circuit)
  }
}
