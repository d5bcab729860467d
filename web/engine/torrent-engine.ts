import '../tunnel/node-globals.ts'
import WebTorrent, { type Torrent, type TorrentFile } from 'webtorrent'
import { fromHex, toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { Counters } from '../../shared/world/counters.ts'
import { currentTunnel, setTunnel } from '../tunnel/current-tunnel.ts'
import { guardTunnel } from '../tunnel/guard.ts'
import { HiddenStreams, setHiddenStreams } from '../tunnel/hidden-streams.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { abandonUtp } from '../tunnel/utp-streams.ts'
import { destinationJudge, peerBlocklist } from './destinations.ts'
import { discoverAnew, SearchPace } from './discover-anew.ts'
import { type HiddenAccess, HiddenSwarm } from './hidden-swarm.ts'
import { DHT_TIMEOUT_MS, MAX_CONNECTIONS, NO_PEERS_MS, WELL_KNOWN_DHT } from './limits.ts'
import { LostPeers } from './lost-peers.ts'
import type { MediaFile, MediaLibrary } from './media.ts'
import { MediaReaders } from './media-reader.ts'
import { PieceStore } from './piece-store.ts'
import type { HiddenView, Problem } from './protocol.ts'
import { checkShape, checkSource, type TorrentSource } from './torrent-source.ts'
import { firstChoice, type TorrentFacts, torrentFacts } from './torrent-view.ts'

export interface TorrentEngineOptions {
  readonly tunnel: Tunnel
  /** Circuits for hidden swarms, if there are any. */
  readonly hidden?: HiddenAccess | undefined
  /** Of the site's document: whether this is the lab, and the DHT nodes to begin with (empty: the well-known ones). */
  readonly site: { readonly lab: boolean; readonly dht: readonly string[] }
  /** Whether a circuit leads out: without one, nobody can be asked for peers. */
  readonly wayOut: () => boolean
  /** Something that people notice has changed: files are known, a torrent was opened or closed, there is a problem. */
  readonly onChange: () => void
}

interface Open {
  readonly client: WebTorrent
  readonly torrent: Torrent
  readonly readers: MediaReaders
  readonly lost: LostPeers
  readonly pace: SearchPace
  readonly noPeers: ReturnType<typeof setInterval>
  readonly streams: HiddenStreams | undefined
  /** Once its info hash is known. */
  hidden: HiddenSwarm | undefined
  withoutPeersSince: number
  selected: number | undefined
}

/**
 * One torrent at a time through the tunnel. Every torrent gets a client of its own, so that no peer id, DHT id or port ties
 * two of them together.
 */
export class TorrentEngine implements MediaLibrary {
  readonly counters = new Counters()
  token: string | undefined
  problem: Problem | undefined
  private readonly options: TorrentEngineOptions
  private open_: Open | undefined
  private turn = 0

  constructor(options: TorrentEngineOptions) {
    this.options = options
    this.freshTunnel()
  }

  /** Closes what is open and opens this. What goes wrong becomes `problem`. */
  async open(source: TorrentSource): Promise<void> {
    this.close()
    const turn = ++this.turn
    try {
      const id = await checkSource(source)
      if (turn === this.turn) this.start(id, source.kind)
    } catch (error) {
      if (turn === this.turn) this.fail(error, source.kind)
    }
  }

  close(): void {
    this.turn++
    this.problem = undefined
    this.end()
    this.options.onChange()
  }

  /** Which file is wanted: it is fetched from its beginning; what is played of it goes first. */
  select(index: number): void {
    const open = this.open_
    const file = open?.torrent.files[index]
    if (!open || !file || open.selected === index) return
    if (open.selected !== undefined) open.torrent.files[open.selected]?.deselect()
    open.selected = index
    file.select()
    open.hidden?.look(true)
    this.options.onChange()
  }

  /** Gives what is open to others through end-to-end circuits, once all of it is here; or does so no longer. */
  seedHidden(on: boolean): void {
    const open = this.open_
    if (open?.torrent.done) open.hidden?.seed(on)
  }

  /** Everything the view shows of the torrent, or undefined while none is open. */
  facts(): (TorrentFacts & { readonly hidden: HiddenView }) | undefined {
    const open = this.open_
    if (!open) return undefined
    const hidden = open.hidden?.view ?? NOT_HIDDEN
    return { ...torrentFacts(open.torrent, open.selected, this.token ?? ''), hidden }
  }

  file(index: number): MediaFile | undefined {
    const open = this.open_
    const file: TorrentFile | undefined = open?.torrent.ready ? open.torrent.files[index] : undefined
    if (!open || !file) return undefined
    return { name: file.name, bytes: file.length, read: (range) => open.readers.open(file, range) }
  }

  /** Another circuit serves than did, or none: what was connected over the old one is lost, and what was asked. */
  circuitChanged(): void {
    this.open_?.lost.circuitChanged()
    this.open_?.pace.circuitChanged()
    abandonUtp(currentTunnel())
    // Not before those who change it have done so.
    queueMicrotask(() => this.watchPeers())
  }

  /** An error that no caller could catch, e.g. in a parser of WebTorrent's on a hostile peer's bytes. */
  countStray(): void {
    this.counters.add('engine-stray-error')
  }

  private start(id: string | object, kind: TorrentSource['kind']): void {
    const { site, hidden } = this.options
    this.freshTunnel()
    // Before there is a client, whose server takes their connections.
    const streams = hidden && new HiddenStreams(hidden)
    setHiddenStreams(streams)
    const client = new WebTorrent({
      dht: { bootstrap: site.dht.length > 0 ? site.dht : WELL_KNOWN_DHT, timeout: DHT_TIMEOUT_MS },
      lsd: false,
      natUpnp: false,
      natPmp: false,
      utp: true,
      // Plaintext first: it saves a round trip, and exits see trackers' requests anyway. Encrypted at the second try.
      secure: 0,
      maxConns: MAX_CONNECTIONS,
    })
    const blocklist = peerBlocklist(destinationJudge(site.lab), () => this.open_?.torrent._peersLength ?? 0)
    client.blocked = { contains: (host) => !streams?.knows(host) && blocklist.contains(host) }
    client.on('error', (error) => this.fail(error, kind))
    const torrent = client.add(id, {
      store: PieceStore,
      storeCacheSlots: 0,
      destroyStoreOnDestroy: true,
      strategy: 'sequential',
      deselect: true,
    })
    const open: Open = {
      client,
      torrent,
      readers: new MediaReaders(torrent),
      lost: new LostPeers(torrent),
      pace: new SearchPace(performance.now(), this.options.wayOut()),
      noPeers: setInterval(() => this.watchPeers(), 1_000),
      streams,
      hidden: undefined,
      withoutPeersSince: performance.now(),
      selected: undefined,
    }
    this.open_ = open
    this.token = toHex(crypto.getRandomValues(new Uint8Array(16)))
    torrent.on('error', (error) => this.fail(error, kind))
    torrent.on('warning', () => this.counters.add('torrent-warning'))
    torrent.on('wire', () => this.watchPeers())
    torrent.on('infoHash', () => this.beginHidden(open))
    if (torrent.infoHash) this.beginHidden(open)
    torrent.on('metadata', () => this.onMetadata(open))
    torrent.on('ready', () => this.onReady(open))
    torrent.on('done', () => this.onDone(open))
    this.options.onChange()
  }

  /** Sockets of one torrent share nothing with those of the next: what is late of them is of a tunnel that is over. */
  private freshTunnel(): void {
    const { tunnel, site } = this.options
    setTunnel(guardTunnel(tunnel, destinationJudge(site.lab), this.counters))
  }

  private beginHidden(open: Open): void {
    const { hidden: access } = this.options
    const { streams, torrent } = open
    if (!access || !streams || !torrent.infoHash || open.hidden || this.open_ !== open) return
    open.hidden = new HiddenSwarm(access, streams, {
      infoHash: fromHex(torrent.infoHash),
      found: (address) => {
        if (!torrent.destroyed) torrent.addPeer(address)
      },
      changed: () => this.options.onChange(),
    })
    open.hidden.look(true)
  }

  private onDone(open: Open): void {
    if (open.torrent.done) open.hidden?.look(false)
    this.options.onChange()
  }

  private onMetadata(open: Open): void {
    try {
      checkShape(open.torrent)
    } catch (error) {
      this.fail(error, 'file')
    }
  }

  private onReady(open: Open): void {
    if (this.open_ !== open) return
    const choice = firstChoice(open.torrent.files)
    if (choice === undefined) this.options.onChange()
    else this.select(choice)
  }

  private watchPeers(): void {
    const open = this.open_
    if (!open) return
    const { torrent, pace } = open
    const now = performance.now()
    if (torrent.numPeers > 0) {
      pace.met(now)
      open.withoutPeersSince = now
    } else if (!this.options.wayOut() || this.facts()?.state === 'done') {
      open.withoutPeersSince = now
    } else {
      // While none of the files that are known is wanted, nobody is needed.
      const needed = !torrent.ready || open.selected !== undefined
      if (needed && pace.due(now)) discoverAnew(open.client, torrent)
    }
    const alone = now - open.withoutPeersSince >= NO_PEERS_MS
    if (alone === (this.problem?.code === 'no-peers')) return
    this.problem = alone ? { code: 'no-peers', detail: 'no peer has answered for a while' } : undefined
    this.options.onChange()
  }

  private fail(error: unknown, kind: TorrentSource['kind']): void {
    this.problem = problemOf(error, kind, this.open_?.torrent.infoHash !== undefined)
    this.end()
    this.options.onChange()
  }

  private end(): void {
    const open = this.open_
    this.open_ = undefined
    this.token = undefined
    if (!open) return
    clearInterval(open.noPeers)
    open.hidden?.stop()
    setHiddenStreams(undefined)
    if (!open.client.destroyed) open.client.destroy()
  }
}

const NOT_HIDDEN: HiddenView = { state: 'off', introductionPoints: 0, peers: 0 }

/** Never the error's own text where it may hold an address or a hash. */
function problemOf(error: unknown, kind: TorrentSource['kind'], parsed: boolean): Problem {
  if (error instanceof CulvertError) {
    const { code, message: detail } = error
    switch (code) {
      case 'magnet-malformed':
      case 'torrent-malformed':
      case 'storage-full':
      case 'memory-full':
        return { code, detail }
    }
    return { code: 'engine-failed', detail: code }
  }
  if (parsed) return { code: 'engine-failed', detail: 'the BitTorrent engine gave up' }
  return kind === 'magnet'
    ? { code: 'magnet-malformed', detail: 'the link could not be read' }
    : { code: 'torrent-malformed', detail: 'the file could not be read' }
}
