import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { TorControl } from '../relay-server/links/tor-control.ts'
import { startTorNet, TOR_NET_MS, type TorNet } from '../relay-server/links/tor-net.fixture.ts'
import { eventually } from '../relay-server/links/tor-process.fixture.ts'
import type { TorReply } from '../relay-server/links/tor-reply.ts'
import { NodeClock } from '../relay-server/node-clock.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { exitShown, playSample, startBuiltLab, videoState } from './lab.ts'
import { type RtcWatch, watchRtc } from './privacy/rtc.ts'

let net: TorNet
let lab: Lab
let browser: Browser
let page: Page
let rtc: RtcWatch
/** `http://<56>.onion` */
let origin: string
/** Every request and every WebSocket of the page, its workers and its service worker. */
const asked: string[] = []
/** Streams that the browser's tor was asked for, as it tells of them itself. */
const streams: string[] = []
let control: TorControl
/** What the browser asks its maker for, whatever page is open; this Tor network has no exit, so that it gets nowhere. */
const CHROMIUM_ITSELF = /^(accounts\.google|content-autofill\.googleapis|update\.googleapis)\.com:\d+$/

/** The lab's first relay publishes its gateway as an onion service, through the first tor; the browser has the second. */
beforeAll(async () => {
  net = await startTorNet()
  const [own] = net.clients
  const tor = {
    enabled: true,
    socks: `127.0.0.1:${own?.socksPort}`,
    control: `127.0.0.1:${own?.tor.controlPort}`,
    gateway: true,
  }
  lab = await startBuiltLab({ more: { alder: { links: { tcp: { port: 0 }, tor } } } })
  const name = await eventually('the name of the onion service', async () => {
    try {
      return readFileSync(join(lab.stateFolder, 'alder.state/tor-onion.name'), 'latin1').trim()
    } catch {
      return undefined
    }
  })
  origin = `http://${name}`
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...CHROMIUM_FLAGS,
      // As Tor Browser does: everything through Tor, and no name is looked up here.
      `--proxy-server=socks5://127.0.0.1:${net.clients[1]?.socksPort}`,
      '--proxy-bypass-list=<-loopback>',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
      // Tor Browser takes http at onion services for secure by itself; Chromium has to be told.
      `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    ],
  })
  const port = { host: '127.0.0.1', port: net.clients[1]?.tor.controlPort ?? 0 }
  const onEvent = ({ lines }: TorReply) => void streams.push(lines[0] ?? '')
  control = await TorControl.open({ ...port, clock: new NodeClock(), random: new NodeRandom(), onEvent })
  await control.command('SETEVENTS STREAM')
  const context = await browser.newContext()
  rtc = await watchRtc(context)
  context.on('request', (request) => asked.push(request.url()))
  page = await context.newPage()
  page.on('websocket', (socket) => asked.push(socket.url()))
  await eventually('the page', () =>
    page.goto(origin, { timeout: 30_000 }).then(
      (response) => response?.ok(),
      () => undefined,
    ),
  )
}, TOR_NET_MS)

afterAll(async () => {
  control?.close()
  await browser?.close()
  await lab?.stop()
  await net?.stop()
}, 60_000)

describe('a page that is opened at an onion address (L-01, L-03, W-01, W-02)', { timeout: 240_000 }, () => {
  it('plays the sample, through Tor to the gateway and then through circuits', async () => {
    onTestFailed(async () => console.error(await page.locator('body').ariaSnapshot()))
    expect(await page.evaluate(() => isSecureContext)).toBe(true)
    await playSample(page)
    await expect
      .poll(async () => ((await page.locator('video').count()) ? (await videoState(page)).time : 0), {
        timeout: 200_000,
      })
      .toBeGreaterThan(2)
    const exits = lab.relays.filter(({ exit }) => exit).map(({ host }) => host)
    expect(exits).toContain(await exitShown(page))
  })

  it('asks its own origin for everything, and nobody else for anything', async () => {
    const { host } = new URL(origin)
    expect(asked.length).toBeGreaterThan(10)
    expect(asked).toContain(`${origin}/culvert.json`)
    expect(asked).toContain(`ws://${host}/relay`)
    const elsewhere = asked.filter((url) => !/^(blob|data):/.test(url) && new URL(url).host !== host)
    expect(elsewhere).toEqual([])
    await rtc.assertNoRtc()
    // The same by the record of the browser's tor, through which all of it went: not one stream to anywhere else.
    const users = streams.filter((line) => / NEW .* PURPOSE=USER\b/.test(line))
    const targets = users.map((line) => / NEW \d+ (\S+) /.exec(line)?.[1] ?? line)
    const byThePage = targets.filter((target) => !CHROMIUM_ITSELF.test(target))
    expect(byThePage.length).toBeGreaterThan(2)
    expect(new Set(byThePage)).toEqual(new Set([`${host}:80`]))
  })

  it('says that it came in over Tor, and offers no direct mode', async () => {
    await expect.poll(() => page.getByText(/over Tor to alder/i).count()).toBeGreaterThan(0)
    expect(await page.getByRole('button', { name: 'Read what that means' }).count()).toBe(0)
    expect(await page.evaluate(async () => (await fetch('/direct.html')).status)).toBe(404)
  })
})
