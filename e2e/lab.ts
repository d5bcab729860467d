import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { type Lab, startLab } from '../relay-server/lab/lab.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The lab as `npm start` runs it: built programs, built page, the project's own film. */
export function startBuiltLab(logLevel: 'error' | 'info' = 'error'): Promise<Lab> {
  const webRoot = `${root}dist/web`
  if (!existsSync(`${webRoot}/index.html`) || !existsSync(`${root}dist/relay-server/main.js`)) {
    throw new Error('nothing is built: run `npm run build` first')
  }
  return startLab({ webRoot, sampleFolder: `${root}public/sample`, program: 'built', logLevel })
}

/** What the film in the page is doing. */
export interface VideoState {
  readonly time: number
  readonly duration: number
  readonly paused: boolean
  readonly width: number
  readonly error: string | undefined
}

export function videoState(page: Page): Promise<VideoState> {
  return page.locator('video').evaluate((element) => {
    const video = element as HTMLVideoElement
    return {
      time: video.currentTime,
      duration: video.duration,
      paused: video.paused,
      width: video.videoWidth,
      error: video.error?.message,
    }
  })
}

/** The host that the page says the swarm sees; undefined while it says none. */
export async function exitShown(page: Page): Promise<string | undefined> {
  const heading = page.getByRole('heading', { name: /^The swarm sees \d/ })
  if ((await heading.count()) === 0) return undefined
  return /[\d.]+$/.exec((await heading.first().textContent())?.trim() ?? '')?.[0]
}

/** Presses play on the sample's card, once the page offers it. */
export async function playSample(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Play the sample film/ }).click()
}

export async function openMagnet(page: Page, uri: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Magnet link' })
  await field.fill(uri)
  await field.press('Enter')
}
