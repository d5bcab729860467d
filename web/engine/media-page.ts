import { MEDIA_AWAKE_MS } from './limits.ts'
import type { MediaNote, MediaPortOffer, SaveRefused } from './media-messages.ts'

export interface MediaPageOptions {
  /** Takes a port that the service worker offers to the engine. */
  readonly onPort: (port: MessagePort) => void
  /** A file could not be saved, of the torrent with this token: perhaps another tab's. */
  readonly onSaveRefused: (token: string) => void
  /** Whether something is open, so that the service worker must not be stopped. */
  readonly isOpen: () => boolean
}

/**
 * The page's end of the service worker, which answers `/media/` from the engine. Call once. Resolves when the service worker
 * controls the page. Rejects where the browser has none (private windows of some browsers, or http on a public address).
 */
export async function startMedia({ onPort, onSaveRefused, isOpen }: MediaPageOptions): Promise<void> {
  const { serviceWorker } = navigator
  serviceWorker.addEventListener('message', ({ data, ports }: MessageEvent<MediaPortOffer | SaveRefused>) => {
    const [port] = ports
    if (data?.type === 'culvert-media-port' && port) onPort(port)
    else if (data?.type === 'culvert-save-refused') onSaveRefused(data.token)
  })
  serviceWorker.startMessages()
  setInterval(() => {
    if (isOpen()) serviceWorker.controller?.postMessage({ type: 'culvert-awake' } satisfies MediaNote)
  }, MEDIA_AWAKE_MS)
  const registration = await serviceWorker.register('/sw.js', { updateViaCache: 'none' })
  if (serviceWorker.controller) return
  await controlled(serviceWorker, registration)
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
