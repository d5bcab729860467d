import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { type Lab, type LabOptions, startLab } from '../relay-server/lab/lab.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The lab as `npm start` runs it: built programs, built page, and the project's own film unless another is given. */
export function startBuiltLab(options: Partial<LabOptions> = {}): Promise<Lab> {
  const webRoot = `${root}dist/web`
  if (!existsSync(`${webRoot}/index.html`) || !existsSync(`${root}dist/relay-server/main.js`)) {
    throw new Error('nothing is built: run `npm run build` first')
  }
  return startLab({
    webRoot,
    sampleFolder: `${root}public/sample`,
    program: 'built',
    logLevel: 'error',
    ...options,
  })
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

/** A film of two minutes and some 60 MB, mostly noise: it takes a while to arrive. In `folder`, as the lab's sample. */
export function makeLongFilm(folder: string): void {
  const noise = ['-f', 'lavfi', '-i', 'nullsrc=s=640x360:r=24,geq=random(1)*255:128:128,loop=-1:24']
  const sound = ['-f', 'lavfi', '-i', 'sine=f=220']
  const coding = [
    '-t',
    '120',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-g',
    '48',
    '-b:v',
    '4M',
    '-c:a',
    'aac',
  ]
  const target = `${folder}/long.mp4`
  // A torrent of one file has no folder; the lab's have one.
  writeFileSync(`${folder}/long.en.vtt`, 'WEBVTT\n\n00:01.000 --> 00:09.000\nNoise.\n')
  execFileSync('ffmpeg', ['-v', 'error', ...noise, ...sound, ...coding, '-movflags', '+faststart', target])
}

/** The project's own film six times over: eight minutes and 45 MB, at the rate of one. In `folder`, as the lab's sample. */
export function makeRepeatedFilm(folder: string): void {
  const sample = `${root}public/sample/culvert`
  const input = ['-stream_loop', '5', '-i', `${sample}.mp4`, '-c', 'copy']
  execFileSync('ffmpeg', ['-v', 'error', ...input, '-movflags', '+faststart', `${folder}/long.mp4`])
  copyFileSync(`${sample}.en.vtt`, `${folder}/long.en.vtt`)
}

/** How much of the film is here, in percent, as the page says. */
export async function percentHere(page: Page): Promise<number> {
  return Number(await page.getByRole('progressbar', { name: 'Downloaded' }).getAttribute('aria-valuenow'))
}
