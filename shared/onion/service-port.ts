import type { Link } from '../link/link.ts'
import type { RelayCircuit } from './relay-circuit.ts'

/**
 * What a router hands to the hidden services of its node: introduction point and rendezvous point (messages 9, 11, 13, 15,
 * 17). What these throw as CodecError is counted by the router.
 */
export interface ServicePort {
  /**
   * A message that came through a circuit that ends here and that the router does not know: `[at, end)` of the cell, its id
   * first. @returns whether it is one of theirs
   */
  message(circuit: RelayCircuit, id: number, cell: Uint8Array, at: number, end: number): boolean
  /** A packet of this overlay that came over a link in no cell: messages 13, 14, 17 and 18. */
  packet?(link: Link, packet: Uint8Array): void
  /** A circuit that they had a message of has ended. */
  ended(circuit: RelayCircuit): void
}
