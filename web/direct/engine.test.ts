import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import { parseMediaPath } from '../engine/media-messages.ts'
import type { MediaPageOptions } from '../engine/media-page.ts'
import type { DirectView } from './direct-view.ts'
import { startDirectEngine } from './engine.ts'

interface FakeClient {
  readonly id: unknown
  readonly destroyed: boolean
  /** Called when its connections are closed. */
  readonly gone: (() => void) | undefined
}

const { clients, media, torrents } = vi.hoisted(() => ({
  clients: [] as FakeClient[],
  media: { refused: (_error: Error) => {}, saveRefused: (_token: string) => {} },
  torrents: [] as EventEmitter[],
}))

vi.mock('webtorrent/dist/webtorrent.min.js', () => ({
  default: class extends EventEmitter {
    id: unknown
    destroyed = false
    gone: (() => void) | undefined
    add(id: unknown) {
      this.id = id
      clients.push(this)
      const torrent = Object.assign(new EventEmitter(), { files: [], pieces: [], numPeers: 1 })
      torrents.push(torrent)
      return torrent
    }
    destroy(gone: () => void) {
      this.destroyed = true
      this.gone = gone
    }
  },
}))
vi.mock('../engine/media-page.ts', () => ({
  startMedia: ({ onSaveRefused }: MediaPageOptions) =>
    new Promise<void>((_, reject) => {
      media.refused = reject
      media.saveRefused = onSaveRefused
    }),
}))

const magnet = (digit: string) =>
  ({ kind: 'magnet', uri: `magnet:?xt=urn:btih:${digit.repeat(40)}` }) as const
let consent: AbortController
let views: DirectView[]

beforeEach(() => {
  clients.length = 0
  torrents.length = 0
  views = []
  consent = new AbortController()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  vi.stubGlobal('fetch', async () => new Response('{"lab":false}'))
  return () => {
    consent.abort()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  }
})
const start = () => startDirectEngine(consent.signal, (view) => views.push(view))

describe('torrents opened one right after another, directly (C-09)', () => {
  it('leave one client: the last, also where the first takes a while to close', async () => {
    const engine = await start()
    await engine.open(magnet('a'))
    const second = engine.open(magnet('b'))
    const third = engine.open(magnet('c'))
    await third
    clients[0]?.gone?.()
    await second
    const alive = clients.filter((client) => !client.destroyed)
    expect(alive).toHaveLength(1)
    expect(JSON.stringify(alive[0]?.id)).toContain('c'.repeat(40))
  })
})

describe('a browser without a service worker, directly (C-09)', () => {
  it('is told of for every torrent that is opened: none can be played', async () => {
    const engine = await start()
    media.refused(new TypeError('none here'))
    await engine.open(magnet('a'))
    expect(views.at(-1)).toMatchObject({ problem: 'media-unavailable', mediaReady: false })
  })
})

describe('a file that cannot be saved, directly (N-06)', () => {
  it('is told of for a while, in the tab of its torrent alone', async () => {
    await (await start()).open(magnet('a'))
    Object.assign(torrents[0] ?? {}, {
      bitfield: { get: () => false },
      files: [{ name: 'a.mp4', length: 4 }],
    })
    vi.advanceTimersByTime(250)
    const token = parseMediaPath(views.at(-1)?.torrent?.files[0]?.url ?? '')?.token ?? ''
    media.saveRefused('c'.repeat(32))
    expect(views.at(-1)?.problem).toBeUndefined()
    media.saveRefused(token)
    expect(views.at(-1)?.problem).toBe('save-refused')
    vi.advanceTimersByTime(20_250)
    expect(views.at(-1)?.problem).toBeUndefined()
  })
})

describe('a torrent that there is no room for, directly (N-06)', () => {
  it.each(['storage-full', 'memory-full', 'engine-failed'])('is told of as %s', async (problem) => {
    await (await start()).open(magnet('a'))
    torrents[0]?.emit('error', new CulvertError(problem, 'no room'))
    expect(views.at(-1)?.problem).toBe(problem)
  })
})
