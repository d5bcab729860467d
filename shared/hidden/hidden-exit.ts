import type { Address } from '../bytes/address.ts'
import type { ExitCircuit, ExitPort } from '../onion/exit-port.ts'
import type { Counters } from '../world/counters.ts'
import type { HiddenRelay } from './hidden-relay.ts'
import { packetId } from './packets.ts'

export interface HiddenExitOptions {
  readonly services: Pick<HiddenRelay, 'datagram'>
  readonly exit: ExitPort
  /** 00 02 and the community id. */
  readonly prefix: Uint8Array
  readonly counters: Counters
  /** This node is no exit: of what would leave it, only the packets of hidden swarms do, as at stock relays. */
  readonly packetsOnly: boolean
}

/** Stands in front of a node's exit: what a circuit sends to this node's own services does not leave it. */
export class HiddenExit implements ExitPort {
  private readonly options: HiddenExitOptions

  constructor(options: HiddenExitOptions) {
    this.options = options
  }

  datagram(circuit: ExitCircuit, destination: Address, data: Uint8Array): void {
    const { services, exit, prefix, packetsOnly, counters } = this.options
    if (services.datagram(circuit, destination, data)) return
    if (packetsOnly && packetId(prefix, data) === undefined) counters.add('exit-not-offered')
    else exit.datagram(circuit, destination, data)
  }

  stream(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void {
    this.options.exit.stream(circuit, destination, packet)
  }

  http(...request: Parameters<NonNullable<ExitPort['http']>>): void {
    this.options.exit.http?.(...request)
  }

  ended(circuit: ExitCircuit): void {
    this.options.exit.ended(circuit)
  }
}
