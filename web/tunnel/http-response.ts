import { CulvertError } from '../../shared/bytes/error.ts'
import { HTTP_BODY_BYTES, HTTP_HEADER_BYTES, HTTP_LINE_BYTES } from './limits.ts'

/** A response that is not HTTP/1.1, or is larger than allowed. */
export class HttpError extends CulvertError {}

export interface HttpHead {
  readonly status: number
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
}

type State =
  | 'head'
  | 'length'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'done'

const LF = 10

/**
 * Parses one HTTP/1.1 response (RFC 9112) off untrusted bytes: `receive` what comes, then `end` when the far side has
 * finished. Interim responses (1xx) are skipped. Head and body are bounded before they are kept.
 */
export class HttpResponseParser {
  head: HttpHead | undefined
  private state: State = 'head'
  private line: number[] = []
  private headBytes = 0
  private lines: string[] = []
  private left = 0
  private size = 0
  /** One buffer, of which `size` bytes are filled: a list of chunks would cost a hundred times its bytes if each has one. */
  private body = new Uint8Array(0)
  private readonly bodyLimit: number

  /** @param bodyLimit bytes */
  constructor(bodyLimit = HTTP_BODY_BYTES) {
    this.bodyLimit = bodyLimit
  }

  get done(): boolean {
    return this.state === 'done'
  }

  /** The whole body so far. The parser is of no use afterwards. */
  takeBody(): Uint8Array<ArrayBuffer> {
    return this.body.subarray(0, this.size)
  }

  /** @throws HttpError */
  receive(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && this.state !== 'done') {
      if (this.state === 'length' || this.state === 'chunk-data' || this.state === 'until-close') {
        at += this.takeData(bytes.subarray(at))
      } else {
        const byte = bytes[at++] as number
        if (byte === LF) this.takeLine()
        else this.keepInLine(byte)
      }
    }
  }

  /** The far side will send nothing more. @throws HttpError `http-short` in the middle of a response */
  end(): void {
    if (this.state === 'until-close') this.state = 'done'
    if (this.state !== 'done') throw new HttpError('http-short', `the response broke off (${this.state})`)
  }

  private keepInLine(byte: number): void {
    this.line.push(byte)
    const inHead = this.state === 'head' || this.state === 'trailers'
    if (inHead && ++this.headBytes > HTTP_HEADER_BYTES) {
      throw new HttpError('http-head-too-long', `more than ${HTTP_HEADER_BYTES} bytes of headers`)
    }
    if (!inHead && this.line.length > HTTP_LINE_BYTES) {
      throw new HttpError('http-line-too-long', `a chunk line of more than ${HTTP_LINE_BYTES} bytes`)
    }
  }

  private takeLine(): void {
    let text = ''
    for (const byte of this.line) text += String.fromCharCode(byte)
    if (text.endsWith('\r')) text = text.slice(0, -1)
    this.line = []
    // Lines between chunks are no headers, however many chunks there are.
    if (this.state === 'head' || this.state === 'trailers') this.headBytes++
    switch (this.state) {
      case 'head':
        if (text !== '') this.lines.push(text)
        else this.finishHead()
        break
      case 'chunk-size':
        this.startChunk(text)
        break
      case 'chunk-end':
        if (text !== '') throw new HttpError('http-malformed', 'a chunk is longer than it said')
        this.state = 'chunk-size'
        break
      case 'trailers':
        if (text === '') this.state = 'done'
        break
    }
  }

  private finishHead(): void {
    const [first = '', ...rest] = this.lines
    this.lines = []
    const match = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |$)/.exec(first)
    if (!match) throw new HttpError('http-malformed', 'the answer is not HTTP/1.1')
    const status = Number(match[1])
    if (status < 200 && status !== 101) return
    const headers = parseHeaders(rest)
    this.head = { status, headers }
    this.state = this.bodyState(status, headers)
  }

  /** How the body is delimited: RFC 9112 §6.3. */
  private bodyState(status: number, headers: ReadonlyMap<string, string>): State {
    const coding = headers.get('transfer-encoding')
    const length = headers.get('content-length')
    if (status === 204 || status === 304) return 'done'
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked' || length !== undefined) {
        throw new HttpError('http-malformed', 'a body with an unknown or doubtful length')
      }
      return 'chunk-size'
    }
    if (length === undefined) return 'until-close'
    if (!/^[0-9]{1,15}$/.test(length)) throw new HttpError('http-malformed', 'a content-length that is none')
    this.left = Number(length)
    this.checkSize(this.left)
    return this.left === 0 ? 'done' : 'length'
  }

  private startChunk(text: string): void {
    const match = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(text)
    if (!match) throw new HttpError('http-malformed', 'a chunk size that is none')
    this.left = Number.parseInt(match[1] as string, 16)
    this.checkSize(this.left)
    this.state = this.left === 0 ? 'trailers' : 'chunk-data'
  }

  private takeData(bytes: Uint8Array): number {
    const taken = this.state === 'until-close' ? bytes.length : Math.min(this.left, bytes.length)
    this.checkSize(taken)
    this.append(taken === bytes.length ? bytes : bytes.subarray(0, taken))
    if (this.state === 'until-close') return taken
    this.left -= taken
    if (this.left === 0) this.state = this.state === 'length' ? 'done' : 'chunk-end'
    return taken
  }

  private append(bytes: Uint8Array): void {
    const needed = this.size + bytes.length
    if (needed > this.body.length) {
      const grown = new Uint8Array(Math.min(this.bodyLimit, Math.max(needed, 2 * this.body.length, 4_096)))
      grown.set(this.body.subarray(0, this.size))
      this.body = grown
    }
    this.body.set(bytes, this.size)
    this.size = needed
  }

  private checkSize(more: number): void {
    if (this.size + more > this.bodyLimit) {
      throw new HttpError('http-body-too-long', `more than ${this.bodyLimit} bytes of body`)
    }
  }
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line)
    if (!match) throw new HttpError('http-malformed', 'a header line that is none')
    const name = (match[1] as string).toLowerCase()
    const value = match[2] as string
    const before = headers.get(name)
    if (name === 'content-length' && before !== undefined && before !== value) {
      throw new HttpError('http-malformed', 'two lengths of one body')
    }
    headers.set(name, before === undefined || name === 'content-length' ? value : `${before}, ${value}`)
  }
  return headers
}
