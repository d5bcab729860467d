import type { Torrent, TorrentFile } from 'webtorrent'
import { fileKind } from './file-kind.ts'
import { ETA_FLOOR_BYTES_PER_SECOND, FILES_SHOWN } from './limits.ts'
import { mediaPath } from './media-messages.ts'
import type { FileView, TorrentView } from './protocol.ts'

/** What the torrent alone knows of its view. */
export type TorrentFacts = Omit<TorrentView, 'swarmSees' | 'hidden'>

/**
 * @param selected the file that is fetched; `bytes`, `bytesHere` and the ETA are then of that file, else of the whole torrent
 * @param token what addresses of its files begin with
 */
export function torrentFacts(torrent: Torrent, selected: number | undefined, token: string): TorrentFacts {
  const files: readonly TorrentFile[] = torrent.bitfield ? torrent.files : []
  const wanted = selected === undefined ? undefined : files[selected]
  const pieces = pieceStates(torrent)
  const bytes = wanted?.length ?? (torrent.length || 0)
  const bytesHere = wanted ? fileBytesHere(torrent, wanted) : torrent.downloaded
  const speed = torrent.downloadSpeed
  return {
    name: torrent.name ?? '',
    state: stateOf(torrent, files.length > 0, bytes > 0 && bytesHere >= bytes, bytesHere > 0),
    files: filesShown(files, selected, token),
    fileCount: files.length,
    selected,
    pieces,
    bytes,
    bytesHere,
    bytesPerSecondDown: Math.round(speed),
    bytesPerSecondUp: Math.round(torrent.uploadSpeed),
    peers: torrent.numPeers,
    etaSeconds: etaSeconds(bytes - bytesHere, speed, files.length > 0),
  }
}

/** The largest film, else the largest sound, else the only file: what somebody who opens a torrent most likely wants. */
export function firstChoice(files: readonly TorrentFile[]): number | undefined {
  for (const wanted of ['video', 'audio'] as const) {
    let best: number | undefined
    files.forEach((file, index) => {
      const larger = best === undefined || file.length > (files[best]?.length ?? 0)
      if (fileKind(file.name).kind === wanted && file.length > 0 && larger) best = index
    })
    if (best !== undefined) return best
  }
  return files.length === 1 ? 0 : undefined
}

function stateOf(torrent: Torrent, known: boolean, done: boolean, begun: boolean): TorrentView['state'] {
  if (known && (done || torrent.done)) return 'done'
  if (torrent.numPeers === 0 && !begun) return 'finding-peers'
  return known ? 'downloading' : 'fetching-metadata'
}

/** The player and its words go by what is listed, so that what is watched never misses there. */
function filesShown(files: readonly TorrentFile[], selected: number | undefined, token: string): FileView[] {
  const shown = files.slice(0, FILES_SHOWN).map((file, index) => fileView(file, index, token))
  const watched = selected !== undefined && selected >= FILES_SHOWN ? files[selected] : undefined
  if (selected !== undefined && watched) shown.push(fileView(watched, selected, token))
  return shown
}

function fileView(file: TorrentFile, index: number, token: string): FileView {
  const { name, length: bytes } = file
  return { index, name, bytes, kind: fileKind(name).kind, url: mediaPath(token, index) }
}

function etaSeconds(left: number, speed: number, known: boolean): number | undefined {
  if (!known) return undefined
  if (left <= 0) return 0
  return speed < ETA_FLOOR_BYTES_PER_SECOND ? undefined : Math.ceil(left / speed)
}

/** 0 missing, 1 begun, 2 here; one byte a piece. */
function pieceStates(torrent: Torrent): Uint8Array {
  if (!torrent.bitfield) return new Uint8Array(0)
  const { pieces, bitfield } = torrent
  const states = new Uint8Array(pieces.length)
  for (let i = 0; i < states.length; i++) {
    const piece = pieces[i]
    if (bitfield.get(i)) states[i] = 2
    else if (piece && piece.missing < piece.length) states[i] = 1
  }
  return states
}

/** Bytes of verified pieces that belong to the file. */
function fileBytesHere(torrent: Torrent, file: TorrentFile): number {
  const { pieceLength, bitfield } = torrent
  const end = file.offset + file.length
  let here = 0
  for (let i = file._startPiece; i <= file._endPiece; i++) {
    if (!bitfield?.get(i)) continue
    here += Math.min(end, (i + 1) * pieceLength) - Math.max(file.offset, i * pieceLength)
  }
  return here
}
