import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EngineView } from '../web/engine/protocol.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { BridgeServer } from './engine/bridge-server.ts'
import { buildPage } from './engine/build-page.ts'
import { DhtNode } from './engine/dht-node.ts'
import type { EnginePage } from './engine/page.ts'
import { Seeder } from './engine/seeder.ts'
import { TestSite } from './engine/site.ts'
import { UdpTracker } from './engine/udp-tracker.ts'

/** The engine in real Chromium, with a bridge where circuits belong, against libtorrent. */

declare global {
  var page: EnginePage
}

const scratch = mkdtempSync(join(tmpdir(), 'culvert-engine-'))
const blob = randomBytes(3_000_001)
let browser: Browser
let bridge: BridgeServer
let site: TestSite
let dht: DhtNode
let tab: Page
const seeders: Seeder[] = []

beforeAll(async () => {
  bridge = await BridgeServer.listen()
  dht = await DhtNode.listen()
  await buildPage(join(scratch, 'page'))
  site = await TestSite.listen(join(scratch, 'page'), {
    network: 'test',
    community: '00'.repeat(20),
    lab: true,
    entry: { publicKey: '00'.repeat(74), websocket: '/relay' },
    networkPrefixBits: 32,
    dht: [`dht.culvert.net:${dht.port}`],
    bridge: `ws://127.0.0.1:${bridge.port}`,
  })
  const film = join(scratch, 'film')
  mkdirSync(film)
  // A minute of moving pictures and a tone, about 4 MB, with its index at the front.
  const inputs = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x180:rate=12',
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=330',
  ]
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-b:v',
    '500k',
    '-pix_fmt',
    'yuv420p',
    '-g',
    '24',
    '-c:a',
    'aac',
  ]
  const output = ['-t', '60', '-movflags', '+faststart', join(film, 'film.mp4')]
  execFileSync('ffmpeg', ['-loglevel', 'error', ...inputs, ...codecs, ...output])
  writeFileSync(join(film, 'film.srt'), '1\n00:00:01,000 --> 00:00:02,500\nGrüße\n')
  const data = join(scratch, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'blob.bin'), blob)
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS],
  })
})

afterAll(async () => {
  await browser?.close()
  site?.close()
  bridge?.close()
  dht?.close()
  rmSync(scratch, { recursive: true, force: true })
})

beforeEach(async () => {
  const context = await browser.newContext()
  tab = await context.newPage()
  await tab.goto(`${site.origin}/page.html`)
  await tab.evaluate(() => globalThis.page.ready)
})

afterEach(async () => {
  await tab.context().close()
  await Promise.all(seeders.splice(0).map((seeder) => seeder.stop()))
  site.peerPorts.length = 0
  dht.peerPorts.length = 0
})

async function seed(
  folder: string,
  transport: 'tcp' | 'utp' | 'encrypted',
  uploadLimit = 0,
): Promise<Seeder> {
  const announce = `${site.origin}/announce`
  const seeder = await Seeder.start(join(scratch, folder), { transport, uploadLimit, announce })
  seeders.push(seeder)
  return seeder
}

async function openTorrent(torrent: Buffer): Promise<void> {
  await tab.evaluate(
    (bytes) => globalThis.page.engine.send({ type: 'open-torrent', file: Uint8Array.from(bytes) }),
    [...torrent],
  )
}

async function openMagnet(uri: string): Promise<void> {
  await tab.evaluate((magnet) => globalThis.page.engine.send({ type: 'open-magnet', uri: magnet }), uri)
}

/** The first view for which `test` holds; `test` runs in the page. */
async function viewWhere(test: (view: EngineView) => boolean): Promise<EngineView> {
  const source = `(${test.toString()})(globalThis.page.view ?? {})`
  await tab.waitForFunction(source, undefined, { timeout: 30_000, polling: 50 })
  return (await tab.evaluate(() => globalThis.page.view)) as EngineView
}

interface Answer {
  status: number
  headers: Record<string, string>
  sha1: string
  length: number
}

async function get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return tab.evaluate(
    async ([url, headers, method]) => {
      const response = await fetch(url, { headers, method })
      const body = await response.arrayBuffer()
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', body))
      const sha1 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        sha1,
        length: body.byteLength,
      }
    },
    [url, headers, method] as const,
  )
}

/** Files that the engine has in the browser's private file system. */
async function storedFiles(): Promise<number> {
  return tab.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    const directory = await root.getDirectoryHandle('torrents-being-watched', { create: true })
    let count = 0
    for await (const _name of (directory as unknown as { keys(): AsyncIterable<string> }).keys()) count++
    return count
  })
}

