import { MEDIA_AWAKE_MS } from './limits.ts'
import type { MediaNote, MediaPortOffer } from './media-messages.ts'
import type { EngineCommand, EngineEvent, EngineView, Hops } from './protocol.ts'

/** What the page says to its engine; ports are this class's own business. */
export type PageCommand = Exclude<EngineCommand, { type: 'start' | 'media-port' }>

export interface EngineClientOptions {
  /** The engine's worker; tests bring another. */
  readonly worker?: () => Worker
}

/** The main thread's end of the engine: starts worker and service worker, passes commands, views and ports. */
export class EngineClient {
  private readonly makeWorker: () => Worker
  private readonly watchers = new Set<(view: EngineView) => void>()
  private worker: Worker | undefined
  private latest: EngineView | undefined

  constructor(options: EngineClientOptions = {}) {
    this.makeWorker = options.worker ?? engineWorker
  }

  /**
   * Call once. Resolves when the service worker controls the page, so that `/media/` addresses work; views come before that.
   * Rejects where the browser has no service worker (private windows of some browsers, or http on a public address).
   */
  async start(hops: Hops): Promise<void> {
    const worker = this.makeWorker()
    this.worker = worker
    worker.addEventListener('message', ({ data }: MessageEvent<EngineEvent>) => {
      this.latest = data.view
      for (const watch of this.watchers) watch(data.view)
    })
    worker.postMessage({ type: 'start', origin: location.origin, hops } satisfies EngineCommand)
    await this.startServiceWorker(worker)
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

  private async startServiceWorker(worker: Worker): Promise<void> {
    const { serviceWorker } = navigator
    serviceWorker.addEventListener('message', ({ data, ports }: MessageEvent<MediaPortOffer>) => {
      const [port] = ports
      if (data?.type !== 'culvert-media-port' || !port) return
      worker.postMessage({ type: 'media-port', port } satisfies EngineCommand, [port])
    })
    serviceWorker.startMessages()
    setInterval(() => {
      if (this.latest?.torrent === undefined) return
      serviceWorker.controller?.postMessage({ type: 'culvert-awake' } satisfies MediaNote)
    }, MEDIA_AWAKE_MS)
    const registration = await serviceWorker.register('/sw.js', { updateViaCache: 'none' })
    if (serviceWorker.controller) return
    await controlled(serviceWorker, registration)
  }
}

/** A page that was loaded past the service worker (first visit, or a forced reload) is claimed by it when it activates. */
function controlled(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<void> {
  return new Promise((resolve) => {
    container.addEventListener('controllerchange', () => resolve(), { once: true })
    // After a forced reload nothing activates anew, so the claim has to be asked for.
    registration.active?.postMessage({ type: 'culvert-claim' } satisfies MediaNote)
  })
}

function engineWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' })
}
