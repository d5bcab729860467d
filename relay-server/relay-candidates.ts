import { formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import type { Directory } from '../shared/directory/directory.ts'
import type { PublicKey } from '../shared/identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY } from '../shared/ipv8/constants.ts'
import type { Candidate, Candidates } from '../shared/onion/candidates.ts'
import { type Random, shuffled } from '../shared/world/random.ts'

interface WalkedPeer {
  readonly publicKey: PublicKey
  readonly address: IpAddress
  readonly flags: number
  /** (0, 1): see PeerRecord; one half for a peer that nothing is known of. */
  readonly successRate: number
}

/** Below this a peer has failed more often than it has answered. */
const RELIABLE_RATE = 0.5

/**
 * Neighbours for owners that let each hop choose the next: relays of the directory and peers of the walk, in an order of
 * chance, but unreliable peers behind all others (N-12). The router offers the first that it may extend to.
 */
export function candidatesOf(peers: readonly WalkedPeer[], directory: Directory, random: Random): Candidates {
  const reliable = { relays: [] as Candidate[], exits: [] as Candidate[] }
  const unreliable = { relays: [] as Candidate[], exits: [] as Candidate[] }
  const seen = new Set<string>()
  const offer = (candidate: Candidate, flags: number, list = reliable) => {
    const key = formatAddress(candidate.address)
    if (seen.has(key) || (flags & FLAG_RELAY) === 0) return
    seen.add(key)
    if (flags & FLAG_EXIT_BITTORRENT) list.exits.push(candidate)
    else list.relays.push(candidate)
  }
  for (const { publicKey, address, flags, successRate } of peers) {
    offer({ publicKey, address }, flags, successRate < RELIABLE_RATE ? unreliable : reliable)
  }
  for (const { descriptor } of directory.list()) {
    const { publicKey, udp, flags } = descriptor
    if (udp) offer({ publicKey, address: udp }, flags)
  }
  return {
    relays: [...shuffled(random, reliable.relays), ...shuffled(random, unreliable.relays)],
    exits: [...shuffled(random, reliable.exits), ...shuffled(random, unreliable.exits)],
  }
}
