import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { film } from './timeline.ts'

const sample = (name: string) => fileURLToPath(new URL(`../../public/sample/${name}`, import.meta.url))

interface Probe {
  streams: { codec_type: string; codec_name: string; width?: number; height?: number; pix_fmt?: string }[]
  format: { duration: string }
}
const probe = (name: string): Probe =>
  JSON.parse(
    execFileSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', sample(name)], {
      encoding: 'utf8',
    }),
  )

/** The names of an MP4 file's top-level boxes, in order (ISO 14496-12 §4.2). */
function boxes(file: Buffer): string[] {
  const names: string[] = []
  for (let at = 0; at + 8 <= file.length; ) {
    const size = file.readUInt32BE(at)
    names.push(file.toString('latin1', at + 4, at + 8))
    if (size < 8) break
    at += size
  }
  return names
}

const clock = /^(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})$/
function seconds(stamp: string): number {
  const found = clock.exec(stamp)
  if (!found) throw new Error(`not a WebVTT time: ${stamp}`)
  const [, hours = '0', minutes = '', secs = '', thousandths = ''] = found
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(secs) + Number(thousandths) / 1000
}

interface Cue {
  from: number
  to: number
  text: string
}

/** Cues of a WebVTT file; blocks without an arrow (the header, notes) are none. */
function cues(vtt: string): Cue[] {
  expect(vtt.startsWith('WEBVTT\n')).toBe(true)
  return vtt
    .trimEnd()
    .split(/\n{2,}/)
    .filter((block) => block.includes('-->'))
    .map((block) => {
      const lines = block.split('\n')
      const at = lines.findIndex((line) => line.includes('-->'))
      const [from = '', to = ''] = (lines[at] ?? '').split(' --> ')
      return { from: seconds(from), to: seconds(to), text: lines.slice(at + 1).join('\n') }
    })
}

describe('the sample film (O-01: a film to try the lab with)', () => {
  test('is at least a minute of H.264 and AAC in at most 8 MB', () => {
    const { streams, format } = probe('culvert.mp4')
    expect(Number(format.duration)).toBeGreaterThanOrEqual(60)
    expect(Number(format.duration)).toBeCloseTo(film.lengthS, 0)
    expect(statSync(sample('culvert.mp4')).size).toBeLessThanOrEqual(8_000_000)
    expect(streams.map(({ codec_type, codec_name }) => `${codec_type} ${codec_name}`).sort()).toEqual([
      'audio aac',
      'video h264',
    ])
    const picture = streams.find(({ codec_type }) => codec_type === 'video')
    expect(picture).toMatchObject({ width: film.widthPx, height: film.heightPx, pix_fmt: 'yuv420p' })
  })

  test('has its index before its data, so that it plays from the first bytes', () => {
    const order = boxes(readFileSync(sample('culvert.mp4')))
    expect(order).toContain('mdat')
    expect(order.indexOf('moov')).toBeGreaterThan(0)
    expect(order.indexOf('moov')).toBeLessThan(order.indexOf('mdat'))
  })

  test('has a key frame every two seconds or so, so that seeking is quick', () => {
    const shown = execFileSync(
      'ffprobe',
      [
        ...['-v', 'error', '-select_streams', 'v', '-skip_frame', 'nokey', '-show_entries', 'frame=pts_time'],
        ...['-of', 'csv=p=0', sample('culvert.mp4')],
      ],
      { encoding: 'utf8' },
    )
    const times = (shown.match(/\d+\.\d+/g) ?? []).map(Number)
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    expect(times[0]).toBeLessThan(0.1)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2.1)
  })

  test('has subtitles within its length, one after the other, each long enough to read', () => {
    const found = cues(readFileSync(sample('culvert.en.vtt'), 'utf8'))
    expect(found.length).toBeGreaterThanOrEqual(10)
    let end = 0
    for (const { from, to, text } of found) {
      expect(from).toBeGreaterThanOrEqual(end)
      expect(text).not.toBe('')
      expect(text.length / (to - from), text).toBeLessThanOrEqual(20)
      end = to
    }
    expect(end).toBeLessThanOrEqual(film.lengthS)
  })

  test('has a poster of its own size', () => {
    expect(probe('poster.jpg').streams[0]).toMatchObject({ width: film.widthPx, height: film.heightPx })
  })
})
