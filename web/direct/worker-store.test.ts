import { describe, expect, it } from 'vitest'
import type { StoreAnswer, StoreAsk } from './store-messages.ts'
import { type StorePort, WorkerStore } from './worker-store.ts'

/** A worker that notes what it is asked, and answers when told. */
class Port implements StorePort {
  onmessage: ((event: MessageEvent<StoreAnswer>) => void) | null = null
  onerror: ((event: ErrorEvent) => void) | null = null
  readonly asked: StoreAsk[] = []
  ended = 0
  postMessage(ask: StoreAsk) {
    this.asked.push(ask)
  }
  terminate() {
    this.ended += 1
  }
  answer(answer: StoreAnswer) {
    this.onmessage?.({ data: answer } as MessageEvent<StoreAnswer>)
  }
  idOfLast(): number {
    const last = this.asked.at(-1)
    return last && 'id' in last ? last.id : 0
  }
}

function open() {
  const port = new Port()
  const store = new WorkerStore(4, { length: 10 }, () => port)
  return { port, store }
}

const get = (store: WorkerStore, index: number, options?: { offset?: number; length?: number }) =>
  new Promise<{ error: Error | null; data: Uint8Array | undefined }>((resolve) => {
    store.get(index, options, (error, data) => resolve({ error, data }))
  })

describe('the store of direct mode (C-09)', () => {
  it('hands its worker what to keep, as a copy', () => {
    const { port, store } = open()
    const piece = Uint8Array.of(1, 2, 3, 4)
    store.put(0, piece, () => {})
    piece.fill(9)
    expect(port.asked).toEqual([
      { type: 'open', chunkLength: 4, length: 10 },
      { type: 'put', id: 1, index: 0, data: Uint8Array.of(1, 2, 3, 4) },
    ])
  })

  it('answers each asker with its own bytes, in whatever order they come', async () => {
    const { port, store } = open()
    const [first, second] = [get(store, 0), get(store, 1, { offset: 1, length: 2 })]
    expect(port.asked.at(-1)).toEqual({ type: 'get', id: 2, index: 1, offset: 1, length: 2 })
    port.answer({ type: 'done', id: 2, data: Uint8Array.of(6, 7) })
    port.answer({ type: 'failed', id: 1, code: 'store-piece-missing' })
    expect((await second).data).toEqual(Uint8Array.of(6, 7))
    expect((await first).error).toMatchObject({ code: 'store-piece-missing' })
    // An answer that nobody waits for harms nobody.
    port.answer({ type: 'done', id: 2, data: undefined })
  })

  it('says so when its worker is gone, and can be closed then', async () => {
    for (const closing of [false, true]) {
      const { port, store } = open()
      const waiting = get(store, 0)
      const closed = closing && new Promise((resolve) => store.close(resolve))
      port.onerror?.({} as ErrorEvent)
      expect((await waiting).error).toBeInstanceOf(Error)
      if (closed) expect(await closed).toMatchObject({ code: 'store-failed' })
      expect((await get(store, 1)).error).toMatchObject({ code: 'store-closed' })
      expect(await new Promise((resolve) => store.destroy(resolve))).toBeNull()
      expect(port.ended).toBeGreaterThan(0)
    }
  })

  it('closes once: who still waits is told, and nothing is asked any more', async () => {
    const { port, store } = open()
    const waiting = get(store, 0)
    const closed = new Promise((resolve) => store.destroy(resolve))
    const again = new Promise((resolve) => store.close(resolve))
    const id = port.idOfLast()
    expect(port.asked.at(-1)?.type).toBe('close')
    expect((await get(store, 1)).error).toMatchObject({ code: 'store-closed' })
    port.answer({ type: 'done', id, data: undefined })
    expect(await closed).toBeNull()
    expect(await again).toBeNull()
    expect((await waiting).error).toMatchObject({ code: 'store-closed' })
    expect([port.ended, port.idOfLast()]).toEqual([1, id])
  })
})
