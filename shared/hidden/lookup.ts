import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concat, toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'

const LOOKUP_TAG = 'tribler anonymous download'
const PLACE_TAG = utf8ToBytes('culvert hidden')

/**
 * The name under which a hidden swarm is looked up, 20 bytes: SHA-1 of a tag and the info hash in hex, as Tribler has it.
 * Relays see this and not the info hash; who knows the info hash can compute it.
 */
export function lookupKey(infoHash: Uint8Array): Uint8Array {
  return sha1(utf8ToBytes(LOOKUP_TAG + toHex(infoHash)))
}

/**
 * The `count` relays whose ids are nearest (XOR) to the swarm's place: SHA-1 of "culvert hidden" and the lookup key. Seeder and
 * downloader who hold roughly the same directory come to the same relays without having spoken to anybody.
 */
export function nearestRelays<R extends { readonly publicKey: PublicKey }>(
  key: Uint8Array,
  relays: readonly R[],
  count: number,
): R[] {
  const place = sha1(concat(PLACE_TAG, key))
  return [...relays].sort((a, b) => compareDistance(place, a.publicKey.mid, b.publicKey.mid)).slice(0, count)
}

function compareDistance(place: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < place.length; i++) {
    const at = place[i] as number
    const difference = (at ^ (a[i] as number)) - (at ^ (b[i] as number))
    if (difference !== 0) return difference
  }
  return 0
}
