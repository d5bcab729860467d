import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createIdentity } from '../relay-server/identity-file.ts'
import type { Lab } from '../relay-server/lab/lab.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import { toHex } from '../shared/bytes/bytes.ts'
import { CHROMIUM, CHROMIUM_FLAGS, LOOPBACK_WEBRTC_FLAGS } from './chromium.ts'
import { makeRepeatedFilm, playSample, startBuiltLab, videoState } from './lab.ts'
import { type RtcWatch, watchRtc } from './privacy/rtc.ts'

/**
 * Stands before a relay's gateway and can be shut, so that its WebSocket dies and the relay does not. `open` once more, all
 * is as before.
 */
class Gate {
  private readonly host: string
  private server: Server
  private readonly sockets = new Set<Socket>()
  private port = 0
  /** The gateway behind it. */
  target: URL | undefined

  constructor(host: string) {
    this.host = host
    this.server = this.made()
  }

  get url(): string {
    return `http://${this.host}:${this.port}`
  }

  get websocket(): string {
    return `ws://${this.host}:${this.port}/relay`
  }

  /** Idempotent, as is `shut`. */
  async open(): Promise<void> {
    if (this.server.listening) return
    this.server = this.made()
    await new Promise<void>((resolve) => this.server.listen(this.port, this.host, resolve))
    const address = this.server.address()
    if (address && typeof address === 'object') this.port = address.port
  }

  async shut(): Promise<void> {
    if (!this.server.listening) return
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  private made(): Server {
    return createServer((near) => {
      const { target } = this
      if (!target) {
        near.destroy()
        return
      }
      const far = connect(Number(target.port), target.hostname)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          this.sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    })
  }
}

const webRoot = fileURLToPath(new URL('../dist/web', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'culvert-links-e2e-'))
const gates = { alder: new Gate('127.0.0.31'), hazel: new Gate('127.0.0.34') }
let lab: Lab
let browser: Browser
const pages: Page[] = []

beforeAll(async () => {
  await gates.alder.open()
  await gates.hazel.open()
  // Who is to signal is named with its key, so that keys are made beforehand.
  const identityOf = async (name: string) => {
    const identity = join(folder, `${name}.key`)
    const { publicKey } = await createIdentity(identity, new NodeRandom())
    return { identity, key: toHex(publicKey.bytes) }
  }
  const [alder, hazel] = [await identityOf('alder'), await identityOf('hazel')]
  const signalledBy = (gate: Gate, key: string, host: string) => ({
    tcp: { port: 0 },
    firstRing: [{ key, addresses: [gate.websocket] }],
    // Who signals must be linked with whom it signals for, also soon after its gate was shut.
    min: 5,
    reconnectSeconds: 1,
    retrySeconds: 1,
    webrtc: { host, signallers: [gate.websocket] },
  })
  const gateway = { enabled: true, port: 0, webRoot }
  const closed = { gateway: { enabled: false } }
  makeRepeatedFilm(folder)
  lab = await startBuiltLab({
    sampleFolder: folder,
    // Not much faster than it plays, and all of it in five minutes: bytes come all the time.
    seederBytesPerSecond: 150_000,
    more: {
      // The site's own relay: by WebSocket, and by WebRTC with the help of hazel.
      alder: {
        gateway: { ...gateway, host: '127.0.0.11', publicUrl: gates.alder.websocket },
        identity: alder.identity,
        links: signalledBy(gates.hazel, hazel.key, '127.0.0.11'),
      },
      birch: closed,
      // No port that a page could reach: by WebRTC alone, with the help of alder. It is the only guard beside alder: hazel is
      // an exit, and those are spared.
      cedar: { ...closed, links: signalledBy(gates.alder, alder.key, '127.0.0.13') },
      hazel: {
        identity: hazel.identity,
        gateway: { ...gateway, host: '127.0.0.14', publicUrl: gates.hazel.websocket },
      },
      maple: closed,
      rowan: closed,
    },
  })
  for (const name of ['alder', 'hazel'] as const) {
    gates[name].target = new URL(lab.relays.find(({ nickname }) => nickname === name)?.url ?? '')
  }
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS, ...LOOPBACK_WEBRTC_FLAGS],
  })
})

afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close()
  for (const gate of Object.values(gates)) await gate.open()
})

afterAll(async () => {
  await browser?.close()
  await lab?.stop()
  for (const gate of Object.values(gates)) await gate.shut()
  rmSync(folder, { recursive: true, force: true })
})

async function visit({ webrtc = true } = {}): Promise<{ page: Page; rtc: RtcWatch }> {
  const context = await browser.newContext()
  const rtc = await watchRtc(context)
  if (!webrtc) {
    await context.addInitScript(() => {
      for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection'])
        Reflect.deleteProperty(globalThis, name)
    })
  }
  const page = await context.newPage()
  pages.push(page)
  await page.goto(gates.alder.url)
  return { page, rtc }
}

/** The ways in as the page tells of them. */
async function waysShown(page: Page): Promise<string[]> {
  const items = page.getByRole('list', { name: 'Ways in' }).getByRole('listitem')
  return (await items.allTextContents()).map((text) => text.replace(/\s+/g, ' ').trim())
}

/** Until some way in is shown so. */
async function untilWay(page: Page, shown: RegExp, timeout = 30_000): Promise<void> {
  await expect.poll(async () => (await waysShown(page)).join('\n'), { timeout, interval: 50 }).toMatch(shown)
}

async function playsOn(page: Page, seconds: number, timeout = 40_000): Promise<void> {
  const { time } = await videoState(page)
  await expect
    .poll(async () => (await videoState(page)).time, { timeout, interval: 200 })
    .toBeGreaterThan(time + seconds)
  expect((await videoState(page)).error).toBeUndefined()
}

/** How much of the film is here, in percent. */
function bytesHere(page: Page): Promise<number> {
  return page
    .locator('progress-panel')
    .evaluate((panel) => Number.parseFloat((panel as HTMLElement).style.getPropertyValue('--done')))
}

async function moreComes(page: Page): Promise<void> {
  const here = await bytesHere(page)
  await expect.poll(() => bytesHere(page), { timeout: 60_000 }).toBeGreaterThan(here)
}

async function begins(page: Page): Promise<void> {
  await expect.poll(async () => (await videoState(page)).time, { timeout: 60_000 }).toBeGreaterThan(3)
}

describe('the page’s ways in (L-01, L-07, W-02)', () => {
  it('goes on by WebRTC when the WebSocket of the site’s own relay dies under a film', {
    timeout: 240_000,
  }, async () => {
    const { page } = await visit()
    await playSample(page)
    await untilWay(page, /Over WebSocket to alder/)
    await begins(page)
    await gates.alder.shut()
    await untilWay(page, /Over WebRTC to alder, introduced by hazel/)
    await moreComes(page)
    await playsOn(page, 3)
  })

  it('enters at a relay that has no port, introduced by another, and plays through it alone', {
    timeout: 240_000,
  }, async () => {
    await gates.hazel.shut()
    const { page, rtc } = await visit()
    await playSample(page)
    await untilWay(page, /Over WebRTC to cedar, introduced by alder/, 90_000)
    expect(rtc.constructed()).toBeGreaterThan(0)
    await begins(page)
    // Who has introduced it is needed no more.
    await gates.alder.shut()
    await expect
      .poll(async () => (await waysShown(page))[0], { timeout: 30_000 })
      .toMatch(/^Over WebRTC to cedar/)
    await moreComes(page)
    await playsOn(page, 3)
  })

  it('is back soon when all ways were lost and one is there again', { timeout: 240_000 }, async () => {
    const { page, rtc } = await visit({ webrtc: false })
    await playSample(page)
    await untilWay(page, /Over WebSocket to alder/)
    await begins(page)
    await Promise.all([gates.alder.shut(), gates.hazel.shut()])
    await untilWay(page, /alder\s*lost, trying again/)
    await gates.alder.open()
    // Up to 2 s of waiting, and the time to dial: entry-neighbours.test.ts holds 5 s, in virtual time.
    await untilWay(page, /Over WebSocket to alder (?:[\d.,]+ \w+, )?new/)
    await moreComes(page)
    await playsOn(page, 3)
    expect(rtc.constructed()).toBe(0)
  })
})
