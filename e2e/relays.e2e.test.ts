import { resolve } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { type PreviewServer, preview } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab } from '../relay-server/lab/lab.ts'
import { readKept } from '../shared/client/kept-directory.ts'
import { readSnapshot } from '../shared/trust/snapshot.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'
import { startBuiltLab } from './lab.ts'
import { startRecordedChromium } from './privacy/capture.ts'

let lab: Lab
let browser: Browser

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
})

/** The relays page of a visitor of its own. */
async function visit(context?: BrowserContext): Promise<Page> {
  const page = await (context ?? (await browser.newContext())).newPage()
  await page.goto(`${lab.url}#relays`)
  await page.getByRole('heading', { level: 1, name: 'The relays' }).waitFor()
  return page
}

const line = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}\\b`) })
const ways = (page: Page) => page.getByRole('list', { name: 'The circuits of now' })
/** The names in the circuits of now, each circuit as one text. */
const circuits = (page: Page) => ways(page).getByRole('listitem').allTextContents()
const ready = (page: Page) => ways(page).getByText('Your circuit').waitFor({ timeout: 60_000 })

describe('the relays of a network, as the page knows them (D-06, D-08)', () => {
  it('are checked by others, who are asked through circuits, and trusted for it', async () => {
    const page = await visit()
    for (const { nickname } of lab.relays) {
      await line(page, nickname)
        .filter({ hasText: 'Trusted' })
        .filter({ hasText: '5 of 5' })
        .waitFor({ timeout: 120_000 })
    }
    await page
      .getByText(/Compared with what \d+ other relays? told through circuits: your entry kept none back/)
      .waitFor()
    await line(page, lab.relays[0]?.nickname ?? '').click()
    const checks = page.getByRole('region', { name: 'Checks' })
    expect(await checks.textContent()).toMatch(
      /Proved itself: passed\..+by [3-9] relays of different networks/s,
    )
    expect(await page.getByRole('region', { name: 'Facts' }).textContent()).toMatch(/Country\s*not known/)
    await page.context().close()
  }, 180_000)

  it('are in no circuit once they are blocked by hand, also after a reload', async () => {
    const page = await visit()
    await ready(page)
    // A middle of the circuit in use, so that it has to be replaced; the entry stays what it is.
    const [, blocked = ''] =
      /2 (\w+)/.exec((await circuits(page)).find((way) => way.includes('Your')) ?? '') ?? []
    await line(page, blocked).click()
    await page.getByRole('button', { name: 'Block', exact: true }).click()
    await page
      .getByRole('status')
      .filter({ hasText: `${blocked} is blocked` })
      .waitFor()
    await line(page, blocked).filter({ hasText: 'Blocked' }).waitFor()
    await expect
      .poll(async () => (await circuits(page)).join(' '), { timeout: 60_000 })
      .not.toMatch(new RegExp(`\\b${blocked}\\b`))
    await ready(page)

    await expect.poll(() => storedMarks(page)).toBe(1)
    await page.reload()
    await line(page, blocked).filter({ hasText: 'Blocked' }).waitFor({ timeout: 60_000 })
    await ready(page)
    expect((await circuits(page)).join(' ')).not.toContain(blocked)
    await line(page, blocked).click()
    await page.getByRole('button', { name: 'Unblock' }).click()
    await line(page, blocked).filter({ hasText: 'Blocked' }).waitFor({ state: 'detached' })
    await page.context().close()
  }, 240_000)

  it('are trusted by hand, and that is shown', async () => {
    const page = await visit()
    const name = lab.relays[1]?.nickname ?? ''
    await line(page, name).click()
    await page.getByRole('button', { name: 'Trust', exact: true }).click()
    await page.getByRole('region', { name: 'Why' }).getByText('You trust it.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('region', { name: 'Why' }).getByText('You trust it.').waitFor({ state: 'detached' })
    await page.context().close()
  })
})

describe('countries to avoid (K-08)', () => {
  it('leave no circuit where all relays are in them or nowhere, and circuits again when it is taken back', async () => {
    const page = await visit()
    await ready(page)
    await page.getByRole('combobox', { name: 'Countries to avoid' }).selectOption({ label: 'Iceland' })
    await page.getByRole('checkbox', { name: /relays whose country is not known/ }).check()
    await expect.poll(async () => (await circuits(page)).length, { timeout: 60_000 }).toBe(0)
    // Kept for the next visit, where no circuit is built against it.
    await page.reload()
    await page.getByRole('button', { name: 'Avoid Iceland no longer' }).waitFor()
    await line(page, lab.relays[0]?.nickname ?? '').waitFor({ timeout: 60_000 })
    expect(await circuits(page)).toEqual([])
    await page.getByRole('button', { name: 'Avoid Iceland no longer' }).click()
    await ready(page)
    await page.context().close()
  }, 180_000)
})

const FOUND = /[1-9] relays?, (?:all known before|\d+ of them new)/

describe('looking for relays by hand (D-02, D-03, D-08, W-03)', () => {
  it('finds them in the DHT, at trackers, at others and here, and nothing leaves but at exits', async () => {
    const recorded = await startRecordedChromium()
    const page = await visit(await recorded.browser.newContext())
    await ready(page)
    const finder = page.getByRole('region', { name: 'Look for relays now' })
    for (const way of ['BitTorrent’s DHT', 'Trackers', 'Other relays', 'This site']) {
      const item = finder.getByRole('listitem').filter({ hasText: way })
      // The relays of a lab that has just begun may still be announcing themselves: then it is asked again.
      await expect
        .poll(
          async () => {
            const result = (await item.getByRole('status').textContent()) ?? ''
            const button = page.getByRole('button', { name: `Look by ${way}` })
            if (!FOUND.test(result) && (await button.isEnabled())) await button.click()
            return result
          },
          { timeout: 120_000, interval: 500 },
        )
        .toMatch(FOUND)
    }
    const places = (await recorded.stop()).filter(({ sent }) => sent)
    const gateways = lab.relays.filter(({ exit }) => !exit).map(({ url }) => new URL(url).host)
    expect(places.length).toBeGreaterThan(0)
    for (const { protocol, address, port } of places) {
      expect(protocol).toBe('tcp')
      expect(gateways).toContain(`${address}:${port}`)
    }
  }, 300_000)
})

describe('what was known at the last visit (D-08)', () => {
  it('is there before any relay has told anything', async () => {
    const context = await browser.newContext()
    const first = await visit(context)
    await ready(first)
    for (const { nickname } of lab.relays) await line(first, nickname).waitFor({ timeout: 60_000 })
    // Written from time to time, and soon after something was done by hand: that is how this write is told from those before.
    await line(first, lab.relays[1]?.nickname ?? '').click()
    await first.getByRole('button', { name: 'Trust', exact: true }).click()
    await expect.poll(() => storedMarks(first)).toBe(1)
    await first.close()
    const site = await (await fetch(`${lab.url}/culvert.json`)).text()
    await Promise.all(lab.relays.map((relay) => relay.stop()))
    const server = await serveWithoutRelay(new URL(lab.url), site)
    const page = await visit(context)
    for (const { nickname } of lab.relays) await line(page, nickname).waitFor({ timeout: 30_000 })
    expect(await circuits(page)).toEqual([])
    await context.close()
    await server.close()
  }, 240_000)
})

/** The site as it was, at the same address, with no relay behind it. */
async function serveWithoutRelay(url: URL, site: string): Promise<PreviewServer> {
  return preview({
    configFile: false,
    root: resolve(import.meta.dirname, '..'),
    build: { outDir: 'dist/web' },
    logLevel: 'error',
    preview: { host: url.hostname, port: Number(url.port), strictPort: true },
    plugins: [
      {
        name: 'site-document',
        configurePreviewServer: ({ middlewares }) => {
          middlewares.use('/culvert.json', (_request, response) => {
            response.setHeader('content-type', 'application/json')
            response.end(site)
          })
        },
      },
    ],
  })
}

/** How many relays are marked by hand in what the page has written into its database. */
async function storedMarks(page: Page): Promise<number> {
  const stored = await page.evaluate(
    () =>
      new Promise<number[]>((resolve, reject) => {
        const opening = indexedDB.open('culvert-directory')
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const db = opening.result
          if (!db.objectStoreNames.contains('directory')) {
            db.close()
            indexedDB.deleteDatabase('culvert-directory')
            resolve([])
            return
          }
          const reading = db.transaction('directory').objectStore('directory').getAll()
          reading.onsuccess = () => {
            db.close()
            const bytes: Uint8Array = reading.result[0] ?? new Uint8Array()
            resolve([...bytes])
          }
          reading.onerror = () => reject(reading.error)
        }
      }),
  )
  return stored.length === 0 ? 0 : readSnapshot(readKept(Uint8Array.from(stored)).trust).marks.length
}
