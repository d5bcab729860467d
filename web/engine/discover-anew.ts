import type WebTorrent from 'webtorrent'
import type { Torrent } from 'webtorrent'

/**
 * Asks trackers and the DHT anew for peers of a torrent that has none. Meant for when a way out appears: what was asked before is
 * lost, WebTorrent asks UDP trackers again after half an hour at the earliest, and a DHT lookup that met nobody stands for done:
 * later announces go to the nodes it found, which are none.
 */
export function discoverAnew(client: WebTorrent, torrent: Torrent): void {
  const { infoHash, discovery } = torrent
  if (torrent.destroyed || torrent.numPeers > 0 || infoHash === undefined) return
  // None yet: it is about to begin, and will find the way out.
  if (!discovery) return
  torrent.discovery = null
  discovery.destroy()
  torrent._startDiscovery()
  client.dht.lookup(infoHash, () => undefined)
}
