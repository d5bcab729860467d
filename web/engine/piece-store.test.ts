import { describe, expect, it } from 'vitest'
import { PieceStore } from './piece-store.ts'
import { type Backing, memoryBacking } from './store-backing.ts'

const inMemory = async () => undefined
const make = (limit = 1000) => new PieceStore(10, { length: 25 }, inMemory, limit)
const put = (store: PieceStore, index: number, data: Uint8Array) =>
  new Promise<string>((resolve) =>
    store.put(index, data, (error) => resolve((error as { code?: string })?.code ?? 'ok')),
  )
const get = (store: PieceStore, index: number, options?: { offset?: number; length?: number }) =>
  new Promise<string>((resolve) =>
    store.get(index, options, (error, data) =>
      resolve(error ? String((error as { code?: string }).code) : Buffer.from(data ?? []).toString()),
    ),
  )

describe('where pieces are kept (W-08)', () => {
  it('gives back what was put, whole or in part', async () => {
    const store = make()
    expect(await put(store, 0, Buffer.from('0123456789'))).toBe('ok')
    expect(await put(store, 2, Buffer.from('abcde'))).toBe('ok')
    expect(await get(store, 0)).toBe('0123456789')
    expect(await get(store, 0, { offset: 3, length: 2 })).toBe('34')
    expect(await get(store, 2, { offset: 1 })).toBe('bcde')
    expect(await get(store, 1)).toBe('store-piece-missing')
  })

  it('keeps its own copy', async () => {
    const store = make()
    const data = Buffer.from('0123456789')
    await put(store, 0, data)
    data.fill('x')
    expect(await get(store, 0)).toBe('0123456789')
  })

  it('refuses pieces and ranges that do not fit', async () => {
    const store = make()
    expect(await put(store, 0, Buffer.from('short'))).toBe('store-piece-size')
    expect(await put(store, 2, Buffer.from('0123456789'))).toBe('store-piece-size')
    await put(store, 0, Buffer.from('0123456789'))
    expect(await get(store, 0, { offset: 5, length: 6 })).toBe('store-range')
    expect(await get(store, 0, { offset: -1 })).toBe('store-range')
  })

  it('says when memory is used up, and counts a piece put twice once', async () => {
    const store = make(15)
    expect(await put(store, 0, Buffer.from('0123456789'))).toBe('ok')
    expect(await put(store, 0, Buffer.from('9876543210'))).toBe('ok')
    expect(await put(store, 1, Buffer.from('0123456789'))).toBe('memory-full')
    expect(await put(store, 2, Buffer.from('abcde'))).toBe('ok')
  })

  it('waits for its file, and lets go of it once', async () => {
    let open: (backing: Backing) => void = () => {}
    let closed = 0
    const backing = memoryBacking(1000)
    const counting = {
      ...backing,
      close: async () => {
        closed++
        await backing.close()
      },
    }
    const store = new PieceStore(10, { length: 25 }, () => new Promise((resolve) => (open = resolve)))
    const written = put(store, 0, Buffer.from('0123456789'))
    open(counting)
    expect(await written).toBe('ok')
    await new Promise<void>((resolve) => store.destroy(() => resolve()))
    await new Promise<void>((resolve) => store.close(() => resolve()))
    expect(closed).toBe(1)
    expect(await get(store, 0)).toBe('store-piece-missing')
    expect(await put(store, 0, Buffer.from('0123456789'))).toBe('store-closed')
  })

  it('falls back to memory where the private file system fails', async () => {
    const store = new PieceStore(10, { length: 25 }, () => Promise.reject(new TypeError('not here')), 1000)
    expect(await put(store, 0, Buffer.from('0123456789'))).toBe('ok')
    expect(await get(store, 0)).toBe('0123456789')
  })
})
