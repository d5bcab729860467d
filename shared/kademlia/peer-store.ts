import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { type Random, shuffled } from '../world/random.ts'
import type { Family } from './api.ts'
import type { KademliaSettings } from './constants.ts'
import { NearMap } from './near-map.ts'
import { countedNetworkOf } from './place.ts'

interface StoredPeer {
  readonly address: IpAddress
  readonly untilMs: number
}

type Swarm = Map<string, StoredPeer>

/** Peers that others announced here (BEP 5), each for a while: bounded for an info hash, of one network there, and in all. */
export class PeerStore {
  private readonly settings: KademliaSettings
  private readonly swarms: NearMap<Swarm>
  /** How many of them each network has. */
  private readonly perNetwork = new Map<string, number>()
  /** Peers in all. */
  size = 0

  constructor(settings: KademliaSettings) {
    this.settings = settings
    this.swarms = new NearMap(settings.infoHashes)
  }

  get infoHashes(): number {
    return this.swarms.size
  }

  /** @param near our node id: what is far from it goes first @returns whether it is kept */
  add(infoHash: Uint8Array, address: IpAddress, near: Uint8Array, now: number): boolean {
    const { peers, peersPerInfoHash, peerMs } = this.settings
    const known = this.swarms.get(infoHash)
    const key = formatAddress(address)
    const renewed = known?.get(key)
    if (known && renewed) this.forget(known, key, renewed)
    else if (this.size >= peers || this.isFullOf(known, address)) return false
    const swarm: Swarm = known ?? new Map()
    swarm.set(key, { address, untilMs: now + peerMs })
    this.count(address, 1)
    if (swarm.size > peersPerInfoHash) this.forgetOldest(swarm)
    if (known) return true
    const gone = this.swarms.set(infoHash, swarm, near)
    for (const peer of gone?.values() ?? []) this.count(peer.address, -1)
    return gone !== swarm
  }

  /** Up to `count` peers of that family, by chance if there are more, so that no few of them get all the traffic. */
  some(infoHash: Uint8Array, family: Family, count: number, now: number, random: Random): IpAddress[] {
    const swarm = this.swarms.get(infoHash)
    if (!swarm) return []
    const live = [...swarm.values()].filter(
      ({ address, untilMs }) => address.kind === family && untilMs > now,
    )
    return (live.length > count ? shuffled(random, live).slice(0, count) : live).map(({ address }) => address)
  }

  /** Up to `count` info hashes that have peers, by chance (BEP 51). */
  sample(count: number, random: Random): Uint8Array[] {
    return shuffled(random, this.swarms.targets()).slice(0, count)
  }

  expire(now: number): void {
    for (const swarm of this.swarms.values()) {
      for (const [key, peer] of swarm) {
        // Renewed ones are at the end, so the first that is live ends the search.
        if (peer.untilMs > now) break
        this.forget(swarm, key, peer)
      }
    }
    this.swarms.prune((swarm) => swarm.size === 0)
  }

  private isFullOf(swarm: Swarm | undefined, address: IpAddress): boolean {
    const network = countedNetworkOf(address)
    if (network === undefined) return false
    const { peersPerNetwork, peersPerNetworkInAll } = this.settings
    if ((this.perNetwork.get(network) ?? 0) >= peersPerNetworkInAll) return true
    let count = 0
    for (const peer of swarm?.values() ?? []) if (countedNetworkOf(peer.address) === network) count++
    return count >= peersPerNetwork
  }

  private forgetOldest(swarm: Swarm): void {
    const [oldest] = swarm
    if (oldest) this.forget(swarm, ...oldest)
  }

  private forget(swarm: Swarm, key: string, { address }: StoredPeer): void {
    swarm.delete(key)
    this.count(address, -1)
  }

  private count(address: IpAddress, change: 1 | -1): void {
    this.size += change
    const network = countedNetworkOf(address)
    if (network === undefined) return
    const left = (this.perNetwork.get(network) ?? 0) + change
    if (left > 0) this.perNetwork.set(network, left)
    else this.perNetwork.delete(network)
  }
}
