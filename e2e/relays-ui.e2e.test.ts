import { describe, expect, it } from 'vitest'
import { focusedText, hash, openSample, page, sent, show, useHarness } from './harness-page.ts'

useHarness()

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
