import { networkInterfaces } from 'node:os'
import type { BrowserContext, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { type BrowserSwarm, startBrowserSwarm } from './direct/swarm.ts'
import { openMagnet, percentHere, startBuiltLab, videoState } from './lab.ts'
import { type Connection, type RecordedChromium, startRecordedChromium } from './privacy/capture.ts'
import { type RtcWatch, watchRtc } from './privacy/rtc.ts'

/** Long enough for what a page does by itself when it is opened. */
const A_WHILE_MS = 3_000

let lab: Lab
let swarm: BrowserSwarm
let chromium: RecordedChromium
let context: BrowserContext
let page: Page
let rtc: RtcWatch
const faults: string[] = []
/** Paths of the site that its pages asked for. */
const asked: string[] = []

beforeAll(async () => {
  lab = await startBuiltLab({ offerSample: false })
})

afterAll(async () => {
  await lab?.stop()
})

/** Chromium's own errands, which Playwright turns off by a switch of which the last one counts. */
const errands = [
  'MediaRouter',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
]

/** Two pages of one machine are to meet: without these WebRTC leaves loopback out, and names hosts by multicast DNS. */
const meetingFlags = [
  '--allow-loopback-in-peer-connection',
  `--disable-features=${[...errands, 'HttpsUpgrades', 'WebRtcHideLocalIpsWithMdns'].join(',')}`,
]

/** Starts browser and swarm anew for each test of one `describe`. */
function withBrowser(flags: readonly string[]): void {
  beforeEach(async () => {
    faults.length = 0
    asked.length = 0
    swarm = await startBrowserSwarm()
    chromium = await startRecordedChromium({ args: flags })
    context = await chromium.browser.newContext()
    rtc = await watchRtc(context)
    page = await newPage()
  })

  afterEach(async () => {
    await chromium.browser.close()
    await swarm.stop()
    expect(faults).toEqual([])
  })
}

async function newPage(): Promise<Page> {
  const opened = await context.newPage()
  opened.on('pageerror', (error) => faults.push(error.message))
  opened.on('request', (request) => asked.push(request.url().replace(lab.url, '')))
  return opened
}

const directUrl = () => `${lab.url}/direct.html`
const gate = (of = page) => of.getByRole('heading', { name: 'Watch without protection?' })
const tick = (of = page) => of.getByRole('checkbox', { name: /^I understand/ })
const yes = (of = page) => of.getByRole('button', { name: /^Yes, watch unprotected/ })
const warning = (of = page) => of.getByRole('alert').filter({ hasText: 'Unprotected.' })

async function consent(of = page): Promise<void> {
  await tick(of).check()
  await yes(of).click()
  await warning(of).waitFor()
}

async function openFile(of = page): Promise<void> {
  await of.locator('input[type=file]').setInputFiles(swarm.torrentFile)
}

async function playsBeyond(seconds: number, of = page): Promise<void> {
  await expect
    .poll(async () => ((await of.locator('video').count()) ? (await videoState(of)).time : 0), {
      timeout: 30_000,
    })
    .toBeGreaterThan(seconds)
}

const allHere = (of: Page) => expect.poll(() => percentHere(of), { timeout: 30_000 }).toBe(100)

const placesOf = (connections: readonly Connection[]) => [
  ...new Set(
    connections
      .filter(({ sent }) => sent)
      .map(({ protocol, address, port }) => `${protocol} ${address}:${port}`),
  ),
]
const entryPlace = () => `tcp ${new URL(lab.url).host}`
/** The site's relay and, for the standby circuit, the gateway of a guard. */
const guardPlaces = () =>
  lab.relays.filter((relay) => !relay.exit).map((relay) => `tcp ${new URL(relay.url).host}`)
const ownAddresses = () =>
  new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)))

/** The warning is whole within the window, and nothing lies over its middle. */
async function expectWarningInSight(of = page): Promise<void> {
  const box = await warning(of).boundingBox()
  const { width, height } = await of.evaluate(() => ({ width: innerWidth, height: innerHeight }))
  expect(box).not.toBeNull()
  if (!box) return
  expect(box.y).toBeGreaterThanOrEqual(0)
  expect(box.x).toBeGreaterThanOrEqual(0)
  expect(box.x + box.width).toBeLessThanOrEqual(width)
  expect(box.y + box.height).toBeLessThanOrEqual(height)
  const top = await of.evaluate(
    ([x, y]) => document.querySelector('direct-app')?.shadowRoot?.elementFromPoint(x, y)?.localName,
    [box.x + box.width / 2, box.y + box.height / 2] as const,
  )
  expect(top).toBe('direct-warning')
}

