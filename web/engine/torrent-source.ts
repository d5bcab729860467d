import parseTorrent, { type ParsedTorrent } from 'parse-torrent'
import { CulvertError } from '../../shared/bytes/error.ts'
import { MAGNET_BYTES, PIECE_BYTES, TORRENT_FILE_BYTES } from './limits.ts'

/** What a visitor gave: a magnet link, or the bytes of a torrent file. */
export type TorrentSource =
  | { readonly kind: 'magnet'; readonly uri: string }
  | { readonly kind: 'file'; readonly bytes: Uint8Array }

/** The visitor's input is not what it should be. `code` is one of the problems of protocol.ts. */
export class SourceError extends CulvertError {}

/** A torrent of version 1: 40 hex digits or 32 of base32 (BEP 9). */
const EXACT_TOPIC = /^urn:btih:(?:[0-9a-f]{40}|[a-z2-7]{32})$/i

const PEER = /^[0-9a-z.:[\]-]{1,255}:\d{1,5}$/i

/**
 * What is passed on of a link: its name, trackers, web seeds and peers, and how many of each. No `xs`: WebTorrent fetches a torrent
 * file there, with trackers and web seeds beyond these bounds.
 */
const PASSED_PARAMETERS = { dn: 1, tr: 32, ws: 8, 'x.pe': 64 } as const

/**
 * Checks the source before WebTorrent sees it.
 * @throws SourceError `magnet-malformed` or `torrent-malformed`
 */
export async function checkSource(source: TorrentSource): Promise<string | ParsedTorrent> {
  if (source.kind === 'magnet') {
    const uri = source.uri.trim()
    if (uri.length > MAGNET_BYTES) throw new SourceError('magnet-malformed', 'the link is longer than 8 KiB')
    return cleanMagnet(uri)
  }
  const { bytes } = source
  if (bytes.length > TORRENT_FILE_BYTES) {
    throw new SourceError('torrent-malformed', 'the file is larger than 8 MiB, so it is no torrent file')
  }
  let parsed: ParsedTorrent
  try {
    parsed = await parseTorrent(bytes)
  } catch (cause) {
    throw new SourceError('torrent-malformed', 'the file is no torrent file', { cause })
  }
  checkShape(parsed)
  // As many as of a link: each is a connection, and a file can name thousands.
  parsed.announce = parsed.announce.slice(0, PASSED_PARAMETERS.tr)
  parsed.urlList = parsed.urlList.slice(0, PASSED_PARAMETERS.ws)
  return parsed
}

/**
 * The link with only what the engine uses. Others are dropped, since their parser trusts them: `so=0-1e12` would fill memory.
 * @throws SourceError `magnet-malformed`
 */
export function cleanMagnet(uri: string): string {
  const query = /^magnet:\?([^#]*)/i.exec(uri)?.[1]
  const given = new URLSearchParams(query ?? '')
  // Numbered where there are several: xt.1, xt.2.
  const topics = [...given].filter(([name]) => /^xt(\.\d+)?$/i.test(name))
  const topic = topics.map(([, value]) => value).find((value) => EXACT_TOPIC.test(value))
  if (topic === undefined) throw new SourceError('magnet-malformed', 'the link holds no BitTorrent hash')
  const kept = [`xt=${topic}`]
  for (const [name, most] of Object.entries(PASSED_PARAMETERS)) {
    for (const value of given.getAll(name).slice(0, most)) {
      // The parser decodes all but peers.
      if (name !== 'x.pe') kept.push(`${name}=${encodeURIComponent(value)}`)
      else if (PEER.test(value)) kept.push(`${name}=${value}`)
    }
  }
  return `magnet:?${kept.join('&')}`
}

/** Sizes of a torrent, which must fit each other. Metadata from peers comes unchecked but for its hash. */
export interface TorrentShape {
  readonly length: number
  readonly pieceLength: number
  readonly pieces: readonly unknown[]
  readonly files: readonly { readonly length: number }[]
}

/** @throws SourceError `torrent-malformed` */
export function checkShape(shape: TorrentShape): void {
  const { length, pieceLength, pieces, files } = shape
  const sum = files.reduce((total, file) => (file.length >= 0 ? total + file.length : Number.NaN), 0)
  if (!Number.isSafeInteger(length) || length < 1 || sum !== length) {
    throw new SourceError('torrent-malformed', 'the sizes of the files make no sense')
  }
  if (!Number.isSafeInteger(pieceLength) || pieceLength < 1 || pieceLength > PIECE_BYTES) {
    throw new SourceError('torrent-malformed', 'the size of the pieces makes no sense')
  }
  if (pieces.length !== Math.ceil(length / pieceLength)) {
    throw new SourceError('torrent-malformed', 'the pieces do not add up to the files')
  }
}
