import './native.ts'

/**
 * Takes every way out of the worker off the global object, before any code of third parties is loaded (requirement W-03).
 * The bundle holds no such code that would use them; this is a second lock, for what an update might bring.
 */
const WAYS_OUT = [
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'WebSocketStream',
  'WebTransport',
  'EventSource',
  'importScripts',
  'Worker',
  'SharedWorker',
  'BroadcastChannel',
  // Both fetch: a cache what it is to hold, a font face its URL.
  'caches',
  'CacheStorage',
  'Cache',
  'FontFace',
]

/** @returns the names that were taken away */
export function lockDown(scope: object): string[] {
  const taken: string[] = []
  // WebRTC by its prefix: whatever a browser offers of it.
  const webrtc = everyName(scope).filter((name) => name.startsWith('RTC') || name.startsWith('webkitRTC'))
  for (const name of [...WAYS_OUT, ...webrtc]) {
    if (!(name in scope)) continue
    Object.defineProperty(scope, name, { value: undefined, writable: false, configurable: false })
    taken.push(name)
  }
  return taken
}

function everyName(scope: object): string[] {
  const names: string[] = []
  for (let at: object | null = scope; at !== null; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at))
  }
  return [...new Set(names)]
}

/** True in a dedicated worker, where alone the lock belongs: a test imports this file too. */
const scopeName = (globalThis as { constructor?: { name?: string } }).constructor?.name
if (scopeName === 'DedicatedWorkerGlobalScope') lockDown(globalThis)
