import type { Lab } from '../relay-server/lab/lab.ts'
import { type BenchPage, openPage } from './chromium.ts'
import { median, type Section } from './report.ts'

const ROUNDS = 3
const MB = 1_000_000
/** What is downloaded before the clock starts: peers are found, windows are open. */
const WARM_BYTES = 8 * 2 ** 20

const APP = "document.querySelector('culvert-app')"

/** Bytes per second of a torrent in the page, from the first 8 MiB to the end, over circuits of `hops` hops. */
async function pageRate(lab: Lab, hops: number, bytes: number): Promise<number> {
  const page = await openPage(lab.url)
  try {
    await until(
      page,
      `${APP}?.state?.view?.entry?.state === 'open' && ${APP}.state.view.sample !== undefined`,
    )
    await page.evaluate(`${APP}.engine.send({ type: 'set-hops', hops: ${hops} })`)
    const ready = `c.role === 'primary' && c.state === 'ready' && c.hops.length === ${hops}`
    await until(page, `${APP}.state.view.circuits.some((c) => ${ready})`)
    await page.evaluate(`${APP}.engine.send({ type: 'open-sample' })`)
    await until(page, `${APP}.state.view.torrent?.files.length > 0`)
    await page.evaluate(`${APP}.engine.send({ type: 'select-file', index: 0 })`)
    // Measured in the page, by its own clock: when the warm part is here, and when all is.
    return await page.evaluate<number>(`new Promise((resolve) => {
      let start
      const look = () => {
        const { bytesHere } = ${APP}.state.view.torrent
        if (start === undefined && bytesHere >= ${WARM_BYTES}) start = { at: performance.now(), bytesHere }
        if (bytesHere < ${bytes}) setTimeout(look, 20)
        else resolve((1000 * (bytesHere - start.bytesHere)) / (performance.now() - start.at))
      }
      look()
    })`)
  } finally {
    await page.stop()
  }
}

async function until(page: BenchPage, condition: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    // A page that is still loading has nothing to evaluate in.
    if (await page.evaluate<boolean>(`Boolean(${condition})`).catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the page did not come to: ${condition}`)
}

/** A torrent in real Chromium, from the lab's seeder. `bytes` is its size. */
export async function benchPage(lab: Lab, bytes: number): Promise<Section> {
  const rates = new Map<number, number>()
  for (const hops of [1, 3]) {
    const values: number[] = []
    for (let round = 0; round < ROUNDS; round++) values.push(await pageRate(lab, hops, bytes))
    rates.set(hops, median(values) / MB)
  }
  const against = { name: 'the page, 1 hop', value: rates.get(1) ?? Number.NaN }
  return {
    title: `Goodput of the page in Chromium, a torrent of ${Math.round(bytes / 2 ** 20)} MiB from one seeder`,
    figures: [
      { what: against.name, value: against.value, unit: 'MB/s' },
      { what: 'the page, 3 hops', value: rates.get(3) ?? Number.NaN, unit: 'MB/s', against, aim: 10 },
    ],
  }
}
