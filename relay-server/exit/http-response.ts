import { HTTP_RESPONSE_BYTES } from '../../shared/onion/constants.ts'
import { isBencoded } from './bencode-shape.ts'
import { HTTP_HEAD_BYTES, HTTP_REDIRECT_BODY_BYTES } from './constants.ts'

const HEAD_END = '\r\n\r\n'
const LAST_CHUNK = '0\r\n\r\n'
const FIRST_BYTES = 4_096
/** How often a chunked body is read to see whether it is whole; then it ends with the connection. */
const CHUNKED_LOOKS = 32

interface Head {
  readonly status: number
  /** Where the body begins. */
  readonly end: number
  /** Undefined: the body ends with the connection, or is chunked. */
  readonly contentLength: number | undefined
  readonly chunked: boolean
}

/** A response of HTTP/1 as it comes in (RFC 9112), and whether it is one that may pass. Bounded. */
export class HttpResponse {
  private buffer = Buffer.alloc(FIRST_BYTES)
  private length = 0
  private head: Head | undefined
  private looks = 0

  /** Everything so far. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.length)
  }

  /** `refused`: too large, or no HTTP. */
  append(chunk: Uint8Array): 'more' | 'whole' | 'refused' {
    const length = this.length + chunk.length
    if (length > HTTP_RESPONSE_BYTES) return 'refused'
    if (length > this.buffer.length) {
      const larger = Buffer.alloc(Math.min(HTTP_RESPONSE_BYTES, Math.max(length, 2 * this.buffer.length)))
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
    const body = this.buffer.subarray(head.end, this.length)
    const content = head.chunked ? unchunked(body) : body
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
    return {
      status: Number(status ?? 0),
      end: at + HEAD_END.length,
      contentLength: contentLength && /^\d{1,8}$/.test(contentLength) ? Number(contentLength) : undefined,
      chunked: fields.get('transfer-encoding')?.endsWith('chunked') === true,
    }
  }

  private isWhole(head: Head): boolean {
    if (head.chunked) {
      const isEnd =
        this.buffer.toString('latin1', Math.max(head.end, this.length - 5), this.length) === LAST_CHUNK
      // Whoever writes such an end again and again shall not have all of it read each time.
      return (
        isEnd &&
        this.looks++ < CHUNKED_LOOKS &&
        unchunked(this.buffer.subarray(head.end, this.length)) !== undefined
      )
    }
    return head.contentLength !== undefined && this.length - head.end >= head.contentLength
  }
}

/** The content of a body in chunks (RFC 9112 §7.1), or undefined if it is not whole. */
function unchunked(body: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = /^([0-9a-fA-F]{1,6})(;|$)/.exec(body.toString('latin1', at, lineEnd < 0 ? at : lineEnd))?.[1]
    if (size === undefined) return undefined
    const length = Number.parseInt(size, 16)
    if (length === 0) return Buffer.concat(parts)
    const start = lineEnd + 2
    if (start + length + 2 > body.length) return undefined
    parts.push(body.subarray(start, start + length))
    at = start + length + 2
  }
}
