import type { Candidate, DiscoverySource, SourceRun } from '../../shared/discovery/source.ts'
import type { Dht } from '../../shared/kademlia/api.ts'

/** Relays found in BitTorrent's DHT, under the network's own info hash (D-02). */
export class DhtSource implements DiscoverySource {
  readonly method = 'dht'
  private readonly dht: Dht
  private readonly infoHash: Uint8Array

  /** @param infoHash 20 bytes */
  constructor(dht: Dht, infoHash: Uint8Array) {
    this.dht = dht
    this.infoHash = infoHash
  }

  run(report: (candidates: readonly Candidate[]) => void, done: (success: boolean) => void): SourceRun {
    return this.dht.getPeers(
      this.infoHash,
      { peers: (peers) => report(peers.map((address) => ({ address }))) },
      ({ peers, answered, cached }) => {
        report(peers.map((address) => ({ address })))
        done(answered > 0 || cached)
      },
    )
  }
}
