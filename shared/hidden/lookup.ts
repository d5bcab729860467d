import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { IpAddress } from '../bytes/address.ts'
import { concat, toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { NETWORK_BITS, networkOf } from '../path/relay.ts'

const LOOKUP_TAG = 'tribler anonymous download'
const PLACE_TAG = utf8ToBytes('culvert hidden')

/** What a relay's place among others follows from: its own signed word alone, so that everybody finds the same. */
export interface ListedRelay {
  readonly publicKey: PublicKey
  readonly address?: IpAddress | undefined
  /** Its second UDP address, if it has two. */
  readonly address6?: IpAddress | undefined
  /** Operator family, in hex; empty or absent for none. */
  readonly family?: string
}

/**
 * The name under which a hidden swarm is looked up, 20 bytes: SHA-1 of a tag and the info hash in hex, as Tribler has it.
 * Relays see this and not the info hash; who knows the info hash can compute it.
 */
export function lookupKey(infoHash: Uint8Array): Uint8Array {
  return sha1(utf8ToBytes(LOOKUP_TAG + toHex(infoHash)))
}

/**
 * The `count` relays whose ids are nearest (XOR) to the swarm's place, SHA-1 of "culvert hidden" and the lookup key: first the nearest
 * of each network (/16, /32) and family, then, where these are too few, the next of each, and so on. Seeder and downloader who hold
 * roughly the same directory come to the same relays without having spoken to anybody.
 * @param serves which of them count; those that do not keep their place, so that no neighbour of theirs moves up to it
 */
export function nearestRelays<R extends ListedRelay>(
  key: Uint8Array,
  relays: readonly R[],
  count: number,
  serves: (relay: R) => boolean = () => true,
): R[] {
  const place = sha1(concat(PLACE_TAG, key))
  const sorted = [...relays].sort((a, b) => compareDistance(place, a.publicKey.mid, b.publicKey.mid))
  const nearest: R[] = []
  for (const relay of inRounds(sorted)) {
    if (nearest.length >= count) break
    if (serves(relay)) nearest.push(relay)
  }
  return nearest
}

/** In each round the first of every owner that is left. */
function* inRounds<R extends ListedRelay>(relays: readonly R[]): Generator<R> {
  for (let left = relays; left.length > 0; ) {
    const met = new Set<string>()
    const later: R[] = []
    for (const relay of left) {
      const owners = ownersOf(relay)
      if (owners.some((owner) => met.has(owner))) {
        later.push(relay)
        continue
      }
      for (const owner of owners) met.add(owner)
      yield relay
    }
    left = later
  }
}

/** Whose it is as far as that shows: the networks of its addresses, and its family. */
function ownersOf({ address, address6, family }: ListedRelay): string[] {
  const networks = [address, address6].flatMap((each) => (each ? networkOf(each, NETWORK_BITS) : []))
  return family ? [...networks, `family ${family}`] : networks
}

function compareDistance(place: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < place.length; i++) {
    const at = place[i] as number
    const difference = (at ^ (a[i] as number)) - (at ^ (b[i] as number))
    if (difference !== 0) return difference
  }
  return 0
}
