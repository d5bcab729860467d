import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab, LabRelay } from '../relay-server/lab/lab.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { makeLongFilm, percentHere, playSample, startBuiltLab, videoState } from './lab.ts'

const folder = mkdtempSync(join(tmpdir(), 'culvert-failover-film-'))
const frozen = new Set<LabRelay>()
let lab: Lab
let browser: Browser
let page: Page

beforeAll(async () => {
  makeLongFilm(folder)
  // Not much faster than it plays: what is here when a relay freezes does not last long, and much is still to come at the last.
  lab = await startBuiltLab({ sampleFolder: folder, seederBytesPerSecond: 700_000 })
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS],
  })
  page = await browser.newPage()
})

afterAll(async () => {
  for (const relay of frozen) thaw(relay)
  await browser?.close()
  await lab?.stop()
  rmSync(folder, { recursive: true })
})

/** Stops the process where it stands: no connection closes, nobody is told. */
function freeze(relay: LabRelay): void {
  process.kill(relay.pid, 'SIGSTOP')
  frozen.add(relay)
}

function thaw(relay: LabRelay): void {
  process.kill(relay.pid, 'SIGCONT')
  frozen.delete(relay)
}

type Role = 'Entry' | 'Middle' | 'Exit'

/** The relay in a row of the way that the page shows: the primary's. */
async function relayShown(role: Role): Promise<LabRelay | undefined> {
  const row = page.getByRole('list', { name: 'The way from this page to the swarm' }).getByRole('listitem')
  const text = (await row.filter({ hasText: role }).first().textContent({ timeout: 1_000 })) ?? ''
  return lab.relays.find((each) => text.includes(each.nickname))
}

/** Watches the film for a while. @returns the longest times without a byte more, and without a picture more, in ms */
async function watch(ms: number): Promise<{ noBytes: number; noPicture: number }> {
  const start = performance.now()
  const longest = { noBytes: 0, noPicture: 0 }
  let [bytes, picture] = [
    { at: start, value: -1 },
    { at: start, value: -1 },
  ]
  while (performance.now() - start < ms) {
    const [percent, { time }] = await Promise.all([bytesHere(), videoState(page)])
    const now = performance.now()
    if (percent !== bytes.value) bytes = { at: now, value: percent }
    if (time !== picture.value) picture = { at: now, value: time }
    longest.noBytes = Math.max(longest.noBytes, now - bytes.at)
    longest.noPicture = Math.max(longest.noPicture, now - picture.at)
    await page.waitForTimeout(50)
  }
  return longest
}

/** How much of the film is here, in percent, finer than the page writes it. */
function bytesHere(): Promise<number> {
  return page
    .locator('progress-panel')
    .evaluate((panel) => Number.parseFloat((panel as HTMLElement).style.getPropertyValue('--done')))
}

/** How long the page shows a relay after this, in ms. */
async function leftAfter(role: Role, lost: LabRelay): Promise<number> {
  const start = performance.now()
  await expect
    .poll(() => relayShown(role).catch(() => lost), { timeout: 30_000, interval: 50 })
    .not.toBe(lost)
  return performance.now() - start
}

describe('a relay that freezes while a film plays, in the page (C-04, C-05, C-06)', () => {
  it('is left within seconds, be it middle, entry or exit, and the film goes on', {
    timeout: 240_000,
  }, async () => {
    await page.goto(lab.url)
    await playSample(page)
    await expect.poll(async () => (await videoState(page)).time, { timeout: 30_000 }).toBeGreaterThan(3)
    for (const role of ['Middle', 'Entry', 'Exit'] as const) {
      await page.getByText('Standby ready').waitFor({ timeout: 20_000 })
      const lost = await relayShown(role)
      if (!lost) throw new Error(`no relay is shown as ${role}`)
      expect(await percentHere(page)).toBeLessThan(95)
      freeze(lost)
      const [tookMs, { noBytes, noPicture }] = await Promise.all([leftAfter(role, lost), watch(9_000)])
      console.info(
        `${role}: another primary after ${Math.round(tookMs)} ms; no bytes for ${Math.round(noBytes)} ms, no picture for ${Math.round(noPicture)} ms`,
      )
      // One to three seconds where nothing else runs; shared/client/failover.test.ts holds three, in virtual time.
      expect(tookMs).toBeLessThan(10_000)
      // And through the new circuit bytes go on coming.
      const here = await bytesHere()
      await expect.poll(bytesHere, { timeout: 20_000 }).toBeGreaterThan(here)
      expect(noPicture).toBeLessThan(8_000)
      expect((await videoState(page)).error).toBeUndefined()
      thaw(lost)
    }
  })
})
