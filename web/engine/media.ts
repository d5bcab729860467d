import { fileKind } from './file-kind.ts'
import { MEDIA_CHUNK_BYTES, MEDIA_REQUESTS, SUBTITLE_BYTES } from './limits.ts'
import type { MediaAnswer, MediaAsk } from './media-messages.ts'
import { type ByteRange, parseRange } from './range.ts'
import { toWebVtt } from './subtitles.ts'

/** A file of the open torrent, as far as serving it goes. */
export interface MediaFile {
  readonly name: string
  readonly bytes: number
  /** Reads `range`, which is never empty, waiting for pieces that are not here; asks the swarm for those first. */
  read(range: ByteRange): AsyncIterator<Uint8Array>
}

/** What is being served: the token of its addresses, and its files. Undefined token: nothing is open. */
export interface MediaLibrary {
  readonly token: string | undefined
  file(index: number): MediaFile | undefined
}

interface Response {
  readonly bytes: AsyncIterator<Uint8Array> | undefined
  /** What is left of the last piece of data. */
  rest: Uint8Array
  pulling: boolean
}

/**
 * Not one of these lets a file act as a page of this origin: names of files come from strangers.
 */
const SAFE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** The engine's end of one port to the service worker. */
export class MediaServer {
  private readonly port: MessagePort
  private readonly library: MediaLibrary
  private readonly responses = new Map<number, Response>()

  constructor(port: MessagePort, library: MediaLibrary) {
    this.port = port
    this.library = library
    port.onmessage = ({ data }: MessageEvent<MediaAsk>) => {
      this.receive(data).catch(() => this.fail(data))
    }
  }

  /** Ends all responses; called when the torrent is closed. */
  stop(): void {
    for (const id of [...this.responses.keys()]) {
      this.drop(id)
      this.answer({ type: 'failed', id })
    }
  }

  private async receive(ask: MediaAsk): Promise<void> {
    if (ask.type === 'hello') {
      this.answer({ type: ask.token === this.library.token ? 'mine' : 'not-mine' })
    } else if (ask.type === 'request') {
      await this.open(ask)
    } else if (ask.type === 'pull') {
      await this.pull(ask.id)
    } else {
      this.drop(ask.id)
    }
  }

  private async open(ask: MediaAsk & { type: 'request' }): Promise<void> {
    const { id } = ask
    const file = ask.token === this.library.token ? this.library.file(ask.file) : undefined
    if (!file) return this.head(id, 404, { 'content-length': '0' })
    if (this.responses.size >= MEDIA_REQUESTS) {
      return this.head(id, 503, { 'content-length': '0', 'retry-after': '1' })
    }
    const { kind, type } = fileKind(file.name)
    const disposition = ask.save || kind === 'other' ? 'attachment' : 'inline'
    const named = `${disposition}; filename*=UTF-8''${encodeURIComponent(file.name)}`
    const headers = { 'content-type': type, 'content-disposition': named }
    if (kind === 'subtitles' && !ask.save && file.bytes <= SUBTITLE_BYTES) {
      // Converted as a whole when it is pulled, so without length or ranges.
      this.keep(id, ask.head ? undefined : webVtt(file))
      return this.head(id, 200, headers)
    }
    const range = parseRange(ask.range, file.bytes)
    if (range === 'unsatisfiable') {
      return this.head(id, 416, { 'content-range': `bytes */${file.bytes}`, 'content-length': '0' })
    }
    const { start, end } = range ?? { start: 0, end: file.bytes - 1 }
    const length = end - start + 1
    const empty = ask.head || length === 0
    this.keep(id, empty ? undefined : file.read({ start, end }))
    this.head(id, range ? 206 : 200, {
      ...headers,
      'accept-ranges': 'bytes',
      'content-length': String(length),
      ...(range && { 'content-range': `bytes ${start}-${end}/${file.bytes}` }),
    })
  }

  private keep(id: number, bytes: AsyncIterator<Uint8Array> | undefined): void {
    this.responses.set(id, { bytes, rest: NOTHING, pulling: false })
  }

  private async pull(id: number): Promise<void> {
    const response = this.responses.get(id)
    if (!response || response.pulling) return
    response.pulling = true
    if (response.rest.length === 0) {
      const next = await response.bytes?.next()
      if (!this.responses.has(id)) return
      if (!next || next.done) {
        this.drop(id)
        this.answer({ type: 'end', id })
        return
      }
      response.rest = next.value
    }
    const data = new Uint8Array(response.rest.subarray(0, MEDIA_CHUNK_BYTES))
    response.rest = response.rest.subarray(data.length)
    response.pulling = false
    this.answer({ type: 'chunk', id, data }, [data.buffer])
  }

  private drop(id: number): void {
    const response = this.responses.get(id)
    this.responses.delete(id)
    // Closing the reader takes its pieces off the front of the queue.
    response?.bytes?.return?.()?.catch(() => 'it had ended')
  }

  private fail(ask: MediaAsk): void {
    if (!('id' in ask)) return
    this.drop(ask.id)
    this.answer({ type: 'failed', id: ask.id })
  }

  private head(id: number, status: number, headers: Record<string, string>): void {
    this.answer({ type: 'head', id, status, headers: { ...SAFE_HEADERS, ...headers } })
  }

  private answer(answer: MediaAnswer, transfer: Transferable[] = []): void {
    this.port.postMessage(answer, transfer)
  }
}

const NOTHING = new Uint8Array(0)

async function* webVtt(file: MediaFile): AsyncGenerator<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = []
  const bytes = file.bytes > 0 ? file.read({ start: 0, end: file.bytes - 1 }) : undefined
  for (let next = await bytes?.next(); next && !next.done; next = await bytes?.next()) {
    parts.push(new Uint8Array(next.value))
  }
  const whole = await new Blob(parts).arrayBuffer()
  yield new TextEncoder().encode(toWebVtt(new Uint8Array(whole)))
}
