import { beforeEach, describe, expect, it, vi } from 'vitest'
import { EngineClient } from './engine-client.ts'

const { media } = vi.hoisted(() => ({ media: { ready: () => {}, refused: (_error: Error) => {} } }))
vi.mock('./media-page.ts', () => ({
  startMedia: () =>
    new Promise<void>((resolve, reject) => {
      media.ready = resolve
      media.refused = reject
    }),
}))

class FakeWorker extends EventTarget {
  postMessage(): void {}
}

let worker: FakeWorker
const start = () => new EngineClient({ worker: () => worker as unknown as Worker }).start(3)
const view = () => worker.dispatchEvent(new MessageEvent('message', { data: { type: 'view', view: {} } }))

beforeEach(() => {
  worker = new FakeWorker()
  vi.stubGlobal('location', { origin: 'http://localhost' })
  return () => vi.unstubAllGlobals()
})

describe("the engine's worker (N-06)", () => {
  it('is told to be dead where its file does not load, though the service worker is there', async () => {
    const started = start()
    media.ready()
    worker.dispatchEvent(new Event('error'))
    await expect(started).rejects.toMatchObject({ code: 'engine-not-loaded' })
  })

  it('is alive with its first view, whatever it stumbles over later', async () => {
    const started = start()
    view()
    worker.dispatchEvent(new Event('error'))
    media.ready()
    await expect(started).resolves.toBeUndefined()
  })

  it('says that there is no service worker as it is told', async () => {
    const started = start()
    view()
    media.refused(new TypeError('none here'))
    await expect(started).rejects.toThrow('none here')
  })
})
