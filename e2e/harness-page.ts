import { resolve } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright'
import { createServer, type ViteDevServer } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { worldMap } from '../web/bundling/world-map.ts'
import type { PageCommand } from '../web/engine/engine-client.ts'
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts'

// The real page around scripted views (e2e/ui-harness.html): what is seen and heard, and what the keyboard reaches.
const root = resolve(import.meta.dirname, '..')
export const hash = '0123456789abcdef0123456789abcdef01234567'
let server: ViteDevServer
let browser: Browser
export let origin = ''
let context: BrowserContext
export let page: Page
const complaints: string[] = []
const strangers: string[] = []

/** Before the tests of the file that calls this: the harness is served, and each test has a page of its own. */
export function useHarness(): void {
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
      executablePath: CHROMIUM,
      args: [...CHROMIUM_FLAGS],
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
}

async function open(scene = 'start'): Promise<void> {
  await page.goto(`${origin}/e2e/ui-harness.html?scene=${scene}`)
  await page.getByRole('heading', { level: 1 }).waitFor()
}

export const show = (scene: Parameters<Window['harness']['show']>[0]) =>
  page.evaluate((name) => window.harness.show(name), scene)
export const sent = (): Promise<readonly PageCommand[]> => page.evaluate(() => window.harness.engine.sent)
export const openSample = () => page.getByRole('button', { name: /^Play the sample film/ }).click()
export const focusedText = () =>
  page.evaluate(() => {
    let element = document.activeElement
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''
  })

/** Presses Tab until what has the focus is named so; fails when it is not on the way. */
export async function tabTo(name: RegExp): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab')
    if (name.test(await focusedText())) return
  }
  throw new TypeError(`${name} is not reached by Tab`)
}
