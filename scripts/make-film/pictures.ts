import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright'
import { cue, film, layerColours, timelineAsGlsl } from './timeline.ts'

const here = new URL('.', import.meta.url)
const sceneNames = ['pool', 'brook', 'tunnel', 'sea', 'finish', 'soften']

function shaderSources(): Record<string, string> {
  const read = (name: string) => readFileSync(new URL(`shaders/${name}.glsl`, here), 'utf8')
  const head = `#version 300 es\nprecision highp float;\n${timelineAsGlsl()}${read('common')}`
  return Object.fromEntries(sceneNames.map((name) => [name, head + read(name)]))
}

const page = `<!doctype html><script type="module">
import { createStage } from './stage.js'
import { decorations } from './sparks.js'
const { times, cue, film, layerColours, sources } = await (await fetch('/plan')).json()
try {
  const stage = createStage({ ...film, sources, cue })
  const decorate = decorations({ cue, layerColours, size: film })
  for (const time of times) await fetch('/frame', { method: 'POST', body: stage.frame(time, decorate) })
  await fetch('/end', { method: 'POST' })
} catch (error) {
  await fetch('/end', { method: 'POST', body: String(error.stack) })
}
</script>`

/**
 * Draws the frames at the given times (seconds) in a headless Chromium and hands each to onFrame, in order, as RGBA
 * rows from the bottom up (OpenGL's order).
 */
export async function drawFrames(
  times: number[],
  onFrame: (rgba: Buffer, index: number) => Promise<void>,
): Promise<void> {
  const plan = JSON.stringify({ times, cue, film, layerColours, sources: shaderSources() })
  let index = 0
  let finish: (complaint: string) => void = () => {}
  const finished = new Promise<string>((resolve) => {
    finish = resolve
  })
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/'
    if (path === '/frame' || path === '/end') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      if (path === '/frame') await onFrame(body, index++)
      else finish(body.toString())
      response.end()
    } else if (path === '/plan') {
      response.end(plan)
    } else if (path.endsWith('.js')) {
      response.setHeader('content-type', 'text/javascript')
      response.end(readFileSync(new URL(`.${path}`, here)))
    } else {
      response.setHeader('content-type', 'text/html')
      response.end(page)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
    ],
  })
  try {
    const tab = await browser.newPage()
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const complaint = await finished
    if (complaint) throw new Error(`drawing failed: ${complaint}`)
  } finally {
    await browser.close()
    server.close()
  }
}

/** Runs ffmpeg; the returned feed writes to its standard input, and ended waits for it to exit with success. */
export function ffmpeg(args: string[]): {
  feed: (bytes: Uint8Array) => Promise<void>
  ended: () => Promise<void>
} {
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const exited = once(child, 'exit')
  return {
    async feed(bytes) {
      if (!child.stdin.write(bytes)) await once(child.stdin, 'drain')
    },
    async ended() {
      child.stdin.end()
      const [code] = await exited
      if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
    },
  }
}

/** ffmpeg input options for the frames that drawFrames gives. */
export const rawFrames = [
  ...['-f', 'rawvideo', '-pix_fmt', 'rgba', '-s', `${film.widthPx}x${film.heightPx}`],
  ...['-r', String(film.framesPerSecond), '-i', 'pipe:0', '-vf', 'vflip'],
]
