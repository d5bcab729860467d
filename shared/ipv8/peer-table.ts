import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { networkOf } from './network-of.ts'

/** A peer that proved its key by a signature. Times are of the handed-in clock, in milliseconds. */
export interface Peer {
  readonly publicKey: PublicKey
  readonly address: IpAddress
  /** FLAG_...; 0 until an introduction told them. */
  readonly flags: number
  /** The last measured round trip; undefined until one is. */
  readonly rttMs: number | undefined
  readonly lastHeard: number
}

/** A peer as the machines of this room keep it. */
export interface KnownPeer extends Peer {
  address: IpAddress
  flags: number
  rttMs: number | undefined
  lastHeard: number
  /** The LAN address of its last introduction request. */
  lan: IpAddress | undefined
  /** Understands new-style introductions. */
  newStyle: boolean
  lastIntroduction: number
  /** Round trips measured. */
  roundTrips: number
  lastPing: number
}

export type Admission = KnownPeer | 'table-full' | 'network-full'

/** The peers of one community: few, proven, and few of one network. */
export class PeerTable {
  private readonly byKey = new Map<string, KnownPeer>()
  private readonly maxPeers: number
  private readonly maxPeersPerNetwork: number

  constructor(maxPeers: number, maxPeersPerNetwork: number) {
    this.maxPeers = maxPeers
    this.maxPeersPerNetwork = maxPeersPerNetwork
  }

  get size(): number {
    return this.byKey.size
  }

  get full(): boolean {
    return this.byKey.size >= this.maxPeers
  }

  list(): KnownPeer[] {
    return [...this.byKey.values()]
  }

  find(key: PublicKey): KnownPeer | undefined {
    return this.byKey.get(toHex(key.bytes))
  }

  at(address: IpAddress): KnownPeer | undefined {
    for (const peer of this.byKey.values()) if (sameAddress(peer.address, address)) return peer
    return undefined
  }

  /**
   * Enters a peer that has just proved its key, or renews it. A known peer keeps its address while that one was heard
   * from within `staleMs`, so that a replayed packet does not move it.
   */
  admit(key: PublicKey, address: IpAddress, nowMs: number, staleMs: number): Admission {
    const known = this.find(key)
    if (known) {
      if (sameAddress(known.address, address) || nowMs - known.lastHeard >= staleMs) {
        known.address = address
        known.lastHeard = nowMs
      }
      return known
    }
    if (this.full) return 'table-full'
    const network = networkOf(address)
    const neighbours = this.list().filter((peer) => networkOf(peer.address) === network).length
    if (neighbours >= this.maxPeersPerNetwork) return 'network-full'
    const peer: KnownPeer = {
      publicKey: key,
      address,
      flags: 0,
      rttMs: undefined,
      lastHeard: nowMs,
      lan: undefined,
      newStyle: false,
      lastIntroduction: nowMs,
      roundTrips: 0,
      lastPing: Number.NEGATIVE_INFINITY,
    }
    this.byKey.set(toHex(key.bytes), peer)
    return peer
  }

  remove(peer: Peer): void {
    this.byKey.delete(toHex(peer.publicKey.bytes))
  }
}
