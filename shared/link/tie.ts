import type { PublicKey } from '../identity/keys.ts'
import type { NeighbourWire } from './neighbour-wire.ts'

/**
 * Which of two wires of one kind stays: the same at both ends. The newer, if one side opened both or the older has stood for
 * long: whoever dials again knows that the old one is worth replacing. If both sides dialled at about the same time, the one
 * that the side with the smaller key dialled.
 */
export function survivor(
  older: NeighbourWire,
  newer: NeighbourWire,
  of: { readonly self: PublicKey; readonly neighbour: PublicKey; readonly tieMs: number },
): NeighbourWire {
  if (older.wire.initiated === newer.wire.initiated) return newer
  if (newer.openedMs - older.openedMs > of.tieMs) return newer
  const oursStays = isSmaller(of.self.bytes, of.neighbour.bytes)
  return older.wire.initiated === oursStays ? older : newer
}

function isSmaller(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at >= 0 && (a[at] as number) < (b[at] as number)
}
