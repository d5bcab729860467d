import type WebTorrent from 'webtorrent'
import type { Torrent } from 'webtorrent'
import { SEARCH_LEAST_MS, SEARCH_PAUSE_MOST_MS, SEARCH_PAUSE_MS } from './limits.ts'

/**
 * When peers of a torrent that has none are looked for anew: as soon as another circuit serves, since what was asked over the one
 * before is lost; and over one and the same in pauses that grow, since what went wrong once may go well the next time.
 */
export class SearchPace {
  private pauseMs = SEARCH_PAUSE_MS
  private searchedMs: number
  /** The last search, or the last peer if there was one since. */
  private sinceMs: number
  private circuitIsNew: boolean

  /** @param wayOut whether a circuit leads out: then the search that WebTorrent begins with by itself counts */
  constructor(nowMs: number, wayOut: boolean) {
    this.searchedMs = wayOut ? nowMs : Number.NEGATIVE_INFINITY
    this.sinceMs = this.searchedMs
    this.circuitIsNew = !wayOut
  }

  /** Another circuit serves than did. */
  circuitChanged(): void {
    this.circuitIsNew = true
  }

  /** There are peers. */
  met(nowMs: number): void {
    this.pauseMs = SEARCH_PAUSE_MS
    this.sinceMs = nowMs
  }

  /** Asked while there are none, and a circuit leads out. @returns whether to search now, which then counts as done */
  due(nowMs: number): boolean {
    const { circuitIsNew } = this
    const due = circuitIsNew
      ? nowMs - this.searchedMs >= SEARCH_LEAST_MS
      : nowMs - this.sinceMs >= this.pauseMs
    if (!due) return false
    if (!circuitIsNew) this.pauseMs = Math.min(2 * this.pauseMs, SEARCH_PAUSE_MOST_MS)
    this.circuitIsNew = false
    this.searchedMs = nowMs
    this.sinceMs = nowMs
    return true
  }
}

/**
 * Asks trackers and the DHT anew for peers of a torrent that has none. WebTorrent asks UDP trackers again after half an hour at the
 * earliest, and a DHT lookup that met nobody stands for done: later announces go to the nodes it found, which are none. What it asks
 * with is kept: trackers are told of no end that is none, and nothing stays behind of what was used before.
 */
export function discoverAnew(client: WebTorrent, torrent: Torrent): void {
  const { infoHash, discovery } = torrent
  if (torrent.destroyed || torrent.numPeers > 0 || infoHash === undefined) return
  // None yet: it is about to begin, and will find the way out.
  if (!discovery) return
  discovery.tracker?.start()
  // BEP 27: of a private torrent only its trackers hear.
  if (!torrent.private) client.dht.lookup(infoHash, () => undefined)
}
