import type { IpAddress } from '../bytes/address.ts'
import { formatIpv4 } from '../bytes/address.ts'
import { VIRTUAL_PORT } from './constants.ts'
import type { HiddenCircuit } from './hidden-circuit.ts'

export interface HiddenPeerEvents {
  /** An end-to-end circuit stands. */
  opened(peer: HiddenPeer): void
  /** Best effort, as UDP is. `data` is the receiver's to keep. */
  datagram(peer: HiddenPeer, data: Uint8Array): void
  /** The last event of a peer that was opened. */
  closed(peer: HiddenPeer): void
}

/** The other end of an end-to-end circuit: somebody of the same swarm, nobody knows where. */
export class HiddenPeer {
  /**
   * What stands for the peer where an address is needed: 240 and three bytes of the circuit's id, port 1024. Tribler takes the
   * whole id; 240.0.0.0/4 is nobody's (RFC 1112 §4), so it cannot be mistaken for a peer of the ordinary swarm.
   */
  readonly address: IpAddress
  readonly role: 'seeder' | 'downloader'
  private readonly circuit: HiddenCircuit

  constructor(circuit: HiddenCircuit, role: 'seeder' | 'downloader') {
    const { id } = circuit
    const host = formatIpv4(Uint8Array.of(240, id >>> 16, id >>> 8, id))
    this.address = { kind: 'ipv4', host, port: VIRTUAL_PORT }
    this.role = role
    this.circuit = circuit
  }

  /** At most 1,332 bytes; false, and counted, if it does not fit or the circuit is gone. */
  send(data: Uint8Array): boolean {
    return this.circuit.sendDatagram(this.address, data)
  }

  close(): void {
    this.circuit.close()
  }
}

/** Whether an address stands for a hidden peer. */
export function isVirtualHost(host: string): boolean {
  return /^240\.\d+\.\d+\.\d+$/.test(host)
}
