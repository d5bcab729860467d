import { describe, expect, it } from 'vitest'
import type { FileView } from '../engine/protocol.ts'
import { subtitlesFor } from './subtitles.ts'

const file = (name: string, kind: FileView['kind']): FileView => ({
  index: 0,
  name,
  bytes: 1,
  kind,
  url: `/${name}`,
})
const film = file('Films/Slow Water.mp4', 'video')

describe('subtitles of a film (W-01)', () => {
  it('takes those that share the name, with their languages', () => {
    const tracks = subtitlesFor(film, [
      film,
      file('Films/Slow Water.en.vtt', 'subtitles'),
      file('Subs/slow water.pt-BR.vtt', 'subtitles'),
      file('Films/Other.de.vtt', 'subtitles'),
      file('Films/Slow Water.fi.srt', 'subtitles'),
      file('Films/Slow Water.nfo', 'other'),
    ])
    expect(tracks.map(({ language }) => language)).toEqual(['en', 'pt-BR', 'fi'])
    expect(tracks[0]?.url).toBe('/Films/Slow Water.en.vtt')
  })

  it('takes all when none shares the name', () => {
    expect(subtitlesFor(film, [file('english.vtt', 'subtitles')])).toEqual([
      { url: '/english.vtt', language: '', label: 'english' },
    ])
  })

  it('has none when there are none', () => {
    expect(subtitlesFor(film, [film])).toEqual([])
  })
})
