import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { StoreCipher } from './store-cipher.ts'

/** Bytes of one torrent, addressed by piece. */
export interface Backing {
  /** @throws CulvertError `storage-full`, `memory-full` */
  write(pieceOffset: number, data: Uint8Array): Promise<void>
  /** `length` bytes from `offset` inside of a piece that was written, as a copy of the caller's own. */
  read(pieceOffset: number, offset: number, length: number): Promise<Uint8Array>
  /** Lets go of everything and deletes it. */
  close(): Promise<void>
}

/** FileSystemSyncAccessHandle, which TypeScript knows only in its worker library. */
interface SyncAccessHandle {
  read(buffer: Uint8Array, options: { at: number }): number
  write(buffer: Uint8Array, options: { at: number }): number
  close(): void
}

interface PrivateFileHandle {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>
}

const DIRECTORY = 'torrents-being-watched'

/** A fresh file in the origin private file system, which this tab alone can read; undefined where workers have none. */
export async function openPrivateFile(): Promise<Backing | undefined> {
  const storage = globalThis.navigator?.storage
  if (!storage?.getDirectory) return undefined
  const cipher = await StoreCipher.fresh()
  const directory = await (await storage.getDirectory()).getDirectoryHandle(DIRECTORY, { create: true })
  const name = toHex(crypto.getRandomValues(new Uint8Array(16)))
  const file = await directory.getFileHandle(name, { create: true })
  const handle = await (file as PrivateFileHandle).createSyncAccessHandle?.()
  if (!handle) {
    await directory.removeEntry(name)
    return undefined
  }
  let closed = false
  return {
    write: async (pieceOffset, data) => {
      const sealed = await cipher.crypt(pieceOffset, data)
      if (closed) throw new CulvertError('store-closed', 'the torrent was closed')
      let written = 0
      try {
        written = handle.write(sealed, { at: pieceOffset })
      } catch (cause) {
        throw full(cause)
      }
      if (written !== data.length) throw full()
    },
    read: async (pieceOffset, offset, length) => {
      const data = new Uint8Array(length)
      const read = handle.read(data, { at: pieceOffset + offset })
      if (read !== length) throw new CulvertError('store-failed', 'stored bytes could not be read back')
      return cipher.crypt(pieceOffset + offset, data)
    },
    close: async () => {
      closed = true
      handle.close()
      await directory.removeEntry(name)
    },
  }
}

/**
 * Deletes what tabs left behind that were killed. Files of other tabs that live are locked by their handles, so removing
 * them fails, which is right.
 */
export async function sweepPrivateFiles(): Promise<void> {
  const storage = globalThis.navigator?.storage
  if (!storage?.getDirectory) return
  const directory = await (await storage.getDirectory()).getDirectoryHandle(DIRECTORY, { create: true })
  const names = (directory as unknown as { keys(): AsyncIterable<string> }).keys()
  for await (const name of names) {
    await directory.removeEntry(name).catch(() => 'in use by another tab')
  }
}

/** @param limit bytes kept at most */
export function memoryBacking(limit: number): Backing {
  const pieces = new Map<number, Uint8Array>()
  let size = 0
  return {
    write: async (pieceOffset, data) => {
      const grown = size + data.length - (pieces.get(pieceOffset)?.length ?? 0)
      if (grown > limit) throw new CulvertError('memory-full', 'the torrent does not fit into memory')
      // Copied so: `slice` gives a view where `data` is a Buffer.
      pieces.set(pieceOffset, new Uint8Array(data))
      size = grown
    },
    read: async (pieceOffset, offset, length) => {
      const piece = pieces.get(pieceOffset)
      if (!piece) throw new CulvertError('store-failed', 'stored bytes could not be read back')
      return piece.slice(offset, offset + length)
    },
    close: async () => {
      pieces.clear()
      size = 0
    },
  }
}

function full(cause?: unknown): CulvertError {
  return new CulvertError('storage-full', 'the browser gives no more room for the torrent', { cause })
}
