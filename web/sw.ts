import { MediaPorts } from './engine/media-client.ts'
import { MEDIA_PATH, type MediaNote, parseMediaPath } from './engine/media-messages.ts'

/**
 * The service worker: answers addresses under /media/ from the engine of the page that owns them. It goes to no network:
 * everything else is left to the browser.
 */

interface ExtendableEventLike extends Event {
  waitUntil(promise: Promise<unknown>): void
}

interface FetchEventLike extends ExtendableEventLike {
  readonly request: Request
  readonly clientId: string
  respondWith(response: Response | Promise<Response>): void
}

interface PageLike {
  readonly id: string
  postMessage(message: unknown, transfer: Transferable[]): void
}

interface ServiceWorkerScope {
  readonly location: { readonly origin: string }
  readonly clients: {
    claim(): Promise<void>
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly PageLike[]>
  }
  skipWaiting(): Promise<void>
  addEventListener(type: string, listener: (event: ExtendableEventLike) => void): void
}

const scope = globalThis as unknown as ServiceWorkerScope
const ports = new MediaPorts(() => scope.clients.matchAll({ type: 'window', includeUncontrolled: true }))

scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()))
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()))
// `culvert-awake` needs no answer: that it comes keeps this worker from being stopped while a film plays.
scope.addEventListener('message', (event) => {
  const { data } = event as unknown as { data?: Partial<MediaNote> }
  if (data?.type === 'culvert-claim') event.waitUntil(scope.clients.claim())
})

scope.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as FetchEventLike
  const url = new URL(request.url)
  if (url.origin !== scope.location.origin || !url.pathname.startsWith(MEDIA_PATH)) return
  const path = parseMediaPath(url.pathname)
  const answer = path
    ? ports.respond({
        ...path,
        head: request.method === 'HEAD',
        range: request.headers.get('range') ?? undefined,
        save: url.searchParams.has('save'),
        signal: request.signal,
      })
    : Promise.resolve(new Response(null, { status: 404 }))
  respondWith.call(event, answer)
})
