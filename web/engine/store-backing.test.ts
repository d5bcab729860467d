import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Backing, openPrivateFile } from './store-backing.ts'

/** What lies in the private file system, by name. */
let files: Map<string, Uint8Array>
let room: number

const handleOf = (name: string) => ({
  write: (data: Uint8Array, { at }: { at: number }) => {
    if (at + data.length > room) return 0
    const before = files.get(name) ?? new Uint8Array(0)
    const after = new Uint8Array(Math.max(before.length, at + data.length))
    after.set(before)
    after.set(data, at)
    files.set(name, after)
    return data.length
  },
  read: (data: Uint8Array, { at }: { at: number }) => {
    const part = files.get(name)?.subarray(at, at + data.length) ?? new Uint8Array(0)
    data.set(part)
    return part.length
  },
  close: () => {},
})
const directory = {
  getDirectoryHandle: async () => directory,
  getFileHandle: async (name: string) => {
    files.set(name, new Uint8Array(0))
    return { createSyncAccessHandle: async () => handleOf(name) }
  },
  removeEntry: async (name: string) => {
    files.delete(name)
  },
}

beforeEach(() => {
  files = new Map()
  room = 1_000_000
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => directory } })
  return () => vi.unstubAllGlobals()
})

const film = Uint8Array.from({ length: 70_000 }, (_, i) => (i % 251) ^ (i >> 8))
const opened = async () => (await openPrivateFile()) as Backing
const words = new TextEncoder().encode('first film, first film, first film')

describe('what lies on the disk while something is watched (W-03)', () => {
  it('is read back whole and in parts, wherever they begin', async () => {
    const store = await opened()
    await store.write(70_000, film)
    await store.write(0, film)
    expect(await store.read(0, 0, 70_000)).toEqual(film)
    for (const [offset, length] of [
      [0, 1],
      [15, 2],
      [16_384, 16_384],
      [40_001, 29_999],
    ] as const) {
      expect(await store.read(70_000, offset, length)).toEqual(film.subarray(offset, offset + length))
    }
  })

  it('cannot be read without the key, which is in memory alone and of one file', async () => {
    for (let i = 0; i < 2; i++) await (await opened()).write(5, words)
    const [one, other] = [...files.values()].map((bytes) => Buffer.from(bytes.subarray(5)))
    expect(one?.length).toBe(words.length)
    expect(one?.includes('film')).toBe(false)
    expect(one?.equals(other ?? new Uint8Array(0))).toBe(false)
  })

  it('is never encrypted with the same bytes of the key stream at two places', async () => {
    const store = await opened()
    await store.write(0, new Uint8Array(4_096))
    const [bytes] = [...files.values()].map((written) => Buffer.from(written))
    const blocks = Array.from({ length: 256 }, (_, i) => bytes?.toString('hex', 16 * i, 16 * i + 16))
    expect(new Set(blocks).size).toBe(256)
  })

  it('is gone when the torrent is closed, also for what was on its way', async () => {
    const store = await opened()
    const late = store.write(0, film)
    await store.close()
    await expect(late).rejects.toMatchObject({ code: 'store-closed' })
    expect(files.size).toBe(0)
  })

  it('is refused where there is no room', async () => {
    room = 100
    await expect((await opened()).write(0, film)).rejects.toMatchObject({ code: 'storage-full' })
  })
})
