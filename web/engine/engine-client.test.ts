import { beforeEach, describe, expect, it, vi } from 'vitest'
import { EngineClient } from './engine-client.ts'
import { mediaPath } from './media-messages.ts'
import type { MediaPageOptions } from './media-page.ts'

const { media } = vi.hoisted(() => ({
  media: { ready: () => {}, refused: (_error: Error) => {}, saveRefused: (_token: string) => {} },
}))
vi.mock('./media-page.ts', () => ({
  startMedia: ({ onSaveRefused }: MediaPageOptions) =>
    new Promise<void>((resolve, reject) => {
      media.ready = resolve
      media.refused = reject
      media.saveRefused = onSaveRefused
    }),
}))

class FakeWorker extends EventTarget {
  postMessage(): void {}
}

let worker: FakeWorker
const start = () => new EngineClient({ worker: () => worker as unknown as Worker }).start(3)
const view = (view: object = {}) =>
  worker.dispatchEvent(new MessageEvent('message', { data: { type: 'view', view } }))

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

describe('a file that cannot be saved (N-06)', () => {
  it('is told of where it is listed, and by no other tab', () => {
    const engine = new EngineClient({ worker: () => worker as unknown as Worker })
    void engine.start(3)
    const told = vi.fn()
    engine.onSaveRefused(told)
    const [mine, other] = ['a'.repeat(32), 'b'.repeat(32)]
    media.saveRefused(mine)
    view({ torrent: { files: [{ url: mediaPath(mine, 0) }] } })
    media.saveRefused(other)
    expect(told).not.toHaveBeenCalled()
    media.saveRefused(mine)
    expect(told).toHaveBeenCalledOnce()
  })
})
