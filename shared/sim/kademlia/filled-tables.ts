import { KADEMLIA_DEFAULTS } from '../../kademlia/constants.ts'
import { packed, packedPrefixBits } from '../../kademlia/packed-id.ts'
import { countedNetworkOf, machineOf } from '../../kademlia/place.ts'
import type { NodeIdentity } from '../../kademlia/table-node.ts'
import { below, fraction, type Random } from '../../world/random.ts'
import type { HonestNode } from './dht-nodes.ts'

/** Depth to which ids are told apart here: 2^32 nodes. */
const BITS = 32

/**
 * Gives nodes the tables that they would have after a long time together: of each distance as many as a bucket holds, by chance, and
 * all of those nearest. It is what joining and refreshing come to (Kademlia §2.4), for a small part of the work; each was heard of
 * at some time within the last `withinMs`.
 */
export function fillTables(
  nodes: readonly HonestNode[],
  random: Random,
  nowMs: number,
  withinMs: number,
): void {
  const sorted = nodes
    .map(({ id, place: { address } }): NodeIdentity => {
      const network = countedNetworkOf(address)
      return { key: packed(id), address, machine: machineOf(address), network, fits: true }
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  const heads = Float64Array.from(sorted, ({ key }) => headOf(key))
  const heard = () => nowMs - withinMs * fraction(random)
  for (const { id, machine } of nodes) {
    const known: NodeIdentity[] = []
    const key = packed(id)
    const head = headOf(key)
    for (let bits = 0; bits < BITS; bits++) {
      const span = 2 ** (BITS - 1 - bits)
      // Those that share exactly so many bits: the other half of the part of the ring that begins with them.
      const half = Math.floor(head / span)
      const from = (half % 2 === 0 ? half + 1 : half - 1) * span
      known.push(...some(sorted, indexOf(heads, from), indexOf(heads, from + span), random))
    }
    const others = known.filter((each) => packedPrefixBits(key, each.key) < 8 * id.length)
    machine.restore('ipv4', others, heard)
  }
}

/** The first 32 bits. */
function headOf(key: string): number {
  let head = 0
  for (let i = 0; i < BITS / 8; i++) head = 256 * head + key.charCodeAt(i)
  return head
}

/** Of the first that is not below. */
function indexOf(heads: Float64Array, least: number): number {
  let low = 0
  let high = heads.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((heads[middle] as number) < least) low = middle + 1
    else high = middle
  }
  return low
}

/** Up to a bucketful of `sorted[from, to)`, none twice. */
function some<T>(sorted: readonly T[], from: number, to: number, random: Random): T[] {
  if (to - from <= KADEMLIA_DEFAULTS.k) return sorted.slice(from, to)
  const taken = new Set<number>()
  while (taken.size < KADEMLIA_DEFAULTS.k) taken.add(from + below(random, to - from))
  return [...taken].map((i) => sorted[i] as T)
}
