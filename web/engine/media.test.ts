import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type MediaFile, type MediaLibrary, MediaServer } from './media.ts'
import { MediaPorts } from './media-client.ts'
import { mediaPath, parseMediaPath } from './media-messages.ts'
import type { ByteRange } from './range.ts'

const TOKEN = 'a'.repeat(32)
const bytes = new Uint8Array(700_000).map((_, i) => i % 251)

/** Both ends over real message ports: the service worker's and the engine's. */
let ports: MessagePort[]
let library: { token: string | undefined; file(index: number): MediaFile | undefined }
let reads: { range: ByteRange; given: number; returned: boolean }[]
let server: MediaServer
/** What pages were told besides offers of ports. */
let told: unknown[]
let client: MediaPorts

function readable(name: string, content: Uint8Array): MediaFile {
  return {
    name,
    bytes: content.length,
    read: (range) => {
      const read = { range, given: 0, returned: false }
      reads.push(read)
      let at = range.start
      return {
        next: async () => {
          if (at > range.end) return { done: true, value: undefined }
          const value = content.subarray(at, Math.min(at + 300_000, range.end + 1))
          at += value.length
          read.given += value.length
          return { done: false, value }
        },
        return: async () => {
          read.returned = true
          return { done: true, value: undefined }
        },
      }
    },
  }
}

const page = (owner: MediaLibrary) => ({
  postMessage: (message: unknown, [port]: Transferable[]) => {
    if (!port) {
      told.push(message)
      return
    }
    ports.push(port as MessagePort)
    server = new MediaServer(port as MessagePort, owner)
  },
})

beforeEach(() => {
  ports = []
  reads = []
  told = []
  const files = [
    readable('film.mp4', bytes),
    readable('evil.html', bytes),
    readable('film.srt', Buffer.from('1\n')),
  ]
  library = { token: TOKEN, file: (index) => files[index] }
  const stranger = page({ token: 'b'.repeat(32), file: () => undefined })
  client = new MediaPorts(async () => [stranger, page(library)])
})

afterEach(() => {
  for (const port of ports) port.close()
})

const ask = (over: Partial<Parameters<MediaPorts['respond']>[0]> = {}) =>
  client.respond({
    token: TOKEN,
    file: 0,
    head: false,
    range: undefined,
    save: false,
    signal: new AbortController().signal,
    ...over,
  })
const body = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe('media from the engine to the service worker (W-01)', () => {
  it('gives a whole file and its parts, asking the right page of two', async () => {
    const whole = await ask()
    expect(whole.status).toBe(200)
    expect((await body(whole)).equals(bytes)).toBe(true)
    const part = await ask({ range: 'bytes=299990-300009' })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe('bytes 299990-300009/700000')
    expect(part.headers.get('content-length')).toBe('20')
    expect((await body(part)).equals(bytes.subarray(299_990, 300_010))).toBe(true)
    expect(ports).toHaveLength(2)
  })

  it('answers HEAD, ranges beyond the end, unknown files and unknown tokens', async () => {
    const head = await ask({ head: true })
    expect([head.status, head.headers.get('content-length'), (await body(head)).length]).toEqual([
      200,
      '700000',
      0,
    ])
    const beyond = await ask({ range: 'bytes=700000-' })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */700000'])
    expect((await ask({ file: 9 })).status).toBe(404)
    expect((await ask({ token: 'c'.repeat(32) })).status).toBe(404)
    expect(reads).toEqual([])
  })

  it('reads no further than is taken, and stops when the element goes', async () => {
    const response = await ask()
    const reader = response.body!.getReader()
    await reader.read()
    expect(reads[0]!.given).toBe(300_000)
    await reader.cancel()
    await expect.poll(() => reads[0]!.returned).toBe(true)
    expect(reads[0]!.given).toBe(300_000)
  })

  it('lets no file act as a page of this origin', async () => {
    const html = await ask({ file: 1 })
    expect(html.headers.get('content-type')).toBe('application/octet-stream')
    expect(html.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''evil.html")
    expect(html.headers.get('content-security-policy')).toContain('sandbox')
    expect(html.headers.get('x-content-type-options')).toBe('nosniff')
    await html.body!.cancel()
    const saved = await ask({ save: true })
    expect(saved.headers.get('content-disposition')).toContain('attachment')
    await saved.body!.cancel()
  })

  it('serves subtitles as WebVTT', async () => {
    const response = await ask({ file: 2, range: 'bytes=0-' })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/vtt; charset=utf-8'])
    expect((await body(response)).toString()).toBe('WEBVTT\n\n1\n')
  })

  it('breaks off when the torrent is closed', async () => {
    const response = await ask()
    const reader = response.body!.getReader()
    await reader.read()
    server.stop()
    await expect(reader.read().then(() => reader.read())).rejects.toThrow('the torrent was closed')
    library.token = undefined
    expect((await ask()).status).toBe(404)
  })

  it('refuses more responses at once than there is use for', async () => {
    const open = await Promise.all(Array.from({ length: 16 }, () => ask()))
    expect((await ask()).status).toBe(503)
    await open[0]!.body!.cancel()
    await expect.poll(async () => (await ask({ head: true })).status).toBe(200)
  })

  it('answers what cannot be saved so that the browser stays where it is: with the film', async () => {
    const status = async (over: Parameters<typeof ask>[0]) => (await ask({ save: true, ...over })).status
    expect(await status({ file: 9 })).toBe(204)
    expect(await status({ token: 'c'.repeat(32) })).toBe(204)
    await Promise.all(Array.from({ length: 16 }, () => ask()))
    expect(await status({})).toBe(204)
  })

  it('tells the pages that a file could not be saved, and of which torrent: the browser says nothing (N-06)', async () => {
    await Promise.all(Array.from({ length: 16 }, () => ask({ save: true })))
    await ask()
    expect(told).toEqual([])
    await ask({ save: true })
    const refused = { type: 'culvert-save-refused', token: TOKEN }
    expect(told).toEqual([refused, refused])
  })

  it('remembers the ways to several tabs that play at once, and asks for no more ports than there are', async () => {
    const other = 'c'.repeat(32)
    const text = readable('other.mp4', Buffer.from('other'))
    const pages = [page(library), page({ token: other, file: () => text })]
    const tabs = new MediaPorts(async () => pages)
    const get = async (token: string) => {
      const request = { token, file: 0, head: false, range: 'bytes=0-3', save: false }
      return String(await body(await tabs.respond({ ...request, signal: new AbortController().signal })))
    }
    const film = String(Buffer.from(bytes.subarray(0, 4)))
    for (let i = 0; i < 5; i++) {
      expect(await get(TOKEN)).toBe(film)
      expect(await get(other)).toBe('othe')
    }
    expect(ports).toHaveLength(4)
  })

  it('knows its own addresses alone', () => {
    expect(mediaPath(TOKEN, 3)).toBe(`/media/${TOKEN}/3`)
    expect(parseMediaPath(mediaPath(TOKEN, 3))).toEqual({ token: TOKEN, file: 3 })
    for (const path of [
      '/media/',
      `/media/${TOKEN}`,
      `/media/${TOKEN}/x/y`,
      `/media/short/0/y`,
      `/media/${TOKEN}/0/a/b`,
    ]) {
      expect(parseMediaPath(path)).toBeUndefined()
    }
  })
})