describe('before consent to direct mode (C-09, W-03)', () => {
  withBrowser([])

  it('connects to its two guards and to nothing else, whatever is handed over', async () => {
    await page.goto(lab.url)
    await openMagnet(page, swarm.magnet)
    await page.getByRole('button', { name: 'How it works' }).click()
    await page.getByRole('button', { name: 'Read what that means' }).click()
    await page.waitForURL(directUrl())
    await gate().waitFor()
    await page.getByText('You were about to open: Direct').waitFor()
    // Neither a tick nor a press that comes without one is a yes.
    expect(await yes().isDisabled()).toBe(true)
    await tick().check()
    await tick().uncheck()
    expect(await yes().isDisabled()).toBe(true)
    await tick().check()
    await page.waitForTimeout(A_WHILE_MS)

    expect(rtc.constructed()).toBe(0)
    expect(asked.filter((path) => path.includes('/direct/engine') || path.includes('/direct/store'))).toEqual(
      [],
    )
    // What is handed over is in no address, and is on the shelf no more.
    expect(asked.filter((path) => path.includes(swarm.infoHash))).toEqual([])
    expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual([])
    const places = placesOf(await chromium.stop())
    expect(places).toContain(entryPlace())
    expect(places.filter((place) => !guardPlaces().includes(place))).toEqual([])
    expect(places.length).toBeLessThanOrEqual(2)
    expect(swarm.openConnections()).toBe(0)
  })

  it('can be gone back from', async () => {
    await page.goto(directUrl())
    await page.getByRole('link', { name: 'Go back, protected' }).click()
    await page.waitForURL(`${lab.url}/`)
    await page.getByRole('heading', { level: 1, name: /unseen by its swarm/ }).waitFor()
  })
})

