import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { Seeder } from './engine/seeder.ts'
import {
  exitShown,
  makeLongFilm,
  openMagnet,
  percentHere,
  playSample,
  startBuiltLab,
  videoState,
} from './lab.ts'

let lab: Lab
let browser: Browser
let page: Page
const problems: string[] = []

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS],
  })
})

afterAll(async () => {
  await browser?.close()
})

/** Runs a lab for the tests of one `describe`, and opens its page for each of them. */
function withLab(start: () => Promise<Lab>): void {
  beforeAll(async () => {
    lab = await start()
  })
  afterAll(() => lab?.stop())
  beforeEach(openPage)
  afterEach(closePage)
}

async function openPage(): Promise<void> {
  problems.length = 0
  page = await browser.newPage()
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(lab.url)
}

async function closePage(): Promise<void> {
  await page.close()
  expect(problems).toEqual([])
}

const exits = () => lab.relays.filter((relay) => relay.exit).map((relay) => relay.host)

/** Plays on: the time moves by a second, and nothing is wrong. */
async function playsOn(): Promise<void> {
  const before = (await videoState(page)).time
  await expect
    .poll(async () => (await videoState(page)).time, { timeout: 30_000 })
    .toBeGreaterThan(before + 1)
  expect((await videoState(page)).error).toBeUndefined()
}

/** The nickname that stands in the row of a hop. */
async function relayShown(role: 'Entry' | 'Middle' | 'Exit'): Promise<string> {
  const row = page.getByRole('list', { name: 'The way from this page to the swarm' }).getByRole('listitem')
  const text = (await row.filter({ hasText: role }).first().textContent()) ?? ''
  const relay = lab.relays.find((each) => text.includes(each.nickname))
  if (!relay) throw new Error(`no relay is named in "${text}"`)
  return relay.nickname
}

describe('watching in the page, over the lab (W-01, W-02, W-04, C-03, C-08, O-01)', () => {
  withLab(() => startBuiltLab())

  it('plays the sample through three hops, seeks, and says what the swarm sees', async () => {
    await playSample(page)
    await playsOn()
    const { width, duration } = await videoState(page)
    expect(width).toBe(1280)
    expect(duration).toBeGreaterThanOrEqual(60)
    expect(exits()).toContain(await exitShown(page))
    const way = page.getByRole('list', { name: 'The way from this page to the swarm' })
    expect(await way.getByRole('listitem').count()).toBe(5)
    await page.locator('video').evaluate((video) => {
      ;(video as HTMLVideoElement).currentTime = 55
    })
    await playsOn()
    expect((await videoState(page)).time).toBeGreaterThan(55)
    expect(await page.locator('video track').count()).toBe(1)
  })

  it.each([1, 2])('plays through %i hops when that is chosen', async (hops) => {
    await page.getByRole('radio', { name: hops === 1 ? '1 hop' : `${hops} hops` }).check({ force: true })
    await playSample(page)
    await playsOn()
    const way = page.getByRole('list', { name: 'The way from this page to the swarm' })
    await expect.poll(() => way.getByRole('listitem').count(), { timeout: 10_000 }).toBe(hops + 2)
    expect(exits()).toContain(await exitShown(page))
  })

  it('changes the number of hops while it plays', async () => {
    await playSample(page)
    await playsOn()
    await page.getByRole('radio', { name: '2 hops' }).check({ force: true })
    const way = page.getByRole('list', { name: 'The way from this page to the swarm' })
    await expect.poll(() => way.getByRole('listitem').count(), { timeout: 10_000 }).toBe(4)
    await playsOn()
  })

  it('takes a magnet link', async () => {
    await openMagnet(page, lab.unlisted.magnet)
    await playsOn()
  })

  it('takes a .torrent file', async () => {
    await page.locator('input[type=file]').setInputFiles(lab.unlisted.file)
    await playsOn()
  })

  it('fetches from a peer that speaks uTP alone, in DATA cells', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-utp-'))
    writeFileSync(join(folder, 'noise.bin'), randomBytes(3_000_000))
    const seeder = await Seeder.start(folder, { transport: 'utp', uploadLimit: 0 })
    try {
      await openMagnet(page, `magnet:?xt=urn:btih:${seeder.infoHash}&x.pe=127.0.0.1:${seeder.port}`)
      await expect.poll(() => percentHere(page).catch(() => 0), { timeout: 50_000 }).toBe(100)
    } finally {
      await seeder.stop()
      rmSync(folder, { recursive: true })
    }
  })

  it('says so when a magnet link is malformed, and when nobody shares a torrent', async () => {
    await openMagnet(page, 'magnet:?dn=nothing')
    await page.getByRole('alert').filter({ hasText: 'names no torrent' }).waitFor()
    await openMagnet(page, `magnet:?xt=urn:btih:${'5'.repeat(40)}`)
    await page.getByRole('alert').filter({ hasText: 'Nobody is sharing this' }).waitFor({ timeout: 60_000 })
  })
})

describe('a film that takes a while (W-01, C-04, C-05, C-06)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-long-film-'))
  withLab(() => {
    makeLongFilm(folder)
    // A minute and more for all of it, at twice the speed at which it plays.
    return startBuiltLab({ sampleFolder: folder, seederBytesPerSecond: 1_000_000 })
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('seeks to a place that is not here yet, through three hops', async () => {
    await playSample(page)
    await playsOn()
    await page.locator('video').evaluate((video) => {
      ;(video as HTMLVideoElement).currentTime = 100
    })
    await playsOn()
    expect((await videoState(page)).time).toBeGreaterThan(100)
    expect(await percentHere(page)).toBeLessThan(95)
  })

  it('goes on through others when the exit and then the entry is gone, and says so when all are', async () => {
    await playSample(page)
    await playsOn()
    for (const role of ['Exit', 'Entry'] as const) {
      await page.getByText('Standby ready').waitFor()
      const lost = await relayShown(role)
      const here = await percentHere(page)
      expect(here).toBeLessThan(95)
      await lab.relays.find((relay) => relay.nickname === lost)?.stop()
      await expect.poll(() => relayShown(role).catch(() => lost), { timeout: 40_000 }).not.toBe(lost)
      await playsOn()
      // More of it has come, through the new circuit: the film does not live on what was here.
      await expect.poll(() => percentHere(page), { timeout: 30_000 }).toBeGreaterThan(here)
    }
    await Promise.all(lab.relays.map((relay) => relay.stop()))
    await page.getByRole('alert').filter({ hasText: 'No relay' }).waitFor({ timeout: 40_000 })
  })
})
