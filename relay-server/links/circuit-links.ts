import { messageIdOf } from '../../shared/ipv8/packet.ts'
import type { Link } from '../../shared/link/link.ts'
import { cellCircuitId, isCell } from '../../shared/onion/cells.ts'
import { MESSAGE } from '../../shared/onion/constants.ts'
import { destroyCircuitId } from '../../shared/onion/destroy.ts'

/** The circuit that a packet of the overlay is about: a cell's, a destroy's. Undefined for every other packet. */
export function circuitIdOf(packet: Uint8Array, prefix: Uint8Array): number | undefined {
  const type = messageIdOf(packet, prefix)
  if (type === MESSAGE.cell) return isCell(packet) ? cellCircuitId(packet) : undefined
  return type === MESSAGE.destroy ? destroyCircuitId(packet) : undefined
}

/**
 * Of two links to one neighbour, the one that a circuit hangs on. A UDP address may have proved its key after circuits were
 * made over it, and may lose that proof on one side first; their cells go on all the same.
 * @param came the link that a packet came over
 * @param other the neighbour's other one, if there is one
 */
export function linkOfCircuit(
  knows: (link: Link, circuitId: number) => boolean,
  circuitId: number,
  came: Link,
  other: Link | undefined,
): Link {
  return other !== undefined && !knows(came, circuitId) && knows(other, circuitId) ? other : came
}
