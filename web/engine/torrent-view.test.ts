import { describe, expect, it } from 'vitest'
import type { Torrent } from 'webtorrent'
import { FILES_SHOWN } from './limits.ts'
import { firstChoice, torrentFacts } from './torrent-view.ts'

const TOKEN = 'a'.repeat(32)

/** Texts, and a film at the end. */
function torrentOf(count: number): Torrent {
  const files = Array.from({ length: count }, (_, i) => ({
    name: i === count - 1 ? 'film.mp4' : `${i}.txt`,
    length: 10,
    offset: 10 * i,
    _startPiece: 0,
    _endPiece: 0,
  }))
  const bitfield = { get: () => false }
  return { files, bitfield, pieces: [], length: 10 * count, pieceLength: 16_384 } as unknown as Torrent
}

describe('the files that are listed (W-08)', () => {
  it('hold what is watched, however many come before it', () => {
    const count = FILES_SHOWN + 500
    const torrent = torrentOf(count)
    const film = firstChoice(torrent.files)
    const { files, fileCount, selected } = torrentFacts(torrent, film, TOKEN)
    expect([files.length, fileCount, selected]).toEqual([FILES_SHOWN + 1, count, count - 1])
    expect(files.at(-1)).toMatchObject({ index: film, name: 'film.mp4', url: `/media/${TOKEN}/${film}` })
  })

  it('are each listed once', () => {
    const { files, fileCount } = torrentFacts(torrentOf(FILES_SHOWN), FILES_SHOWN - 1, TOKEN)
    expect([files.length, fileCount]).toEqual([FILES_SHOWN, FILES_SHOWN])
  })
})
