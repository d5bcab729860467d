import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { Seeder } from './engine/seeder.ts'
import { openMagnet, percentHere, startBuiltLab } from './lab.ts'

/** So many that the page can be seen fetching them. */
const BYTES = 10_000_000

let lab: Lab
let browser: Browser
const folder = mkdtempSync(join(tmpdir(), 'culvert-hidden-'))

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_FLAGS],
  })
  lab = await startBuiltLab()
})

afterAll(async () => {
  await browser?.close()
  await lab?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A page of a visitor of its own: nothing is shared with the others. */
async function visit(): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(lab.url)
  return page
}

const hiddenPeers = (page: Page) => page.getByRole('region', { name: 'Hidden peers' })

describe('from page to page, with no exit (issue 3: hidden seeding)', () => {
  it('seeds what is here; another page fetches all of it when neither seeder nor exits are left', async () => {
    writeFileSync(join(folder, 'noise.bin'), randomBytes(BYTES))
    const origin = await Seeder.start(folder, { transport: 'tcp', uploadLimit: 0 })
    const magnet = `magnet:?xt=urn:btih:${origin.infoHash}`
    const giver = await visit()
    await openMagnet(giver, `${magnet}&x.pe=127.0.0.1:${origin.port}`)
    await expect.poll(() => percentHere(giver).catch(() => 0), { timeout: 120_000 }).toBe(100)
    await origin.stop()
    await Promise.all(lab.relays.filter((relay) => relay.exit).map((relay) => relay.stop()))

    await giver.getByRole('switch', { name: 'Seed privately (hidden)' }).check()
    await hiddenPeers(giver)
      .getByText(/[1-9] relays? can introduce this page/)
      .waitFor({ timeout: 120_000 })

    const taker = await visit()
    await openMagnet(taker, magnet)
    await hiddenPeers(taker)
      .getByText(/Looking for people who share this/)
      .waitFor()
    await hiddenPeers(taker)
      .getByText(/Fetching from 1 hidden peer/)
      .waitFor({ timeout: 120_000 })
    await expect.poll(() => percentHere(taker).catch(() => 0), { timeout: 120_000 }).toBe(100)
    await hiddenPeers(giver)
      .getByText(/can introduce this page/)
      .waitFor()
    await giver.context().close()
    await taker.context().close()
  }, 600_000)
})
