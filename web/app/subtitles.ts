import type { FileView } from '../engine/protocol.ts'
import { formatLanguage } from './formats.ts'

export interface SubtitleTrack {
  readonly url: string
  readonly label: string
  /** BCP 47 tag, or empty when the name does not tell. */
  readonly language: string
}

/** The subtitle files of a torrent (the engine serves SubRip as WebVTT) that go with a film: those that share its name, else all; each with its language. */
export function subtitlesFor(film: FileView, files: readonly FileView[]): readonly SubtitleTrack[] {
  const all = files.filter(({ kind }) => kind === 'subtitles')
  const stem = stemOf(film.name)
  const own = all.filter(({ name }) => baseName(name).startsWith(stem))
  return (own.length > 0 ? own : all).map(({ url, name }) => {
    const language = languageIn(name)
    return { url, language, label: language === '' ? stemOf(name) : formatLanguage(language) }
  })
}

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1).toLowerCase()
const stemOf = (path: string) => baseName(path).replace(/\.[^.]*$/, '')

/** `film.pt-BR.vtt` tells `pt-BR`; anything that Intl does not take for a language tells nothing. */
function languageIn(name: string): string {
  const tag = /[._ ]([a-z]{2,3}(?:-[a-z0-9]{2,8})?)\.(?:vtt|srt)$/i.exec(name)?.[1]
  if (tag === undefined) return ''
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? ''
  } catch (error) {
    if (error instanceof RangeError) return ''
    throw error
  }
}