describe('direct mode (C-09)', () => {
  withBrowser(meetingFlags)

  it('plays what a web seed has, and passes it on to another page by WebRTC', async () => {
    await page.goto(directUrl())
    await consent()
    await openFile()
    await playsBeyond(2)
    await allHere(page)
    expect(swarm.rangesServed()).toBeGreaterThan(0)
    await swarm.stopWebSeed()

    const other = await newPage()
    await other.goto(directUrl())
    // The consent of one tab is not that of another.
    await gate(other).waitFor()
    await consent(other)
    await openMagnet(other, swarm.magnet)
    await playsBeyond(2, other)
    await allHere(other)
    expect(rtc.constructed()).toBeGreaterThan(1)

    const own = ownAddresses()
    const places = (await chromium.stop()).filter(({ sent }) => sent)
    const known = [lab.url.replace('http://', ''), swarm.tracker, swarm.webSeed]
    const elsewhere = places.filter(
      ({ protocol, address, port }) =>
        !(protocol === 'tcp' && known.includes(`${address}:${port}`)) &&
        !(protocol !== 'tcp' && own.has(address)),
    )
    expect(elsewhere).toEqual([])
    expect(placesOf(places)).toEqual(
      expect.arrayContaining([
        `tcp ${swarm.tracker}`,
        `tcp ${swarm.webSeed}`,
        expect.stringMatching(/^udp /),
      ]),
    )
  })

  it.each([
    ['a wide window', 1440, 900],
    ['a phone', 390, 844],
  ])('keeps the warning in sight in %s: scrolled, full screen, over the film', async (_, width, height) => {
    await page.setViewportSize({ width, height })
    await page.goto(directUrl())
    await consent()
    await expectWarningInSight()
    expect(await page.title()).toContain('Unprotected')
    await openFile()
    await playsBeyond(0.5)
    await expectWarningInSight()
    const room = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)
    expect(room).toBeGreaterThan(100)
    for (const share of [0.5, 1]) {
      await page.evaluate((y) => scrollTo(0, y), room * share)
      await expectWarningInSight()
    }

    await page.getByRole('button', { name: 'Full screen' }).click()
    await page.getByRole('button', { name: 'Leave full screen' }).waitFor()
    await expectWarningInSight()
    await page.getByRole('button', { name: 'Leave full screen' }).click()
    await page.getByRole('button', { name: 'Full screen', exact: true }).waitFor()
    await expectWarningInSight()

    // The film alone would cover it: the browser offers that no more, and a script that asks is sent back.
    const video = page.locator('video')
    expect(await video.getAttribute('controlslist')).toContain('nofullscreen')
    expect(await video.evaluate((film) => (film as HTMLVideoElement).disablePictureInPicture)).toBe(true)
    await video.evaluate((film) => film.requestFullscreen())
    await page.waitForFunction(() => document.fullscreenElement === null)
    await expectWarningInSight()
  })

  it('asks again after a reload, on the way back, and in a new tab', async () => {
    await page.goto(directUrl())
    await consent()
    await page.reload()
    await gate().waitFor()
    expect(await warning().count()).toBe(0)
    expect(await page.title()).not.toContain('Unprotected')
    expect(await tick().isChecked()).toBe(false)

    await consent()
    await page.goto(lab.url)
    await page.goBack()
    await gate().waitFor()
    expect(await warning().count()).toBe(0)

    await consent()
    const other = await newPage()
    await other.goto(directUrl())
    await gate(other).waitFor()
    expect(await warning(other).count()).toBe(0)
    // Opened by the page that has consent, the new tab begins with a copy of its session.
    const opened = context.waitForEvent('page')
    await page.evaluate((url) => void open(url), directUrl())
    const child = await opened
    await gate(child).waitFor()
    expect(await warning(child).count()).toBe(0)
  })

  it('ends all connections when it is stopped, and opens no more', async () => {
    await page.goto(directUrl())
    await consent()
    await openFile()
    await allHere(page)
    const other = await newPage()
    await other.goto(directUrl())
    await consent(other)
    await openMagnet(other, swarm.magnet)
    await allHere(other)
    expect(swarm.openConnections()).toBeGreaterThan(0)

    for (const each of [page, other]) {
      await each.getByRole('button', { name: 'Stop direct mode' }).click()
      await each.waitForURL(`${lab.url}/`)
    }
    await expect.poll(() => swarm.openConnections(), { timeout: 5_000 }).toBe(0)
    const mark = chromium.mark()
    const constructed = rtc.constructed()
    await page.waitForTimeout(A_WHILE_MS)
    expect(
      placesOf(chromium.connectionsSince(mark)).filter((place) => !guardPlaces().includes(place)),
    ).toEqual([])
    expect([swarm.openConnections(), rtc.constructed()]).toEqual([0, constructed])
    // Nor is anything of the film left on this device.
    const left = await page.evaluate(async () => {
      const names: string[] = []
      const root = await navigator.storage.getDirectory()
      for await (const folder of (root as unknown as { keys(): AsyncIterable<string> }).keys()) {
        const inside = await root.getDirectoryHandle(folder)
        for await (const name of (inside as unknown as { keys(): AsyncIterable<string> }).keys())
          names.push(name)
      }
      return names
    })
    expect(left).toEqual([])
  })

  it('refuses to go to private places that a hostile link names', async () => {
    await page.goto(directUrl())
    await consent()
    const lures = [
      `tr=${encodeURIComponent('ws://10.0.0.1:80/')}`,
      `tr=${encodeURIComponent('wss://192.168.1.1/')}`,
      `tr=${encodeURIComponent('ws://localhost:7997/')}`,
      `ws=${encodeURIComponent('http://169.254.169.254/film.mp4')}`,
      `xs=${encodeURIComponent('http://127.0.0.66:7996/film.torrent')}`,
      'x.pe=10.0.0.1:80',
    ]
    await openMagnet(page, `${swarm.magnet}&${lures.join('&')}`)
    await expect.poll(() => swarm.openConnections(), { timeout: 10_000 }).toBeGreaterThan(0)
    await page.waitForTimeout(A_WHILE_MS)
    const tcp = placesOf(await chromium.stop()).filter((place) => place.startsWith('tcp '))
    expect(tcp.sort()).toEqual([entryPlace(), `tcp ${swarm.tracker}`].sort())
  })
})
