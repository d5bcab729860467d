import { describe, expect, it } from 'vitest'
import { focusedText, hash, openSample, origin, page, sent, show, tabTo, useHarness } from './harness-page.ts'

useHarness()

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

  it('hears that a file could not be saved, and is led back to the files (N-06)', async () => {
    await openSample()
    await show('choosing')
    await page.evaluate(() => window.harness.engine.refuseSave())
    await page.getByRole('alert').filter({ hasText: 'That file cannot be saved now' }).waitFor()
    await page.getByRole('button', { name: 'See the files' }).click()
    await expect.poll(focusedText).toBe('Watch slow-water.mp4')
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

describe('on small screens and for calm eyes (W-10)', () => {
  it.each(['start', 'playing', 'many', 'noPeers', 'hiddenOn', 'otherWays'] as const)(
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
