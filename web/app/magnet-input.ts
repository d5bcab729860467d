import { MAGNET_BYTES } from '../engine/limits.ts'

/** Looks over what a visitor pasted, before the engine is troubled with it. The engine's own parser has the last word. */

export type MagnetInput =
  | { readonly ok: true; readonly uri: string; readonly name: string | undefined }
  | { readonly ok: false; readonly why: 'empty' | 'no-magnet' | 'too-long' | 'no-info-hash' }

// BEP 9: v1 info hash as 40 hex or 32 base32 characters. BEP 52: v2 as a multihash, sha2-256 (12 20) and 64 hex.
const infoHash = /^urn:(?:btih:(?:[0-9a-f]{40}|[a-z2-7]{32})|btmh:1220[0-9a-f]{64})$/i
const bareHash = /^[0-9a-f]{40}$/i

/** Takes a magnet link, or a bare 40-character info hash, with white space around and (from a mail) line breaks within. */
export function readMagnet(text: string): MagnetInput {
  if (text.length > MAGNET_BYTES) return { ok: false, why: 'too-long' }
  const squeezed = text
    .trim()
    .replace(/\s*[\r\n]\s*/g, '')
    .replaceAll(' ', '%20')
  if (squeezed === '') return { ok: false, why: 'empty' }
  if (bareHash.test(squeezed)) return { ok: true, uri: `magnet:?xt=urn:btih:${squeezed}`, name: undefined }
  if (!/^magnet:\?/i.test(squeezed)) return { ok: false, why: 'no-magnet' }
  const fields = new URLSearchParams(squeezed.slice('magnet:?'.length))
  const topics = [...fields].filter(([key]) => /^xt(\.\d+)?$/.test(key)).map(([, value]) => value)
  if (!topics.some((topic) => infoHash.test(topic))) return { ok: false, why: 'no-info-hash' }
  return { ok: true, uri: squeezed, name: fields.get('dn') ?? undefined }
}

/** What is said below the field. */
export const magnetHints = {
  empty: 'Paste a magnet link first.',
  'no-magnet': 'A magnet link starts with “magnet:?”. This text does not.',
  'too-long': 'This is too long for a magnet link.',
  'no-info-hash': 'This magnet link names no torrent: its “xt=urn:btih:” part is missing or cut short.',
} as const satisfies Record<Extract<MagnetInput, { ok: false }>['why'], string>
