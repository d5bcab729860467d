import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { CHROMIUM, CHROMIUM_FLAGS, LOOPBACK_WEBRTC_FLAGS } from './chromium.ts'
import { playSample, startBuiltLab, videoState } from './lab.ts'

/**
 * The network of somebody who is let out to the site by plain HTTP and to nothing else: a proxy that refuses to upgrade, to
 * connect, and every other host.
 */
class Censor {
  private readonly server: Server
  /** WebSockets, and tunnels for them, that were tried. */
  refused = 0
  readonly posts: string[] = []
  site = ''

  constructor() {
    this.server = createServer((near, answer) => this.pass(near, answer))
    const refuse = (_request: IncomingMessage, socket: Duplex) => {
      this.refused++
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    }
    this.server.on('connect', refuse)
    this.server.on('upgrade', refuse)
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private pass(near: IncomingMessage, answer: ServerResponse): void {
    const { method = 'GET', url = '' } = near
    if (!url.startsWith(`${this.site}/`)) {
      answer.writeHead(403).end()
      return
    }
    if (method === 'POST') this.posts.push(new URL(url).pathname)
    const far = request(url, { method, headers: near.headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    far.on('error', () => answer.destroy())
    near.pipe(far)
  }
}

interface RelayStatus {
  readonly pages: number
  readonly counters: Readonly<Record<string, number>>
}

const censor = new Censor()
let lab: Lab
let free: Browser
let blocked: Browser

beforeAll(async () => {
  const proxy = await censor.start()
  lab = await startBuiltLab({ seederBytesPerSecond: 150_000 })
  censor.site = lab.url
  const args = [...CHROMIUM_FLAGS, ...LOOPBACK_WEBRTC_FLAGS]
  free = await chromium.launch({ executablePath: CHROMIUM, args })
  blocked = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...args, `--proxy-server=${proxy}`, '--proxy-bypass-list=<-loopback>'],
  })
})

afterAll(async () => {
  await free?.close()
  await blocked?.close()
  await lab?.stop()
  censor.stop()
})

async function open(browser: Browser): Promise<Page> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(lab.url)
  return page
}

function volunteers(page: Page) {
  return page.getByRole('switch', { name: 'Pass on connections for people who cannot reach any relay' })
}

async function relay(): Promise<RelayStatus> {
  return (await (await fetch(`${lab.url}/status.json`)).json()) as RelayStatus
}

/** For people to look at, wide and narrow, where a folder is named. */
async function look(page: Page, name: string): Promise<void> {
  const folder = process.env.BRIDGE_SHOTS
  if (folder === undefined) return
  const usual = page.viewportSize() ?? { width: 1280, height: 720 }
  for (const width of [usual.width, 360]) {
    await page.setViewportSize({ ...usual, width })
    await page.screenshot({ path: `${folder}/${name}-${width}.png`, fullPage: true })
  }
  await page.setViewportSize(usual)
}

describe('a page that no relay can be reached from (L-06, issue: volunteers)', () => {
  it('streams through another visitor’s page, and only after its visitor has agreed', {
    timeout: 300_000,
  }, async () => {
    const helper = await open(free)
    expect(await volunteers(helper).isChecked()).toBe(false)
    await helper.getByText(/Connected over WebSocket to /).waitFor({ timeout: 60_000 })

    const page = await open(blocked)
    const ask = page.getByRole('button', { name: 'Ask another visitor to pass your connection on' })
    await ask.waitFor({ timeout: 60_000 })
    await look(page, 'consent')
    expect(censor.refused).toBeGreaterThan(1)
    expect(censor.posts).toEqual([])

    // Nobody offers yet.
    await ask.click()
    await page.getByText('Nobody offers this at the moment').waitFor({ timeout: 30_000 })
    expect(censor.posts.length).toBeGreaterThan(0)

    const before = await relay()
    await volunteers(helper).check()
    await page.getByText('Connected through another visitor’s page to alder').waitFor({ timeout: 60_000 })
    await helper.getByText('Passing on 1 visitor now').waitFor({ timeout: 10_000 })
    await look(helper, 'volunteer')
    // Two pages have a link with the relay, both by WebSockets, and no WebSocket of the second one ever came through.
    const during = await relay()
    expect(during.pages).toBe(2)
    expect((during.counters['gateway-linked'] ?? 0) - (before.counters['gateway-linked'] ?? 0)).toBe(1)
    expect(during.counters['bridge-brokered']).toBeGreaterThan(0)

    await playSample(page)
    await expect.poll(async () => (await videoState(page)).time, { timeout: 120_000 }).toBeGreaterThan(3)
    expect((await videoState(page)).error).toBeUndefined()
    await helper.getByText(/[\d.,]+ (?:kB|MB) passed on today/).waitFor({ timeout: 10_000 })
    await look(page, 'through')

    await volunteers(helper).uncheck()
    await page.getByText('Nobody offers this at the moment').waitFor({ timeout: 60_000 })
    await look(page, 'lost')
    expect(await page.getByText('Connected through another visitor’s page to alder').count()).toBe(0)
    await expect.poll(async () => (await relay()).pages, { timeout: 60_000 }).toBe(1)
  })
})