const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex')

describe('the engine in Chromium (W-01, W-03, W-04, C-07)', () => {
  it('downloads over TCP from a tracker and serves every byte', async () => {
    const seeder = await seed('data', 'tcp')
    site.peerPorts.push(seeder.port)
    await openTorrent(seeder.torrent)
    const { torrent } = await viewWhere((view) => view.torrent?.state === 'done')
    const file = torrent!.files[0]!
    expect(file).toMatchObject({ name: 'blob.bin', bytes: blob.length, kind: 'other' })
    expect(torrent!.pieces.every((state) => state === 2)).toBe(true)

    expect(await get(file.url)).toMatchObject({ status: 200, sha1: sha1(blob) })
    const middle = await get(file.url, { range: 'bytes=70000-199999' })
    expect(middle).toMatchObject({ status: 206, sha1: sha1(blob.subarray(70_000, 200_000)) })
    expect(middle.headers['content-range']).toBe(`bytes 70000-199999/${blob.length}`)
    const suffix = await get(file.url, { range: 'bytes=-5' })
    expect(suffix).toMatchObject({ status: 206, sha1: sha1(blob.subarray(-5)) })
    expect(await get(file.url, { range: 'bytes=0-0' })).toMatchObject({ status: 206, length: 1 })
    const beyond = await get(file.url, { range: `bytes=${blob.length}-` })
    expect(beyond).toMatchObject({ status: 416, length: 0 })
    const head = await get(file.url, {}, 'HEAD')
    expect(head).toMatchObject({ status: 200, length: 0 })
    expect(head.headers['content-length']).toBe(String(blob.length))
    expect(head.headers['content-disposition']).toContain('attachment')
    expect((await get(file.url.replace(/[0-9a-f]{32}/, '0'.repeat(32)))).status).toBe(404)
    expect(bridge.destinations).toContain(`tcp 127.0.0.1:${seeder.port}`)

    expect(await storedFiles()).toBe(1)
    await tab.evaluate(() => globalThis.page.engine.send({ type: 'close-torrent' }))
    await expect.poll(storedFiles).toBe(0)
    expect((await get(file.url)).status).toBe(404)
  })

  it('takes every way out off the worker', async () => {
    const [worker] = tab.workers()
    const names = [
      'fetch',
      'WebSocket',
      'XMLHttpRequest',
      'EventSource',
      'WebTransport',
      'RTCPeerConnection',
      'RTCDataChannel',
    ]
    const left = await worker!.evaluate(
      (names) => names.filter((name) => (globalThis as Record<string, unknown>)[name] !== undefined),
      names,
    )
    expect(left).toEqual([])
  })

  it('plays a film from its first seconds and seeks before the rest is there', async () => {
    const seeder = await seed('film', 'tcp', 250_000)
    site.peerPorts.push(seeder.port)
    await openTorrent(seeder.torrent)
    const { torrent } = await viewWhere((view) => view.torrent?.selected !== undefined)
    const url = torrent!.files[torrent!.selected!]!.url
    await tab.evaluate((src) => {
      const video = document.querySelector('video')!
      video.src = src
      return video.play()
    }, url)
    await tab.waitForFunction('document.querySelector("video").currentTime > 0.3', undefined, {
      timeout: 15_000,
    })
    const before = (await tab.evaluate(() => globalThis.page.view!.torrent)) as NonNullable<
      EngineView['torrent']
    >
    expect(before.bytesHere).toBeLessThan(before.bytes)
    await tab.evaluate(() => {
      document.querySelector('video')!.currentTime = 50
    })
    await tab.waitForFunction('document.querySelector("video").currentTime > 50.3', undefined, {
      timeout: 15_000,
    })
    // What was sought came before what lies between. Views come four times a second, so the next one tells.
    await viewWhere(({ torrent: now }) => {
      if (now === undefined || now.bytesHere >= now.bytes) return false
      return now.pieces.lastIndexOf(2) > now.pieces.indexOf(0)
    })

    const subtitles = torrent!.files.find((file) => file.kind === 'subtitles')!
    const text = await tab.evaluate(async (url) => {
      const response = await fetch(url)
      return `${response.headers.get('content-type')}\n${await response.text()}`
    }, subtitles.url)
    expect(text).toBe('text/vtt; charset=utf-8\nWEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\nGrüße\n')
  })

  it('reaches a peer that speaks only uTP, from a magnet link', async () => {
    const seeder = await seed('data', 'utp')
    await openMagnet(`magnet:?xt=urn:btih:${seeder.infoHash}&x.pe=127.0.0.1:${seeder.port}`)
    const { torrent } = await viewWhere((view) => view.torrent?.state === 'done')
    expect(await get(torrent!.files[0]!.url)).toMatchObject({ status: 200, sha1: sha1(blob) })
    expect(bridge.destinations).toContain(`udp 127.0.0.1:${seeder.port}`)
  })

  it('finds a peer by the DHT, whose first node is known by name, and speaks encrypted to it', async () => {
    const seeder = await seed('data', 'encrypted')
    dht.peerPorts.push(seeder.port)
    await openMagnet(`magnet:?xt=urn:btih:${seeder.infoHash}`)
    const { torrent } = await viewWhere((view) => view.torrent?.state === 'done')
    expect(await get(torrent!.files[0]!.url)).toMatchObject({ status: 200, sha1: sha1(blob) })
    expect(dht.queries).toContain('get_peers')
    expect(bridge.destinations).toContain(`udp dht.culvert.net:${dht.port}`)
  })

  it('finds a peer by a UDP tracker', async () => {
    const tracker = await UdpTracker.listen()
    const seeder = await seed('data', 'tcp')
    tracker.peerPorts.push(seeder.port)
    await openMagnet(`magnet:?xt=urn:btih:${seeder.infoHash}&tr=udp://tracker.culvert.net:${tracker.port}`)
    const { torrent } = await viewWhere((view) => view.torrent?.state === 'done')
    expect(await get(torrent!.files[0]!.url)).toMatchObject({ status: 200, sha1: sha1(blob) })
    tracker.close()
  })

  it('goes on after the service worker was stopped', async () => {
    const seeder = await seed('data', 'tcp')
    site.peerPorts.push(seeder.port)
    await openTorrent(seeder.torrent)
    const { torrent } = await viewWhere((view) => view.torrent?.state === 'done')
    const { url } = torrent!.files[0]!
    expect((await get(url)).status).toBe(200)
    const debug = await tab.context().newCDPSession(tab)
    await debug.send('ServiceWorker.enable')
    await debug.send('ServiceWorker.stopAllWorkers')
    expect(await get(url)).toMatchObject({ status: 200, sha1: sha1(blob) })
  })

  it('asks no exit for what a hostile magnet names', async () => {
    bridge.destinations.length = 0
    const hostile = [
      'tr=wss://tracker.example.com:443',
      'tr=ws://10.1.2.3:80/announce',
      'tr=http://10.1.2.3:80/announce',
      'tr=http://2130706433:80/announce',
      'tr=http://[::ffff:10.1.2.3]/announce',
      'tr=udp://192.168.1.1:6969',
      'tr=https://tracker.example.com/announce',
      `tr=${site.origin}/announce`,
      'x.pe=169.254.169.254:80',
      'x.pe=localhost:80',
      'xs=http://172.16.0.1/film.torrent',
      'ws=http://10.9.9.9/film.mp4',
      'so=0-1000000000000',
    ]
    await openMagnet(`magnet:?xt=urn:btih:${'ab'.repeat(20)}&${hostile.join('&')}`)
    await expect.poll(() => site.announces.some((query) => query.includes('%AB%AB'))).toBe(true)
    const lab = /^(tcp|udp) (127\.\d+\.\d+\.\d+|dht\.culvert\.net):\d+$/
    expect(bridge.destinations.filter((destination) => !lab.test(destination))).toEqual([])
    await openMagnet('magnet:?xt=urn:btih:nothing')
    expect((await viewWhere((view) => view.problem !== undefined)).problem?.code).toBe('magnet-malformed')
    await openTorrent(Buffer.from('d4:infode'))
    const { problem } = await viewWhere((view) => view.problem?.code === 'torrent-malformed')
    expect(problem?.code).toBe('torrent-malformed')
  })
})

describe('the built page (W-03)', () => {
  it('holds no WebRTC', async () => {
    const names = await readdir(join(scratch, 'page'), { recursive: true })
    const scripts = names.filter((name) => name.endsWith('.js'))
    expect(scripts.some((name) => name.includes('worker'))).toBe(true)
    for (const script of scripts) {
      expect(await readFile(join(scratch, 'page', script), 'utf8')).not.toContain('RTCPeerConnection')
    }
  })
})
