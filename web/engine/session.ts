import { CulvertError } from '../../shared/bytes/error.ts'
import { isOnionName } from '../../shared/link/link-address.ts'
import { doubledPause } from '../../shared/world/retry.ts'
import { channelOpener } from '../link/channel-orders.ts'
import {
  SAMPLE_FAILURES,
  SAMPLE_RETRY_MS,
  SITE_FETCH_MS,
  TORRENT_FILE_BYTES,
  VIEW_INTERVAL_MS,
} from './limits.ts'
import { MediaServer } from './media.ts'
import { nativeFetch } from './native.ts'
import type { Network, NetworkView } from './network.ts'
import type { EngineCommand, EngineEvent, EngineView, Hops, Problem, SampleView } from './protocol.ts'
import { RelaysFeed } from './relays-feed.ts'
import type { SiteDocument } from './site-document.ts'
import { TorrentEngine } from './torrent-engine.ts'
import type { TorrentSource } from './torrent-source.ts'

/** What the worker does for one page: commands in, views out. */
export class EngineSession {
  private readonly network: Network
  private readonly post: (event: EngineEvent) => void
  private readonly media = new Set<MediaServer>()
  private readonly relays: RelaysFeed
  private site: SiteDocument | undefined
  private engine: TorrentEngine | undefined
  /** Fetched by every page before any click, so that the site does not learn who watches the sample. */
  private sampleFile: Uint8Array | undefined
  /** How often it did not come. */
  private sampleFailures = 0
  /** To be opened as soon as its torrent file is here. */
  private sampleWanted = false
  private hops: Hops = 3
  /** The engine could not be started, which nothing that is opened mends. */
  private broken: Problem | undefined
  /** Opened before the site's document was here. */
  private waiting: TorrentSource | 'sample' | undefined
  private openedBefore = false
  private timer: ReturnType<typeof setTimeout> | undefined
  private sentAt = Number.NEGATIVE_INFINITY

  constructor(network: Network, post: (event: EngineEvent) => void) {
    this.network = network
    this.post = post
    this.relays = new RelaysFeed(
      () => network.relays,
      (relays) => post({ type: 'relays', relays }),
    )
    network.onChange = () => this.changed()
    network.onCircuit = () => this.engine?.circuitChanged()
    setInterval(() => this.changed(), 2 * VIEW_INTERVAL_MS)
  }

  receive(command: EngineCommand): void {
    switch (command.type) {
      case 'start':
        this.start(command)
        break
      case 'open-magnet':
        this.open({ kind: 'magnet', uri: command.uri })
        break
      case 'open-torrent':
        this.open({ kind: 'file', bytes: command.file })
        break
      case 'open-sample':
        this.open('sample')
        break
      case 'select-file':
        this.engine?.select(command.index)
        break
      case 'close-torrent':
        this.waiting = undefined
        this.sampleWanted = false
        this.stopMedia()
        this.engine?.close()
        break
      case 'seed-hidden':
        this.engine?.seedHidden(command.on)
        break
      case 'set-hops':
        this.hops = command.hops
        this.network.setHops(command.hops)
        break
      case 'new-circuit':
        this.network.newCircuit()
        break
      case 'media-port':
        this.serve(command.port)
        break
      case 'bridge-agree':
      case 'volunteer':
      case 'volunteer-limits':
        this.network.bridge?.receive(command)
        break
      case 'relays-open':
      case 'relays-close':
      case 'mark-relay':
      case 'avoid-countries':
      case 'near-first':
      case 'find-relays':
        this.relays.receive(command)
        break
    }
    this.changed()
  }

  /** An error that reached the worker's global object. */
  stray(): void {
    this.engine?.countStray()
  }

  private start({ origin, hops, channels }: EngineCommand & { readonly type: 'start' }): void {
    this.hops = hops
    this.network.setHops(hops)
    // Who came through Tor has no way beside it: data channels would tell others where he is.
    const byOnion = isOnionName(new URL(origin).hostname)
    this.network
      .start(origin, byOnion ? undefined : channels && channelOpener(channels))
      .then((site) => this.ready(site, origin))
      .catch((error) => {
        const detail = error instanceof CulvertError ? error.code : 'the engine could not be started'
        this.broken = { code: 'engine-failed', detail }
        this.changed()
      })
  }

