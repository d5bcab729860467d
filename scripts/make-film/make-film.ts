// npx tsx scripts/make-film/make-film.ts [pictures [n...] | sound | encode]: makes public/sample/culvert.mp4 and its poster.
// Without words it does all three steps. The film's pictures are drawn in ten parts of eight seconds; "pictures 3 4"
// draws two of them again. Parts and score wait in OUT (/tmp/culvert-film) between steps.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawFrames, ffmpeg, rawFrames } from './pictures.ts'
import { score } from './score.ts'
import { wavFile } from './synth.ts'
import { film } from './timeline.ts'

const partLengthS = 8
const partCount = film.lengthS / partLengthS
const maxFileBytes = 8_000_000
const audioBitsPerSecond = 96_000
const videoBitsPerSecond = 640_000
const posterAtS = 68.5

const work = process.env.OUT ?? '/tmp/culvert-film'
const sample = (name: string) => fileURLToPath(new URL(`../../public/sample/${name}`, import.meta.url))
const part = (index: number) => `${work}/part-${index}.mkv`
const say = (line: string) => process.stdout.write(`${line}\n`)

async function drawPart(index: number): Promise<void> {
  const count = partLengthS * film.framesPerSecond
  const times = Array.from({ length: count }, (_, i) => index * partLengthS + i / film.framesPerSecond)
  const lossless = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '5', '-pix_fmt', 'yuv420p']
  const keep = ffmpeg([...rawFrames, ...lossless, part(index)])
  await drawFrames(times, (rgba) => keep.feed(rgba))
  await keep.ended()
  say(`part ${index + 1} of ${partCount} drawn`)
}

async function encode(): Promise<void> {
  const list = `${work}/parts.txt`
  writeFileSync(list, Array.from({ length: partCount }, (_, i) => `file '${part(i)}'\n`).join(''))
  const gop = String(film.framesPerSecond * 2)
  const video = [
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'slow',
      '-profile:v',
      'high',
      '-pix_fmt',
      'yuv420p',
      '-b:v',
      String(videoBitsPerSecond),
    ],
    ...[
      '-maxrate',
      '1600k',
      '-bufsize',
      '3200k',
      '-g',
      gop,
      '-keyint_min',
      gop,
      '-aq-mode',
      '3',
      '-tune',
      'film',
    ],
    ...['-passlogfile', `${work}/pass`],
  ]
  const pictures = ['-f', 'concat', '-safe', '0', '-i', list]
  await ffmpeg([...pictures, ...video, '-pass', '1', '-an', '-f', 'null', '/dev/null']).ended()
  const audio = ['-c:a', 'aac', '-b:a', String(audioBitsPerSecond), '-ar', String(film.sampleRateHz)]
  const plain = [
    '-map_metadata',
    '-1',
    '-metadata',
    'title=Culvert',
    '-fflags',
    '+bitexact',
    '-movflags',
    '+faststart',
  ]
  const streams = ['-i', `${work}/score.wav`, '-map', '0:v', '-map', '1:a', '-t', String(film.lengthS)]
  await ffmpeg([
    ...pictures,
    ...streams,
    ...video,
    '-pass',
    '2',
    ...audio,
    ...plain,
    sample('culvert.mp4'),
  ]).ended()
  await ffmpeg([
    '-ss',
    String(posterAtS % partLengthS),
    '-i',
    part(Math.floor(posterAtS / partLengthS)),
    '-frames:v',
    '1',
    '-q:v',
    '3',
    sample('poster.jpg'),
  ]).ended()
  const { size } = statSync(sample('culvert.mp4'))
  if (size > maxFileBytes)
    throw new Error(`the film has ${size} bytes, more than ${maxFileBytes}: lower videoBitsPerSecond`)
  say(`public/sample/culvert.mp4: ${size} bytes`)
}

mkdirSync(work, { recursive: true })
mkdirSync(sample('.'), { recursive: true })
const [step, ...indices] = process.argv.slice(2)
if (!step || step === 'pictures') {
  const chosen = indices.length > 0 ? indices.map(Number) : Array.from({ length: partCount }, (_, i) => i)
  for (const index of chosen) await drawPart(index)
}
if (!step || step === 'sound') writeFileSync(`${work}/score.wav`, wavFile(score()))
if (!step || step === 'encode') await encode()
