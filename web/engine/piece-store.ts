import type { ChunkStore } from 'webtorrent'
import { CulvertError } from '../../shared/bytes/error.ts'
import { MEMORY_STORE_BYTES } from './limits.ts'
import { type Backing, memoryBacking, openPrivateFile } from './store-backing.ts'

type Callback = (error?: Error | null) => void
type Read = (error: Error | null, data?: Uint8Array) => void

/**
 * Where the pieces of one torrent are kept while it is open: one encrypted file in the browser's private file system, or memory
 * up to a limit where there is none. Nothing is left behind on close. Operations wait until the file is open.
 */
export class PieceStore implements ChunkStore {
  readonly chunkLength: number
  private readonly length: number
  private readonly here = new Set<number>()
  private readonly backing: Promise<Backing>
  private closed = false

  /** @param chunkLength bytes of a piece; the last one may be shorter */
  constructor(
    chunkLength: number,
    options: { readonly length: number },
    open: () => Promise<Backing | undefined> = openPrivateFile,
    memoryLimit = MEMORY_STORE_BYTES,
  ) {
    this.chunkLength = chunkLength
    this.length = options.length
    this.backing = open()
      .catch(() => undefined)
      .then((backing) => backing ?? memoryBacking(memoryLimit))
  }

  put(index: number, data: Uint8Array, done: Callback): void {
    this.run<null>(done, async (backing) => {
      if (data.length !== this.sizeOf(index)) {
        throw new CulvertError('store-piece-size', `a piece of ${data.length} bytes does not fit`)
      }
      await backing.write(index * this.chunkLength, data)
      this.here.add(index)
      return null
    })
  }

  get(
    index: number,
    options: { offset?: number; length?: number } | null | undefined,
    done: Read = () => {},
  ): void {
    if (!this.here.has(index)) {
      queueMicrotask(() => done(new CulvertError('store-piece-missing', 'that piece is not here')))
      return
    }
    this.run<Uint8Array>(done, async (backing) => {
      const size = this.sizeOf(index)
      const offset = options?.offset ?? 0
      const length = options?.length ?? size - offset
      if (offset < 0 || length < 0 || offset + length > size) {
        throw new CulvertError('store-range', 'a range that is not inside its piece')
      }
      return backing.read(index * this.chunkLength, offset, length)
    })
  }

  close(done: Callback = () => {}): void {
    if (this.closed) {
      queueMicrotask(() => done(null))
      return
    }
    this.closed = true
    this.here.clear()
    this.backing.then((backing) => backing.close()).then(() => done(null), done)
  }

  destroy(done?: Callback): void {
    this.close(done)
  }

  private sizeOf(index: number): number {
    return Math.min(this.chunkLength, this.length - index * this.chunkLength)
  }

  private run<T>(
    done: (error: Error | null, result?: T) => void,
    step: (backing: Backing) => Promise<T>,
  ): void {
    this.backing
      .then((backing) => {
        if (this.closed) throw new CulvertError('store-closed', 'the torrent was closed')
        return step(backing)
      })
      .then(
        (result) => done(null, result),
        (error) => done(error instanceof Error ? error : new CulvertError('store-failed', String(error))),
      )
  }
}