  private ready(site: SiteDocument, origin: string): void {
    this.site = site
    if (site.sample) void this.fetchSampleFile(new URL(site.sample.torrent, origin))
    this.engine = new TorrentEngine({
      tunnel: this.network.tunnel,
      hidden: this.network.hidden,
      site,
      wayOut: () => hasWayOut(this.network.view()),
      onChange: () => this.changed(),
    })
    const { waiting } = this
    this.waiting = undefined
    if (waiting) this.open(waiting)
    this.changed()
  }

  private open(what: TorrentSource | 'sample'): void {
    this.sampleWanted = what === 'sample'
    this.stopMedia()
    if (this.openedBefore) this.startAnew()
    this.openedBefore = true
    if (!this.engine) {
      this.waiting = what
    } else if (what === 'sample') {
      this.openSample()
    } else {
      this.engine.open(what)
    }
  }

  /** The exit that carried one torrent learns nothing of the next, nor the next one's of it. */
  private startAnew(): void {
    // First, so that its last words to trackers leave by its own circuit, or not at all.
    this.engine?.close()
    this.network.startAnew()
  }

  private stopMedia(): void {
    for (const server of this.media) server.stop()
  }

  private openSample(): void {
    if (!this.sampleWanted || !this.sampleFile) return
    this.sampleWanted = false
    this.engine?.open({ kind: 'file', bytes: this.sampleFile })
  }

  /** Again and again until it is here, by the clock alone: no click shows. */
  private async fetchSampleFile(url: URL): Promise<void> {
    while (this.sampleFile === undefined) {
      try {
        this.sampleFile = await fetchSample(url)
      } catch {
        const pauseMs = doubledPause(SAMPLE_RETRY_MS, SITE_FETCH_MS, this.sampleFailures++)
        this.changed()
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
    this.openSample()
    this.changed()
  }

  private get sampleProblem(): Problem | undefined {
    if (!this.sampleWanted || this.sampleFailures < SAMPLE_FAILURES) return undefined
    return { code: 'sample-unavailable', detail: "the site did not give the sample's torrent file" }
  }

  private serve(port: MessagePort): void {
    const engine = () => this.engine
    const server = new MediaServer(port, {
      get token() {
        return engine()?.token
      },
      file: (index) => engine()?.file(index),
    })
    this.media.add(server)
    port.addEventListener('close', () => this.media.delete(server))
  }

  /** Sends the view, at most four times a second. */
  private changed(): void {
    if (this.timer !== undefined) return
    const wait = Math.max(0, this.sentAt + VIEW_INTERVAL_MS - performance.now())
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.sentAt = performance.now()
      this.post({ type: 'view', view: this.view(this.network.view()) })
    }, wait)
  }

  private view({ entry, circuits, problem, exitAddress }: NetworkView): EngineView {
    const facts = this.engine?.facts()
    return {
      entry,
      hops: this.hops,
      circuits,
      torrent: facts && { ...facts, swarmSees: exitAddress },
      sample: this.site && sampleView(this.site),
      lab: this.site?.lab ?? false,
      problem: this.broken ?? problem ?? this.sampleProblem ?? this.engine?.problem,
      bridge: this.network.bridge?.view(),
    }
  }
}

/** An exit need not have an address that is known. */
function hasWayOut({ circuits, exitAddress }: NetworkView): boolean {
  return exitAddress !== undefined || circuits.some(({ role }) => role === 'primary')
}

function sampleView({ sample }: SiteDocument): SampleView | null {
  if (sample === undefined) return null
  const { title, description, bytes, seconds } = sample
  return { title, description, bytes, seconds }
}

/** From the page's own origin, which the visitor asked for the page itself. */
async function fetchSample(url: URL): Promise<Uint8Array> {
  if (!nativeFetch) throw new TypeError('this browser has no fetch')
  const signal = AbortSignal.timeout(SITE_FETCH_MS)
  const response = await nativeFetch(url, { credentials: 'omit', redirect: 'error', signal })
  if (!response.ok || !response.body)
    throw new TypeError(`the sample's torrent file: status ${response.status}`)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    size += part.length
    if (size > TORRENT_FILE_BYTES) throw new TypeError("the sample's torrent file is too large")
    parts.push(part)
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}
