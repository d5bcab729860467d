import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startLab } from '../relay-server/lab/lab.ts'
import { benchAead } from './aead.ts'
import { benchBuild, benchGoodput } from './goodput.ts'
import { benchJumbo } from './jumbo.ts'
import { benchPage } from './page.ts'
import { benchPages } from './pages.ts'
import { formatSection, type Section } from './report.ts'
import { benchRouter } from './router.ts'
import { benchSimulator } from './simulator.ts'

// `npm run bench [aead router simulator jumbo pages goodput build page]`: all, or those named. Everything of one run is measured on one machine in one
// go, so the ratios hold; the absolute figures are this machine's, at this hour.

const TORRENT_BYTES = 96 * 2 ** 20
const NAMES = ['aead', 'router', 'simulator', 'jumbo', 'pages', 'goodput', 'build', 'page'] as const
const wanted = new Set(process.argv.slice(2))
const unknown = [...wanted].filter((name) => !NAMES.some((known) => known === name))
if (unknown.length > 0) {
  console.error(`bench: there is no ${unknown.join(', ')}; there are ${NAMES.join(', ')}`)
  process.exit(2)
}
const wants = (name: (typeof NAMES)[number]) => wanted.size === 0 || wanted.has(name)

/** A folder with a file that the lab takes for its film: random bytes, so that nothing on the way can be clever. */
async function randomSample(folder: string, bytes: number): Promise<void> {
  const file = await open(join(folder, 'large.mp4'), 'w')
  for (let at = 0; at < bytes; at += 2 ** 20) await file.write(randomBytes(2 ** 20))
  await file.close()
  // A torrent of one file has no folder; the lab's have one.
  await writeFile(join(folder, 'large.vtt'), 'WEBVTT\n')
}

function print(section: Section): void {
  console.log(formatSection(section))
}

console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}\n`)
if (wants('aead')) print(await benchAead())
if (wants('router')) print(await benchRouter())
if (wants('simulator')) print(benchSimulator())
if (wants('jumbo')) print(await benchJumbo())
if (wants('pages')) print(await benchPages())
if (wants('goodput') || wants('build') || wants('page')) {
  const webRoot = fileURLToPath(new URL('../dist/web', import.meta.url))
  if (!existsSync(webRoot)) throw new Error('the page is not built: npm run build')
  const sampleFolder = await mkdtemp(join(tmpdir(), 'culvert-bench-sample-'))
  try {
    await randomSample(sampleFolder, wants('page') ? TORRENT_BYTES : 2 ** 20)
    const lab = await startLab({
      webRoot,
      sampleFolder,
      logLevel: 'error',
      onOutput: (line) => console.error(line),
    })
    try {
      if (wants('build')) print(await benchBuild(lab))
      if (wants('goodput')) print(await benchGoodput(lab))
      if (wants('page')) print(await benchPage(lab, TORRENT_BYTES))
    } finally {
      await lab.stop()
    }
  } finally {
    await rm(sampleFolder, { recursive: true, force: true })
  }
}
process.exit()
