import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { HandshakeState } from './handshake-state.ts'
import type { ConnectionType } from './introduction.ts'
import { networkOf } from './network-of.ts'
import { PeerRecord } from './peer-record.ts'

/** A peer that proved its key by a signature (N-12). Times are of the handed-in clock, in milliseconds. */
export interface Peer {
  readonly publicKey: PublicKey
  readonly address: IpAddress
  /** Every address that it was seen at, the latest last; at most four. */
  readonly addresses: readonly IpAddress[]
  /** FLAG_...; 0 until an introduction told them. */
  readonly flags: number
  /** The smoothed round trip; undefined until one is measured. */
  readonly rttMs: number | undefined
  /** Its mean deviation. */
  readonly rttVarianceMs: number | undefined
  readonly lastHeard: number
  /** (0, 1): see PeerRecord. */
  readonly successRate: number
  /** 0 to 1, higher is better: see PeerRecord. */
  readonly suitability: number
  readonly consecutiveFailures: number
  /** Of our last handshake with it; `none` if only it asked us. */
  readonly state: HandshakeState
}

const MAX_ADDRESSES = 4

/** A peer as the machines of this room keep it. */
export class KnownPeer implements Peer {
  readonly publicKey: PublicKey
  readonly record: PeerRecord
  address: IpAddress
  addresses: IpAddress[]
  flags = 0
  lastHeard: number
  readonly admittedMs: number
  /** The LAN address of its last introduction request. */
  lan: IpAddress | undefined
  /** Understands new-style introductions. */
  newStyle = false
  connectionType: ConnectionType = 'unknown'
  state: HandshakeState = 'none'
  /** Has answered something of ours: its address is no forgery. */
  proven = false
  lastIntroduction: number
  /** Round trips measured. */
  roundTrips = 0
  lastPing = Number.NEGATIVE_INFINITY
  /** An invalid message came from its address: it is to show by a pong that it is well. */
  suspectedMs = Number.NEGATIVE_INFINITY

  constructor(publicKey: PublicKey, address: IpAddress, nowMs: number, record: PeerRecord) {
    this.publicKey = publicKey
    this.address = address
    this.addresses = [address]
    this.lastHeard = nowMs
    this.admittedMs = nowMs
    this.lastIntroduction = nowMs
    this.record = record
  }

  get rttMs(): number | undefined {
    return this.record.rttMs
  }

  get rttVarianceMs(): number | undefined {
    return this.record.rttVarianceMs
  }

  get successRate(): number {
    return this.record.successRate
  }

  get suitability(): number {
    return this.record.suitability
  }

  get consecutiveFailures(): number {
    return this.record.consecutiveFailures
  }

  measured(rttMs: number): void {
    this.record.measured(rttMs)
    this.proven = true
    this.roundTrips++
  }

  seenAt(address: IpAddress): void {
    const others = this.addresses.filter((each) => !sameAddress(each, address))
    this.addresses = [...others, address].slice(-MAX_ADDRESSES)
    this.address = address
  }
}

export type Admission = KnownPeer | 'table-full' | 'network-full'

/** The peers of one community: few, proven, and few of one network. */
export class PeerTable {
  private readonly byKey = new Map<string, KnownPeer>()
  private readonly maxPeers: number
  private readonly maxPeersPerNetwork: number
  private readonly recordOf: (key: PublicKey) => PeerRecord

  constructor(maxPeers: number, maxPeersPerNetwork: number, recordOf = (_: PublicKey) => new PeerRecord()) {
    this.maxPeers = maxPeers
    this.maxPeersPerNetwork = maxPeersPerNetwork
    this.recordOf = recordOf
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
        known.seenAt(address)
        known.lastHeard = nowMs
      }
      return known
    }
    if (this.full) return 'table-full'
    const network = networkOf(address)
    const neighbours = this.list().filter((peer) => networkOf(peer.address) === network).length
    if (neighbours >= this.maxPeersPerNetwork) return 'network-full'
    const peer = new KnownPeer(key, address, nowMs, this.recordOf(key))
    this.byKey.set(toHex(key.bytes), peer)
    return peer
  }

  /** Somebody with this key has answered there: whoever was there under other keys is gone. */
  removeOthersAt(address: IpAddress, key: PublicKey): void {
    for (const peer of this.list()) {
      if (sameAddress(peer.address, address) && !peer.publicKey.equals(key)) this.remove(peer)
    }
  }

  remove(peer: Peer): void {
    this.byKey.delete(toHex(peer.publicKey.bytes))
  }
}
