import type { Torrent, TorrentFile } from 'webtorrent'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { ByteRange } from './range.ts'
import { TakenBack } from './taken-back.ts'

/** Pieces after the one that is waited for that keep their requests when somebody seeks. */
const KEEP_PIECES = 2

/**
 * Readers of one torrent. Each puts what it reads at the front of the queue; a new one elsewhere (somebody has sought) also
 * takes back requests that no reader waits for, which would hold the line for up to 2.5 s.
 */
export class MediaReaders {
  private readonly torrent: Torrent
  private readonly takesBack: boolean
  private readonly takenBack = new TakenBack()
  private readonly readers = new Set<Reader>()

  /** @param takesBack false where web seeds and other WebTorrents are the peers: see `withoutTakingBack` */
  constructor(torrent: Torrent, takesBack = true) {
    this.torrent = torrent
    this.takesBack = takesBack
  }

  /**
   * Readers that let every request run. A block that is taken back and asked for again at once is never sent by WebTorrent,
   * be it as peer or as web seed (see TakenBack); here these are all that there is.
   */
  static withoutTakingBack(torrent: Torrent): MediaReaders {
    return new MediaReaders(torrent, false)
  }

  open(file: TorrentFile, range: ByteRange): AsyncIterator<Uint8Array> {
    const reader = new Reader(this.torrent, file, range, () => this.readers.delete(reader))
    this.readers.add(reader)
    if (this.takesBack && !reader.waitsForNothing) this.takeBackRequests()
    return reader
  }

  private takeBackRequests(): void {
    const wanted = (piece: number) => {
      for (const { piece: first } of this.readers) {
        if (piece >= first && piece <= first + KEEP_PIECES) return true
      }
      return false
    }
    // What is waited for is on its way: nobody has sought, this is the film's beginning or the next range of many.
    const { wires } = this.torrent
    if (wires.some(({ requests }) => requests.some(({ piece }) => wanted(piece)))) return
    for (const wire of [...wires]) {
      if (wire.destroyed) continue
      for (const request of [...wire.requests]) {
        if (!wanted(request.piece)) this.takenBack.takeBack(wire, request)
      }
    }
  }
}

/** The bytes of one range of a file, piece by piece as they come. */
class Reader implements AsyncIterator<Uint8Array> {
  private readonly torrent: Torrent
  private readonly source: AsyncIterator<Uint8Array>
  private readonly closed: () => void
  private position: number
  private left: number

  constructor(torrent: Torrent, file: TorrentFile, { start, end }: ByteRange, closed: () => void) {
    this.torrent = torrent
    this.closed = closed
    this.position = file.offset + start
    this.left = end - start + 1
    this.source = file[Symbol.asyncIterator]({ start, end })
  }

  /** The piece that is read next. */
  get piece(): number {
    return Math.floor(this.position / this.torrent.pieceLength)
  }

  get waitsForNothing(): boolean {
    return this.torrent.bitfield?.get(this.piece) === true
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.left === 0) return this.return()
    const { value, done } = await this.source.next()
    if (done || value === undefined) {
      this.closed()
      throw new CulvertError('media-broken-off', 'the torrent was closed before its bytes were here')
    }
    // WebTorrent takes an end of 0 for "to the end".
    const data = value.length > this.left ? value.subarray(0, this.left) : value
    this.position += data.length
    this.left -= data.length
    return { value: data, done: false }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.closed()
    await this.source.return?.()
    return { value: undefined, done: true }
  }
}
