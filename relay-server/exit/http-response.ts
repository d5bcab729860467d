import { HTTP_RESPONSE_BYTES } from '../../shared/onion/constants.ts'
import { isBencoded } from './bencode-shape.ts'
import { HTTP_HEAD_BYTES, HTTP_REDIRECT_BODY_BYTES } from './constants.ts'
import { ChunkReader } from './http-chunks.ts'

const HEAD_END = '\r\n\r\n'
const LAST_CHUNK = '0\r\n\r\n'
const FIRST_BYTES = 4_096

interface Head {
  readonly status: number
  /** Where the body begins. */
  readonly end: number
  /** Undefined: the body ends with the connection, or is chunked. */
  readonly contentLength: number | undefined
  readonly chunks: ChunkReader | undefined
}

/** A response of HTTP/1 as it comes in (RFC 9112), and whether it is one that may pass. Bounded. */
export class HttpResponse {
  private readonly mayGrow: (bytes: number) => boolean
  private buffer = Buffer.alloc(0)
  private length = 0
  private head: Head | undefined

  /** @param mayGrow asked before so many more bytes of memory are taken */
  constructor(mayGrow: (bytes: number) => boolean) {
    this.mayGrow = mayGrow
  }

  /** Everything so far, without the room behind it. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.buffer.subarray(0, this.length))
  }

  /** Bytes of memory taken. */
  get held(): number {
    return this.buffer.length
  }

  /** `refused`: too large, or no HTTP. `full`: it needs memory that there is not. */
  append(chunk: Uint8Array): 'more' | 'whole' | 'refused' | 'full' {
    const length = this.length + chunk.length
    if (length > HTTP_RESPONSE_BYTES) return 'refused'
    if (length > this.buffer.length) {
      const wanted = Math.max(FIRST_BYTES, length, 2 * this.buffer.length)
      const room = Math.min(HTTP_RESPONSE_BYTES, wanted)
      if (!this.mayGrow(room - this.buffer.length)) return 'full'
      const larger = Buffer.alloc(room)
      this.buffer.copy(larger, 0, 0, this.length)
      this.buffer = larger
    }
    this.buffer.set(chunk, this.length)
    this.length = length
    this.head ??= this.readHead()
    if (this.head === undefined) return length > HTTP_HEAD_BYTES ? 'refused' : 'more'
    return this.isWhole(this.head) ? 'whole' : 'more'
  }

  /** What a tracker says: a bencoded body, or the way to where it is now. Ask when it is whole, or the connection has ended. */
  get mayPass(): boolean {
    const { head } = this
    if (head === undefined) return false
    const isRedirect = head.status >= 301 && head.status <= 308 && head.status !== 304
    if (isRedirect && this.length - head.end <= HTTP_REDIRECT_BODY_BYTES) return true
    const content = head.chunks ? this.unchunked(head) : this.buffer.subarray(head.end, this.length)
    return content !== undefined && isBencoded(content)
  }

  private readHead(): Head | undefined {
    const at = this.buffer.subarray(0, Math.min(this.length, HTTP_HEAD_BYTES)).indexOf(HEAD_END)
    if (at < 0) return undefined
    const [statusLine = '', ...lines] = this.buffer.toString('latin1', 0, at).split('\r\n')
    const status = /^HTTP\/1\.[01] ([1-5]\d\d)( |$)/.exec(statusLine)?.[1]
    const fields = new Map(
      lines.map((line) => {
        const [name = '', ...value] = line.split(':')
        return [name.toLowerCase(), value.join(':').trim().toLowerCase()]
      }),
    )
    const contentLength = fields.get('content-length')
    const end = at + HEAD_END.length
    return {
      status: Number(status ?? 0),
      end,
      contentLength: contentLength && /^\d{1,8}$/.test(contentLength) ? Number(contentLength) : undefined,
      chunks: fields.get('transfer-encoding')?.endsWith('chunked') ? new ChunkReader(end) : undefined,
    }
  }

  private isWhole(head: Head): boolean {
    if (head.chunks) {
      return (
        head.chunks.read(this.buffer, this.length) === 'whole' &&
        this.buffer.toString('latin1', Math.max(head.end, this.length - 5), this.length) === LAST_CHUNK
      )
    }
    return head.contentLength !== undefined && this.length - head.end >= head.contentLength
  }

  /** The content of a body in chunks, or undefined if it is not whole. */
  private unchunked({ end }: Head): Uint8Array | undefined {
    const content = Buffer.alloc(this.length - end)
    let length = 0
    const state = new ChunkReader(end).read(this.buffer, this.length, (from, to) => {
      length += this.buffer.copy(content, length, from, to)
    })
    return state === 'whole' ? content.subarray(0, length) : undefined
  }
}
