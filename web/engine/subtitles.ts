/** Subtitles as WebVTT text, whatever they came as: WebVTT or SubRip; UTF-8, UTF-16 with a mark, or Windows-1252. */
export function toWebVtt(bytes: Uint8Array): string {
  const text = decode(bytes).replace(/\r\n?/g, '\n')
  if (/^WEBVTT(?:[ \t\n]|$)/.test(text)) return text
  // SubRip differs in the comma before milliseconds alone.
  const cues = text.replace(
    /^(\d{1,3}:\d{2}:\d{2}),(\d{3}) --> (\d{1,3}:\d{2}:\d{2}),(\d{3})/gm,
    '$1.$2 --> $3.$4',
  )
  return `WEBVTT\n\n${cues}`
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}
