import { CulvertError } from '../../shared/bytes/error.ts'
import { parseMediaPath } from './media-messages.ts'
import { startMedia } from './media-page.ts'
import type { EngineCommand, EngineEvent, EngineView, Hops } from './protocol.ts'
import type { RelaysView } from './relays-protocol.ts'

/** What the page says to its engine; ports are this class's own business. */
export type PageCommand = Exclude<EngineCommand, { type: 'start' | 'media-port' }>

export interface EngineClientOptions {
  /** The engine's worker; tests bring another. */
  readonly worker?: () => Worker
  /** Makes the data channels that the engine asks for on the port; there are none if not given. */
  readonly channels?: (orders: MessagePort) => void
}

/** The main thread's end of the engine: starts worker and service worker, passes commands, views and ports. */
export class EngineClient {
  private readonly makeWorker: () => Worker
  private readonly channels: ((orders: MessagePort) => void) | undefined
  private readonly watchers = new Set<(view: EngineView) => void>()
  private worker: Worker | undefined
  private readonly relayWatchers = new Set<(relays: RelaysView) => void>()
  private readonly saveWatchers = new Set<() => void>()
  private latest: EngineView | undefined

  constructor(options: EngineClientOptions = {}) {
    this.makeWorker = options.worker ?? engineWorker
    this.channels = options.channels
  }

  /**
   * Call once. Resolves when the engine has given a view and the service worker controls the page, so that `/media/` addresses
   * work; views may come before that.
   * Rejects where the browser has no service worker (private windows of some browsers, or http on a public address), and with
   * the code `engine-not-loaded` where the engine's worker does not come to life.
   */
  async start(hops: Hops): Promise<void> {
    const worker = this.makeWorker()
    this.worker = worker
    worker.addEventListener('message', ({ data }: MessageEvent<EngineEvent>) => {
      if (data.type === 'relays') {
        for (const watch of this.relayWatchers) watch(data.relays)
        return
      }
      this.latest = data.view
      for (const watch of this.watchers) watch(data.view)
    })
    const alive = new Promise<void>((resolve, reject) => {
      this.onView(() => resolve())
      worker.addEventListener('error', () =>
        reject(new CulvertError('engine-not-loaded', "the engine's worker did not start")),
      )
    })
    const start = { type: 'start', origin: location.origin, hops } as const satisfies EngineCommand
    if (this.channels) {
      const { port1, port2 } = new MessageChannel()
      this.channels(port1)
      worker.postMessage({ ...start, channels: port2 } satisfies EngineCommand, [port2])
    } else {
      worker.postMessage(start)
    }
    const media = startMedia({
      onPort: (port) => worker.postMessage({ type: 'media-port', port } satisfies EngineCommand, [port]),
      onSaveRefused: (token) => {
        if (!this.lists(token)) return
        for (const watch of this.saveWatchers) watch()
      },
      isOpen: () => this.latest?.torrent !== undefined,
    })
    await Promise.all([media, alive])
  }

  send(command: PageCommand): void {
    this.worker?.postMessage(command)
  }

  /** Calls back with every view from now on, and at once with the latest. Returns a function that ends it. */
  onView(callback: (view: EngineView) => void): () => void {
    this.watchers.add(callback)
    if (this.latest) callback(this.latest)
    return () => this.watchers.delete(callback)
  }

  /** Calls back with what is known of relays, after `relays-open` was sent. Returns a function that ends it. */
  onRelays(callback: (relays: RelaysView) => void): () => void {
    this.relayWatchers.add(callback)
    return () => this.relayWatchers.delete(callback)
  }

  /** Calls back when a file of the open torrent could not be saved. Returns a function that ends it. */
  onSaveRefused(callback: () => void): () => void {
    this.saveWatchers.add(callback)
    return () => this.saveWatchers.delete(callback)
  }

  private lists(token: string): boolean {
    const files = this.latest?.torrent?.files ?? []
    return files.some(({ url }) => parseMediaPath(url)?.token === token)
  }
}

function engineWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' })
}
