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
}

/**
 * Neighbours for owners that let each hop choose the next: relays of the directory and peers of the walk. The router
 * offers those that it may extend to.
 */
export function candidatesOf(peers: readonly WalkedPeer[], directory: Directory, random: Random): Candidates {
  const relays: Candidate[] = []
  const exits: Candidate[] = []
  const seen = new Set<string>()
  const offer = (candidate: Candidate, flags: number) => {
    const key = formatAddress(candidate.address)
    if (seen.has(key) || (flags & FLAG_RELAY) === 0) return
    seen.add(key)
    if (flags & FLAG_EXIT_BITTORRENT) exits.push(candidate)
    else relays.push(candidate)
  }
  for (const { publicKey, address, flags } of peers) offer({ publicKey, address }, flags)
  for (const { descriptor } of directory.list()) {
    const { publicKey, udp, flags } = descriptor
    if (udp) offer({ publicKey, address: udp }, flags)
  }
  return { relays: shuffled(random, relays), exits: shuffled(random, exits) }
}
