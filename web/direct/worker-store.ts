import type { ChunkStore } from 'webtorrent'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { StoreAnswer, StoreAsk } from './store-messages.ts'

type Callback = (error?: Error | null) => void
type Read = (error: Error | null, data?: Uint8Array) => void

/** What of a Worker the store uses. */
export interface StorePort {
  onmessage: ((event: MessageEvent<StoreAnswer>) => void) | null
  /** Its script could not be loaded, or threw. */
  onerror: ((event: ErrorEvent) => void) | null
  postMessage(ask: StoreAsk, transfer: Transferable[]): void
  terminate(): void
}

/** WebTorrent's store on the page: its pieces lie with a worker, and are gone when it is closed. */
export class WorkerStore implements ChunkStore {
  readonly chunkLength: number
  private readonly port: StorePort
  private readonly waiting = new Map<number, Read>()
  private next = 1
  private closed = false

  constructor(
    chunkLength: number,
    options: { readonly length: number },
    port: () => StorePort = () =>
      new Worker(new URL('./store-worker.ts', import.meta.url), { type: 'module', name: 'store' }),
  ) {
    this.chunkLength = chunkLength
    this.port = port()
    this.port.onmessage = ({ data }) => this.answered(data)
    this.port.onerror = () => this.broken()
    this.port.postMessage({ type: 'open', chunkLength, length: options.length }, [])
  }

  put(index: number, data: Uint8Array, done: Callback): void {
    // Copied: WebTorrent goes on using its own.
    const copy = new Uint8Array(data)
    this.ask(done, (id) => this.port.postMessage({ type: 'put', id, index, data: copy }, [copy.buffer]))
  }

  get(
    index: number,
    options: { offset?: number; length?: number } | null | undefined,
    done: Read = () => {},
  ): void {
    const { offset = 0, length } = options ?? {}
    this.ask(done, (id) => this.port.postMessage({ type: 'get', id, index, offset, length }, []))
  }

  close(done: Callback = () => {}): void {
    if (this.closed) {
      queueMicrotask(() => done(null))
      return
    }
    const finish: Read = (error) => {
      this.port.terminate()
      for (const waiting of this.waiting.values()) waiting(closedError())
      this.waiting.clear()
      done(error)
    }
    this.ask(finish, (id) => this.port.postMessage({ type: 'close', id }, []))
    this.closed = true
  }

  destroy(done: Callback = () => {}): void {
    this.close(done)
  }

  /** Nobody answers any more; without a word, the torrent could not even be closed. */
  private broken(): void {
    this.closed = true
    this.port.terminate()
    const waiting = [...this.waiting.values()]
    this.waiting.clear()
    for (const done of waiting) done(new CulvertError('store-failed', 'the store of the torrent is gone'))
  }

  private ask(done: Read, send: (id: number) => void): void {
    if (this.closed) {
      queueMicrotask(() => done(closedError()))
      return
    }
    const id = this.next++
    this.waiting.set(id, done)
    send(id)
  }

  private answered(answer: StoreAnswer): void {
    const done = this.waiting.get(answer.id)
    this.waiting.delete(answer.id)
    if (answer.type === 'done') done?.(null, answer.data)
    else done?.(new CulvertError(answer.code, 'the store of the torrent refused'))
  }
}

function closedError(): CulvertError {
  return new CulvertError('store-closed', 'the torrent was closed')
}
