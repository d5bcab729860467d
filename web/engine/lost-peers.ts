import type { Torrent, Wire } from 'webtorrent'

/** Connections that end so soon before or after a change of circuit ended with the old one. */
const WITH_CIRCUIT_MS = 3_000
/** After the end of a connection WebTorrent has forgotten its peer, which it must before the peer is added again. */
const FORGOTTEN_MS = 50
/** Tried again so long after, if it still is not there: the new circuit, too, may be on its last legs. */
const AGAIN_MS = 1_500
const MAX_LOST = 200

/**
 * Peers that were connected over a circuit that is gone. WebTorrent waits 1 s, 5 s and 15 s before it tries a peer again that has
 * hung up; these have not, and the next circuit stands ready, so they are tried again at once.
 */
export class LostPeers {
  private readonly torrent: Torrent
  /** By address: when the connection ended. */
  private readonly lost = new Map<string, number>()
  private changedAt = Number.NEGATIVE_INFINITY

  constructor(torrent: Torrent) {
    this.torrent = torrent
    torrent.on('wire', (wire: Wire, address?: string) => {
      if (address === undefined) return
      wire.once('close', () => this.ended(address))
    })
  }

  /** Another circuit serves now. */
  circuitChanged(): void {
    this.changedAt = performance.now()
    for (const [address, at] of this.lost) if (this.changedAt - at <= WITH_CIRCUIT_MS) this.regain(address)
    this.lost.clear()
  }

  private ended(address: string): void {
    if (this.torrent.destroyed || this.torrent.done) return
    if (performance.now() - this.changedAt <= WITH_CIRCUIT_MS) {
      this.regain(address)
      return
    }
    this.lost.set(address, performance.now())
    const [oldest] = this.lost.keys()
    if (this.lost.size > MAX_LOST && oldest !== undefined) this.lost.delete(oldest)
  }

  private regain(address: string): void {
    for (const afterMs of [FORGOTTEN_MS, AGAIN_MS]) {
      setTimeout(() => {
        // One that is known still, or again, is left as it is.
        if (!this.torrent.destroyed && !this.torrent.done) this.torrent.addPeer(address)
      }, afterMs)
    }
  }
}
