import { describe, expect, it } from 'vitest'
import { fileKind } from './file-kind.ts'
import { toWebVtt } from './subtitles.ts'

describe('subtitles as WebVTT (W-01)', () => {
  it('leaves WebVTT as it is', () => {
    const text = 'WEBVTT - film\n\n00:01.000 --> 00:02.000\nHello, 10:00:00,000 is no time here'
    expect(toWebVtt(Buffer.from(`\ufeff${text}`))).toBe(text)
  })

  it('turns SubRip into it', () => {
    const srt =
      '1\r\n00:00:01,000 --> 00:00:02,500\r\nHello, you\r\n\r\n2\r\n01:00:03,250 --> 01:00:04,000 X1:0\r\nBye\r\n'
    expect(toWebVtt(Buffer.from(srt))).toBe(
      'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\nHello, you\n\n2\n01:00:03.250 --> 01:00:04.000 X1:0\nBye\n',
    )
  })

  it('reads UTF-16 by its mark, and Windows-1252 where it is not UTF-8', () => {
    expect(toWebVtt(Buffer.from('\ufeffWEBVTT\n\nä', 'utf16le'))).toBe('WEBVTT\n\nä')
    expect(toWebVtt(Buffer.from('\ufeffWEBVTT\n\nä', 'utf16le').swap16())).toBe('WEBVTT\n\nä')
    expect(toWebVtt(Buffer.from('WEBVTT\n\n\xe4', 'latin1'))).toBe('WEBVTT\n\nä')
  })
})

describe('kinds of files (W-01)', () => {
  it('goes by the extension, and takes nothing for a page', () => {
    const names = [
      'A.Film.MP4',
      'song.opus',
      'cover.jpeg',
      'film.en.srt',
      'page.html',
      'pic.svg',
      'none',
      'constructor.',
    ]
    expect(names.map((name) => fileKind(name).kind)).toEqual([
      'video',
      'audio',
      'image',
      'subtitles',
      'other',
      'other',
      'other',
      'other',
    ])
    expect(fileKind('page.html').type).toBe('application/octet-stream')
    expect(fileKind('x.toString').type).toBe('application/octet-stream')
  })
})
