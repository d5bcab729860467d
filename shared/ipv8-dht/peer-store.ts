import { equalBytes, toHex } from '../bytes/bytes.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { countedNetworkOf } from '../kademlia/place.ts'
import type { Clock } from '../world/clock.ts'
import type { DhtSettings } from './constants.ts'
import type { NodeContact } from './messages.ts'

interface StoredPeer {
  readonly node: NodeContact
  readonly heardMs: number
}

/** Peers that had themselves stored here under their mids, so that others behind NATs meet them; each as long as it pings. */
export class PeerStore {
  private readonly settings: DhtSettings
  private readonly clock: Clock
  private readonly byMid: BoundedMap<string, StoredPeer>

  constructor(settings: DhtSettings, clock: Clock) {
    this.settings = settings
    this.clock = clock
    this.byMid = new BoundedMap(settings.peers)
  }

  /** @returns false if the mid is not its own, or its network has enough */
  put(mid: Uint8Array, node: NodeContact): boolean {
    if (!equalBytes(mid, node.publicKey.mid)) return false
    this.byMid.prune((peer) => !this.isFresh(peer))
    const name = toHex(mid)
    const network = countedNetworkOf(node.address)
    const rivals = this.byMid.values().filter((each) => countedNetworkOf(each.node.address) === network)
    const isFull = network !== undefined && rivals.length >= this.settings.peersPerNetwork
    if (isFull && !this.byMid.has(name)) return false
    this.byMid.set(name, { node, heardMs: this.clock.now() })
    return true
  }

  /** It pings: under another address it is another. */
  heard(node: NodeContact): void {
    const name = toHex(node.publicKey.mid)
    const peer = this.byMid.get(name)
    if (peer?.node.address.host === node.address.host && peer.node.address.port === node.address.port) {
      this.byMid.set(name, { node, heardMs: this.clock.now() })
    }
  }

  get(mid: Uint8Array): NodeContact | undefined {
    const peer = this.byMid.get(toHex(mid))
    return peer && this.isFresh(peer) ? peer.node : undefined
  }

  private isFresh({ heardMs }: StoredPeer): boolean {
    return this.clock.now() - heardMs < this.settings.peerMs
  }
}
