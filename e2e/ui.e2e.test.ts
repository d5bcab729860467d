import { resolve } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { createServer, type ViteDevServer } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { worldMap } from '../web/bundling/world-map.ts'
import type { PageCommand } from '../web/engine/engine-client.ts'

// The real page around scripted views (e2e/ui-harness.html): what is seen and heard, and what the keyboard reaches.
const root = resolve(import.meta.dirname, '..')
const hash = '0123456789abcdef0123456789abcdef01234567'
let server: ViteDevServer
let browser: Browser
let origin = ''
let context: BrowserContext
let page: Page
const complaints: string[] = []
const strangers: string[] = []

beforeAll(async () => {
  server = await createServer({
    root,
    publicDir: resolve(root, 'public'),
    cacheDir: resolve(root, 'node_modules/.vite-ui'),
    configFile: false,
    logLevel: 'error',
    plugins: [worldMap()],
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  })
  await server.listen()
  origin = new URL(server.resolvedUrls?.local[0] ?? '').origin
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' })
  page = await context.newPage()
  complaints.length = 0
  strangers.length = 0
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) strangers.push(request.url())
  })
  await open()
})

afterEach(async () => {
  await context.close()
  expect(complaints).toEqual([])
  expect(strangers).toEqual([])
})

async function open(scene = 'start'): Promise<void> {
  await page.goto(`${origin}/e2e/ui-harness.html?scene=${scene}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
}

const show = (scene: Parameters<Window['harness']['show']>[0]) =>
  page.evaluate((name) => window.harness.show(name), scene)
const sent = (): Promise<readonly PageCommand[]> => page.evaluate(() => window.harness.engine.sent)
const openSample = () => page.getByRole('button', { name: /^Play the sample film/ }).click()
const focusedText = () =>
  page.evaluate(() => {
    let element = document.activeElement
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''
  })

/** Presses Tab until what has the focus is named so; fails when it is not on the way. */
async function tabTo(name: RegExp): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab')
    if (name.test(await focusedText())) return
  }
  throw new TypeError(`${name} is not reached by Tab`)
}

describe('the page for readers (W-10)', () => {
  it('has landmarks, one first heading, and names for all it offers', async () => {
    for (const role of ['banner', 'navigation', 'main', 'contentinfo'] as const) {
      expect(await page.getByRole(role).count(), role).toBe(1)
    }
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
    expect(await page.getByRole('group', { name: 'Relays between you and the swarm' }).count()).toBe(1)
    expect(await page.getByRole('textbox', { name: 'Magnet link' }).count()).toBe(1)
    expect(await page.getByRole('note').textContent()).toContain('no anonymity')
  })

  it('tells the circuit as a list, and the pieces in a sentence', async () => {
    await openSample()
    await show('playing')
    const way = page.getByRole('list', { name: 'The way from this page to the swarm' })
    expect(await way.getByRole('listitem').count()).toBe(5)
    expect(await page.getByRole('heading', { name: 'The swarm sees 127.0.0.18' }).count()).toBe(1)
    expect(await page.getByRole('img', { name: /pieces: 190 of 435 are here/ }).count()).toBe(1)
    expect(await page.getByRole('progressbar', { name: 'Downloaded' }).getAttribute('aria-valuenow')).toBe(
      '45',
    )
    expect(await page.getByRole('link', { name: 'Save slow-water.mp4' }).getAttribute('href')).toMatch(
      /\?save$/,
    )
  })

  it('hears a stage once, and a problem as an alert', async () => {
    await openSample()
    await show('building')
    await expect.poll(() => page.getByRole('status').textContent()).toBe('Building the circuit.')
    await show('noPeers')
    await page.getByRole('alert').filter({ hasText: 'Nobody is sharing this' }).waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    expect((await sent()).map(({ type }) => type)).toEqual(['open-sample', 'close-torrent', 'open-sample'])
  })
})

describe('hidden seeding (issue 3)', () => {
  const switchOf = () => page.getByRole('switch', { name: 'Seed privately (hidden)' })

  it('is switched on by key where all is here, and says how it stands', async () => {
    await openSample()
    await show('hiddenLooking')
    await page.getByText('Looking for people who share this through relays alone').waitFor()
    expect(await switchOf().count()).toBe(0)
    await show('hiddenOff')
    await switchOf().focus()
    await page.keyboard.press('Space')
    expect((await sent()).at(-1)).toEqual({ type: 'seed-hidden', on: true })
    await show('hiddenOn')
    await page
      .getByText('3 relays can introduce this page without knowing where it is; 1 peer linked')
      .waitFor()
    expect(await switchOf().isChecked()).toBe(true)
    await switchOf().uncheck({ force: true })
    expect((await sent()).at(-1)).toEqual({ type: 'seed-hidden', on: false })
  })
})

describe('the way without protection (C-09)', () => {
  const wayOut = () => page.getByRole('button', { name: 'Watch without protection…' })

  it('is offered where no circuit can be had, and not for faults of the torrent', async () => {
    await openSample()
    await show('noPeers')
    await page.getByRole('alert').filter({ hasText: 'Nobody is sharing this' }).waitFor()
    expect(await wayOut().count()).toBe(0)
    await show('noRelay')
    await page.getByRole('alert').filter({ hasText: 'No relay can be reached' }).waitFor()
    expect(await wayOut().count()).toBe(1)
  })

  it('leads to the page that asks, with the link in no address', async () => {
    const link = `magnet:?xt=urn:btih:${hash}`
    await page.getByRole('textbox', { name: 'Magnet link' }).fill(link)
    await page.keyboard.press('Enter')
    await show('noRelay')
    // That page itself is a build of its own; what it is given is looked at here.
    await page.route('**/direct.html*', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>The page that asks</title>' }),
    )
    await wayOut().click()
    await page.waitForURL(`${origin}/direct.html`)
    expect(await page.evaluate(() => Object.values(sessionStorage).join())).toContain(hash)
  })
})

describe('the page by keyboard (W-10)', () => {
  it('plays the sample, reads on at its title, and stops', async () => {
    await tabTo(/^Play the sample film/)
    await page.keyboard.press('Enter')
    await expect.poll(focusedText).toBe('Slow Water')
    expect(await sent()).toEqual([{ type: 'open-sample' }])
    await tabTo(/^Stop and open another/)
    await page.keyboard.press('Enter')
    await expect.poll(focusedText).toMatch(/^Watch a torrent/)
    expect((await sent()).at(-1)).toEqual({ type: 'close-torrent' })
  })

  it('chooses hops with the arrow keys, and keeps the choice', async () => {
    await page.getByRole('radio', { name: '3 hops' }).focus()
    await page.keyboard.press('ArrowLeft')
    expect(await sent()).toEqual([{ type: 'set-hops', hops: 2 }])
    await page.reload()
    await expect.poll(() => page.getByRole('radio', { name: '2 hops' }).isChecked()).toBe(true)
  })

  it('opens and closes the explanation, and comes back to where it was', async () => {
    await tabTo(/^How it works/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'How Culvert works' }).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    expect(await focusedText()).toBe('How it works')
  })
})

describe('bringing one’s own (W-01)', () => {
  it('explains a bad link, and opens a good one', async () => {
    const field = page.getByRole('textbox', { name: 'Magnet link' })
    await field.fill('magnet:?dn=nothing')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'names no torrent' }).waitFor()
    expect(await sent()).toEqual([])
    await field.fill(`magnet:?xt=urn:btih:${hash}&dn=Tide`)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Tide' }).waitFor()
    expect(await sent()).toEqual([{ type: 'open-magnet', uri: `magnet:?xt=urn:btih:${hash}&dn=Tide` }])
  })

  it('takes a chosen file', async () => {
    await page.locator('input[type=file]').setInputFiles({
      name: 'Tide.torrent',
      mimeType: 'application/x-bittorrent',
      buffer: Buffer.from('d4:infodee'),
    })
    await page.getByRole('heading', { level: 1, name: 'Tide' }).waitFor()
    expect((await sent()).map(({ type }) => type)).toEqual(['open-torrent'])
  })

  it('takes a link pasted anywhere, and a file dropped anywhere', async () => {
    await page.evaluate((text) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', text)
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
    }, `magnet:?xt=urn:btih:${hash}`)
    await page.getByRole('heading', { level: 1, name: 'From a magnet link' }).waitFor()
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['d4:infodee'], 'Ebb.torrent'))
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
    })
    await page.getByRole('heading', { level: 1, name: 'Ebb' }).waitFor()
    expect((await sent()).map(({ type }) => type)).toEqual(['open-magnet', 'close-torrent', 'open-torrent'])
  })
})

describe('the relays page (D-06, D-08, W-10)', () => {
  const goThere = async (scene: Parameters<Window['harness']['showRelays']>[0] = 'world') => {
    await page.getByRole('link', { name: 'Relays' }).click()
    await page.getByRole('heading', { level: 1, name: 'The relays' }).waitFor()
    await page.evaluate((name) => window.harness.showRelays(name), scene)
  }
  const lineOf = (name: RegExp) => page.getByRole('button', { name })

  it('has an address of its own, and the way back leads to the film, which stands still', async () => {
    await openSample()
    await show('playing')
    await goThere()
    expect(page.url()).toMatch(/#relays$/)
    await expect.poll(() => page.title()).toBe('Relays · Culvert')
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Slow Water' }).waitFor()
    expect((await sent()).map(({ type }) => type)).toEqual(['open-sample', 'relays-open', 'relays-close'])
    await page.reload()
    await page.goForward()
    await page.getByRole('heading', { level: 1, name: 'The relays' }).waitFor()
  })

  it('tells each relay’s checks, facts and reasons in words, by keyboard', async () => {
    await goThere()
    await page
      .getByRole('img', { name: /^Map of the world with 64 relays in \d+ countries; most in/ })
      .waitFor()
    const circuits = page.getByRole('list', { name: 'The circuits of now' })
    expect(await circuits.getByRole('listitem').first().textContent()).toMatch(
      /Your circuit:\s+1 Marram \(Netherlands\) · 2 Sallow \(Czechia\) · 3 Osier \(Canada\)/,
    )
    await lineOf(/^Osier/).focus()
    await page.keyboard.press('Enter')
    expect(await lineOf(/^Osier/).getAttribute('aria-expanded')).toBe('true')
    const checks = page.getByRole('region', { name: 'Checks' })
    expect(await checks.getByRole('listitem').count()).toBe(5)
    expect(await checks.textContent()).toContain('Proved itself: passed.')
    expect(await page.getByRole('region', { name: 'Facts' }).textContent()).toContain('osier@relays.example')
    await page.getByRole('searchbox', { name: 'Search' }).fill('bindweed')
    await lineOf(/^Bindweed.*Blocked.*3 of 5/).click()
    expect(await page.getByRole('region', { name: 'Why' }).textContent()).toContain(
      'It was caught changing what passes through it.',
    )
  })

  it('blocks and trusts by hand, and takes it back', async () => {
    await goThere()
    await lineOf(/^Osier/).click()
    await page.getByRole('button', { name: 'Block', exact: true }).click()
    await page
      .getByRole('status')
      .filter({ hasText: 'Osier is blocked: no circuit uses it any more.' })
      .waitFor()
    expect((await sent()).at(-1)).toEqual({ type: 'mark-relay', id: 3, mark: 'blocked' })
    await page.getByRole('button', { name: 'Undo' }).click()
    expect((await sent()).at(-1)).toEqual({ type: 'mark-relay', id: 3 })
    await page.getByRole('button', { name: 'Trust', exact: true }).click()
    expect((await sent()).at(-1)).toEqual({ type: 'mark-relay', id: 3, mark: 'trusted' })
  })

  it('shows what the entry kept back', async () => {
    await goThere()
    await page.getByText('2 relays that your entry did not tell of').waitFor()
    await page.getByRole('button', { name: 'Show what it kept back' }).click()
    await expect.poll(focusedText).toMatch(/^Relays\s+2 of 64/)
    expect(await lineOf(/^Reed/).count()).toBe(1)
    expect(await lineOf(/^Osier/).count()).toBe(0)
  })

  it('avoids countries, prefers near relays, and looks for more, by keyboard', async () => {
    await goThere('searched')
    await page.getByRole('combobox', { name: 'Countries to avoid' }).selectOption({ label: 'France' })
    expect((await sent()).at(-1)).toEqual({
      type: 'avoid-countries',
      avoid: { countries: ['US', 'AU', 'FR'], strict: true },
    })
    await page.getByRole('button', { name: 'Avoid Australia no longer' }).press('Enter')
    expect((await sent()).at(-1)).toEqual({
      type: 'avoid-countries',
      avoid: { countries: ['US'], strict: true },
    })
    await page.getByRole('switch', { name: /^Near relays first/ }).press('Space')
    expect((await sent()).at(-1)).toEqual({ type: 'near-first', on: false })
    await page.getByText('7 relays, 3 of them new').waitFor()
    expect(await page.getByRole('button', { name: 'Look by Trackers' }).isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Look by BitTorrent’s DHT' }).press('Enter')
    expect((await sent()).at(-1)).toEqual({ type: 'find-relays', method: 'dht' })
  })

  it('lists thousands a page at a time, and reads on where they were added', async () => {
    await goThere('thousands')
    await page.getByText('2,340 relays are known, 2,000 of them shown').waitFor()
    const lines = page.locator('li[data-relay]')
    expect(await lines.count()).toBe(40)
    await page.getByRole('button', { name: 'Show 40 more of 1,960' }).press('Enter')
    await expect.poll(() => lines.count()).toBe(80)
    const first = (await lines.nth(40).getByRole('button').textContent())?.trim().split('\n')[0] ?? '?'
    expect(await focusedText()).toContain(first)
  })

  it('opens a link that is pasted there', async () => {
    await goThere()
    await page.evaluate((text) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', text)
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
    }, `magnet:?xt=urn:btih:${hash}`)
    await page.getByRole('heading', { level: 1, name: 'From a magnet link' }).waitFor()
    expect(page.url()).not.toContain('relays')
  })

  it.each(['world', 'lab', 'none', 'searched', 'thousands'] as const)(
    '%s fits 360 px, with targets of 24 px and more',
    async (scene) => {
      await page.setViewportSize({ width: 360, height: 640 })
      await goThere(scene)
      if (scene !== 'none') await page.locator('li[data-relay]').first().getByRole('button').click()
      await expect
        .poll(() =>
          page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
        )
        .toBe(0)
      for (const target of await page.locator('button:visible, a:visible, select:visible').all()) {
        const box = await target.boundingBox()
        expect(
          Math.min(box?.width ?? 0, box?.height ?? 0),
          (await target.textContent()) ?? '',
        ).toBeGreaterThanOrEqual(24)
      }
    },
  )
})

describe('on small screens and for calm eyes (W-10)', () => {
  it.each(['start', 'playing', 'many', 'noPeers', 'hiddenOn'] as const)(
    '%s fits 360 px, with targets of 24 px and more',
    async (scene) => {
      await page.setViewportSize({ width: 360, height: 640 })
      if (scene !== 'start') await openSample()
      await show(scene)
      await expect
        .poll(() =>
          page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
        )
        .toBe(0)
      for (const target of await page.locator('button:visible, a:visible').all()) {
        const box = await target.boundingBox()
        expect(
          Math.min(box?.width ?? 0, box?.height ?? 0),
          (await target.textContent()) ?? '',
        ).toBeGreaterThanOrEqual(24)
      }
    },
  )

  it('moves nothing for those who asked for rest', async () => {
    await openSample()
    await show('building')
    const moving = () =>
      page.evaluate(() => {
        const within = (root: Document | ShadowRoot): number =>
          [...root.querySelectorAll('*')].reduce(
            (sum, { shadowRoot }) => sum + (shadowRoot === null ? 0 : within(shadowRoot)),
            root.getAnimations().length,
          )
        return within(document)
      })
    expect(await moving()).toBe(0)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    await expect.poll(moving).toBeGreaterThan(0)
  })

  it('keeps the theme that was chosen', async () => {
    const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)
    await page.getByRole('button', { name: 'Switch to the dark theme' }).click()
    expect(await scheme()).toBe('dark')
    await page.reload()
    await page.getByRole('button', { name: 'Switch to the light theme' }).waitFor()
    expect(await scheme()).toBe('dark')
  })
})
