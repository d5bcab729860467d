import { TOR_LINE_BYTES, TOR_REPLY_BYTES, TOR_REPLY_LINES } from './tor-constants.ts'
import { TorError } from './tor-error.ts'

/** One reply or event of tor's control port (control-spec §2.3). */
export interface TorReply {
  /** Three digits: 2xx well, 4xx and 5xx refused, 6xx an event. */
  readonly status: number
  /** Without status and separator; the last line's text last. Data lines stand by themselves, after the line they belong to. */
  readonly lines: readonly string[]
}

/**
 * Takes the bytes of a control port and hands on whole replies. What is behind the port is configured, but may be anything:
 * lines, replies and their number are bounded.
 */
export class TorReplies {
  private readonly onReply: (reply: TorReply) => void
  /** The line that has not ended yet. */
  private partial = ''
  private lines: string[] = []
  private bytes = 0
  /** Within the data of a `250+` line, up to a line with a dot alone. */
  private inData = false

  constructor(onReply: (reply: TorReply) => void) {
    this.onReply = onReply
  }

  /** @throws TorError `tor-control-protocol`; nothing more may be handed in then */
  receive(chunk: Uint8Array): void {
    // One character a byte: what tor sends beyond ASCII is only ever shown.
    const text = this.partial + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.line(text.slice(start, end > start && text[end - 1] === '\r' ? end - 1 : end))
      start = end + 1
    }
    this.partial = text.slice(start)
    if (this.partial.length > TOR_LINE_BYTES) throw broken('a line without end')
  }

  private line(line: string): void {
    this.bytes += line.length + 1
    if (
      line.length > TOR_LINE_BYTES ||
      this.bytes > TOR_REPLY_BYTES ||
      this.lines.length >= TOR_REPLY_LINES
    ) {
      throw broken('a reply that is too long')
    }
    if (this.inData) {
      if (line === '.') this.inData = false
      else this.lines.push(line.startsWith('.') ? line.slice(1) : line)
      return
    }
    const [, status, separator, text = ''] = /^([2-6]\d\d)([ +-])(.*)$/s.exec(line) ?? []
    if (status === undefined) throw broken('a line that is no reply')
    this.lines.push(text)
    if (separator === '+') this.inData = true
    if (separator !== ' ') return
    const reply = { status: Number(status), lines: this.lines }
    this.lines = []
    this.bytes = 0
    this.onReply(reply)
  }
}

/** The values of `KEY=value` and `KEY="quoted value"` in a line, by key (control-spec §2.1.1). */
export function fieldsOf(line: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [, key = '', quoted, plain = ''] of line.matchAll(
    /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g,
  )) {
    fields.set(key, quoted === undefined ? plain : unquoted(quoted))
  }
  return fields
}

/** Text as a QuotedString: within double quotes, with quotes and backslashes escaped. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

function unquoted(text: string): string {
  return text.replace(/\\([0-7]{1,3}|.)/gs, (_, sign: string) =>
    /^[0-7]/.test(sign) ? String.fromCharCode(Number.parseInt(sign, 8) & 0xff) : (ESCAPES[sign] ?? sign),
  )
}

function broken(what: string): TorError {
  return new TorError('tor-control-protocol', `this is no control port of tor: ${what}`)
}
