import type { Torrent } from 'webtorrent'
import WebTorrent from 'webtorrent/dist/webtorrent.min.js'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { MAX_CONNECTIONS, NO_PEERS_MS, VIEW_INTERVAL_MS } from '../engine/limits.ts'
import { type MediaFile, type MediaLibrary, MediaServer } from '../engine/media.ts'
import { startMedia } from '../engine/media-page.ts'
import { MediaReaders } from '../engine/media-reader.ts'
import { checkShape, checkSource, type TorrentSource } from '../engine/torrent-source.ts'
import { firstChoice, torrentFacts } from '../engine/torrent-view.ts'
import { directTorrent } from './destinations.ts'
import type { DirectEngine, DirectProblem, DirectView } from './direct-view.ts'
import { WorkerStore } from './worker-store.ts'

/** How long it is said that a file could not be saved. */
const SAVE_REFUSED_SHOWN_MS = 20_000

/** What its errors say in words of their own. */
const OF_THE_TORRENT = ['torrent-malformed', 'storage-full', 'memory-full'] as const satisfies DirectProblem[]

interface Open {
  readonly client: WebTorrent
  readonly torrent: Torrent
  readonly readers: MediaReaders
  withoutSourceSince: number
  selected: number | undefined
}

/**
 * WebTorrent as it is, without circuits: WebRTC, WebSocket trackers and web seeds, from this browser's own address. Loaded
 * after consent alone, and gone with it (requirement C-09).
 */
class Engine implements DirectEngine, MediaLibrary {
  token: string | undefined
  private readonly signal: AbortSignal
  private readonly lab: boolean
  private readonly onView: (view: DirectView) => void
  private readonly media = new Set<MediaServer>()
  private open_: Open | undefined
  private problem: DirectProblem | undefined
  private mediaReady = false
  private mediaFailed = false
  private saveRefusedAt = Number.NEGATIVE_INFINITY
  private turn = 0

  constructor(signal: AbortSignal, lab: boolean, onView: (view: DirectView) => void) {
    this.signal = signal
    this.lab = lab
    this.onView = onView
    const ticking = setInterval(() => this.tick(), VIEW_INTERVAL_MS)
    signal.addEventListener('abort', () => {
      clearInterval(ticking)
      void this.close()
    })
    startMedia({
      onPort: (port) => this.media.add(new MediaServer(port, this)),
      onSaveRefused: (token) => {
        if (token !== this.token) return
        this.saveRefusedAt = performance.now()
        this.show()
      },
      isOpen: () => this.open_ !== undefined,
    }).then(
      () => {
        this.mediaReady = true
        this.show()
      },
      () => {
        this.mediaFailed = true
        this.show()
      },
    )
  }

  async open(source: TorrentSource): Promise<void> {
    const closed = this.close()
    // Taken at once: while this waits, something else may be opened.
    const { turn } = this
    await closed
    try {
      const checked = directTorrent(await checkSource(source), this.lab)
      if (turn === this.turn && !this.signal.aborted) this.start(checked)
    } catch {
      if (turn === this.turn) this.fail(source.kind === 'magnet' ? 'magnet-malformed' : 'torrent-malformed')
    }
  }

  select(index: number): void {
    const open = this.open_
    const file = open?.torrent.files[index]
    if (!open || !file || open.selected === index) return
    if (open.selected !== undefined) open.torrent.files[open.selected]?.deselect()
    open.selected = index
    file.select()
    this.show()
  }

  /** Every connection of the torrent is closed when this resolves, but for trackers that are told that it ended. */
  async close(): Promise<void> {
    this.turn += 1
    this.problem = undefined
    this.saveRefusedAt = Number.NEGATIVE_INFINITY
    this.token = undefined
    const open = this.open_
    this.open_ = undefined
    for (const server of this.media) server.stop()
    this.show()
    if (open && !open.client.destroyed) {
      await new Promise<void>((resolve) => open.client.destroy(() => resolve()))
    }
  }

  file(index: number): MediaFile | undefined {
    const open = this.open_
    const file = open?.torrent.ready ? open.torrent.files[index] : undefined
    if (!open || !file) return undefined
    return { name: file.name, bytes: file.length, read: (range) => open.readers.open(file, range) }
  }

  private start(id: string | object): void {
    const client = new WebTorrent({
      dht: false,
      lsd: false,
      utPex: false,
      maxConns: MAX_CONNECTIONS,
      // A lab is one machine, which has nothing to ask of servers elsewhere.
      ...(this.lab && { tracker: { rtcConfig: { iceServers: [] } } }),
    })
    const torrent = client.add(id, {
      store: WorkerStore,
      storeCacheSlots: 0,
      destroyStoreOnDestroy: true,
      strategy: 'sequential',
      deselect: true,
    })
    const open: Open = {
      client,
      torrent,
      readers: MediaReaders.withoutTakingBack(torrent),
      withoutSourceSince: performance.now(),
      selected: undefined,
    }
    this.open_ = open
    this.token = toHex(crypto.getRandomValues(new Uint8Array(16)))
    client.on('error', (error) => this.stumble(open, error))
    torrent.on('error', (error) => this.stumble(open, error))
    torrent.on('warning', () => 'one tracker or web seed does not answer; others may')
    torrent.on('metadata', () => {
      try {
        checkShape(open.torrent)
      } catch {
        this.stumble(open, new CulvertError('torrent-malformed', 'the sizes do not fit'))
      }
    })
    torrent.on('ready', () => {
      const choice = this.open_ === open ? firstChoice(torrent.files) : undefined
      if (choice !== undefined) this.select(choice)
    })
    this.show()
  }

  private stumble(open: Open, error: unknown): void {
    if (this.open_ !== open) return
    const code = error instanceof CulvertError ? error.code : ''
    this.fail(OF_THE_TORRENT.find((known) => known === code) ?? 'engine-failed')
  }

  private fail(problem: DirectProblem): void {
    void this.close()
    this.problem = problem
    this.show()
  }

  private tick(): void {
    const open = this.open_
    if (!open) return
    const now = performance.now()
    if (open.torrent.numPeers > 0 || this.facts()?.state === 'done') open.withoutSourceSince = now
    const alone = now - open.withoutSourceSince >= NO_PEERS_MS
    if (alone) this.problem = 'no-peers'
    else if (this.problem === 'no-peers') this.problem = undefined
    this.show()
  }

  private facts() {
    const open = this.open_
    return open && torrentFacts(open.torrent, open.selected, this.token ?? '')
  }

  private show(): void {
    const facts = this.facts()
    const refused = performance.now() - this.saveRefusedAt < SAVE_REFUSED_SHOWN_MS
    const lasting = this.problem ?? (this.mediaFailed ? 'media-unavailable' : undefined)
    this.onView({
      torrent: facts && { ...facts, swarmSees: undefined },
      problem: refused ? 'save-refused' : lasting,
      mediaReady: this.mediaReady,
    })
  }
}

/**
 * @param signal of the consent; when it is aborted everything is closed
 * @param onView called at once on changes that people notice, and a few times a second
 */
export async function startDirectEngine(
  signal: AbortSignal,
  onView: (view: DirectView) => void,
): Promise<DirectEngine> {
  const response = await fetch('/culvert.json', { signal, cache: 'no-store' })
  const site: unknown = await response.json()
  signal.throwIfAborted()
  const lab = typeof site === 'object' && site !== null && 'lab' in site && site.lab === true
  return new Engine(signal, lab, onView)
}
