// npx tsx scripts/make-film/look.ts 3.5 12 40: writes single frames as PNG, to look at while working on a scene.
import { mkdirSync } from 'node:fs'
import { drawFrames, ffmpeg, rawFrames } from './pictures.ts'

const folder = process.env.OUT ?? '/tmp/culvert-film'
mkdirSync(folder, { recursive: true })
const times = process.argv.slice(2).map(Number)
const start = performance.now()
await drawFrames(times, async (rgba, index) => {
  const png = ffmpeg([...rawFrames, '-frames:v', '1', `${folder}/look-${times[index]}.png`])
  await png.feed(rgba)
  await png.ended()
})
process.stdout.write(
  `${times.length} frames, ${((performance.now() - start) / times.length).toFixed(0)} ms each\n`,
)
