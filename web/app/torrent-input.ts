import { MAGNET_BYTES, TORRENT_FILE_BYTES } from '../engine/limits.ts'
import type { Intent } from './intents.ts'
import { readMagnet } from './magnet-input.ts'

/** A bencoded dictionary begins with `d` and ends with `e` (BEP 3); the engine's parser has the last word. */
export function looksLikeTorrent(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes.length <= TORRENT_FILE_BYTES && bytes[0] === 0x64 && bytes.at(-1) === 0x65
}

/** What a chosen, dropped or pasted file asks for. */
export async function intentOfFile(file: File): Promise<Intent> {
  if (file.size > TORRENT_FILE_BYTES) return { type: 'report', code: 'not-a-torrent-file' }
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (looksLikeTorrent(bytes)) {
    return {
      type: 'open',
      request: { kind: 'torrent', file: bytes, name: file.name.replace(/\.torrent$/i, '') },
    }
  }
  return { type: 'report', code: /\.torrent$/i.test(file.name) ? 'torrent-malformed' : 'not-a-torrent-file' }
}

/** What text that was dropped or pasted somewhere on the page asks for: nothing, unless it is meant as a magnet link. */
export function intentOfText(text: string): Intent | undefined {
  const magnet = readMagnet(text)
  if (magnet.ok) return { type: 'open', request: { kind: 'magnet', uri: magnet.uri, name: magnet.name } }
  const meant = text.length <= MAGNET_BYTES && /^\s*magnet:/i.test(text)
  return meant ? { type: 'report', code: 'magnet-malformed' } : undefined
}
