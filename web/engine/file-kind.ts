import type { FileView } from './protocol.ts'

export type FileKind = FileView['kind']

/** What a name's extension tells. `type` is served to the browser; types that a browser would run as a page are not here. */
const KINDS: Readonly<Record<string, { readonly kind: FileKind; readonly type: string }>> = {
  mp4: { kind: 'video', type: 'video/mp4' },
  m4v: { kind: 'video', type: 'video/mp4' },
  mov: { kind: 'video', type: 'video/mp4' },
  webm: { kind: 'video', type: 'video/webm' },
  mkv: { kind: 'video', type: 'video/x-matroska' },
  ogv: { kind: 'video', type: 'video/ogg' },
  avi: { kind: 'video', type: 'video/x-msvideo' },
  mp3: { kind: 'audio', type: 'audio/mpeg' },
  m4a: { kind: 'audio', type: 'audio/mp4' },
  m4b: { kind: 'audio', type: 'audio/mp4' },
  aac: { kind: 'audio', type: 'audio/aac' },
  flac: { kind: 'audio', type: 'audio/flac' },
  ogg: { kind: 'audio', type: 'audio/ogg' },
  oga: { kind: 'audio', type: 'audio/ogg' },
  opus: { kind: 'audio', type: 'audio/ogg' },
  wav: { kind: 'audio', type: 'audio/wav' },
  jpg: { kind: 'image', type: 'image/jpeg' },
  jpeg: { kind: 'image', type: 'image/jpeg' },
  png: { kind: 'image', type: 'image/png' },
  gif: { kind: 'image', type: 'image/gif' },
  webp: { kind: 'image', type: 'image/webp' },
  avif: { kind: 'image', type: 'image/avif' },
  vtt: { kind: 'subtitles', type: 'text/vtt; charset=utf-8' },
  srt: { kind: 'subtitles', type: 'text/vtt; charset=utf-8' },
}

const OTHER = { kind: 'other', type: 'application/octet-stream' } as const

/** Kind and MIME type of a file by its name's extension. */
export function fileKind(name: string): { readonly kind: FileKind; readonly type: string } {
  const extension = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1]?.toLowerCase()
  return (extension !== undefined && Object.hasOwn(KINDS, extension) && KINDS[extension]) || OTHER
}
