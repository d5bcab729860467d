import { toHex } from '../bytes/bytes.ts'
import { decodePrefix } from '../bytes/codec.ts'
import { candidateList } from './candidates.ts'

/** The two parts of a list, as keys. */
export function parseCandidates(bytes: Uint8Array): { relays: Uint8Array[]; exits: Uint8Array[] } {
  const keys = decodePrefix(candidateList, bytes)
  const cut = keys.findIndex((key, i) => i > 0 && toHex(key) === toHex(keys[i - 1] as Uint8Array))
  return cut < 0 ? { relays: keys, exits: [] } : { relays: keys.slice(0, cut - 1), exits: keys.slice(cut) }
}
