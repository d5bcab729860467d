import { addressOf } from '../../shared/bytes/address.ts'
import { currentTunnel } from './current-tunnel.ts'
import { HttpError, type HttpHead, HttpResponseParser } from './http-response.ts'
import {
  HTTP_BODY_BYTES,
  HTTP_RANGE_BODY_BYTES,
  HTTP_REDIRECTS,
  HTTP_SILENCE_MS,
  HTTP_TIMEOUT_MS,
  URL_BYTES,
} from './limits.ts'
import { SocketError } from './socket.ts'

/**
 * In place of `cross-fetch-ponyfill`: HTTP trackers and web seeds, over a tunnel stream; at exits that end no streams
 * trackers alone, which some of them ask themselves. GET only, no cookies, no cache. https is refused until there is TLS above the tunnel; every redirect is judged like a first request.
 */

export interface FetchOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Headers that a caller may set; all others are the transport's. */
const PASSED_HEADERS = ['user-agent', 'range', 'cache-control', 'accept']
const REDIRECTS = [301, 302, 303, 307, 308]

/**
 * @throws HttpError `http-scheme` for anything but http, `http-url`, `http-redirects`, `http-timeout`, `http-short` and the
 *   parser's; SocketError with the reason why the stream ended
 */
export async function fetch(target: string | URL, options: FetchOptions = {}): Promise<Response> {
  if ((options.method ?? 'GET') !== 'GET') throw new HttpError('http-method', 'only GET goes over the tunnel')
  const timeout = AbortSignal.timeout(HTTP_TIMEOUT_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  let url = checkedUrl(String(target))
  for (let hop = 0; hop <= HTTP_REDIRECTS; hop++) {
    const { head, body } = await request(url, options.headers ?? {}, signal)
    const location = head.headers.get('location')
    if (!REDIRECTS.includes(head.status) || location === undefined) return toResponse(head, body)
    url = checkedUrl(location, url)
  }
  throw new HttpError('http-redirects', `more than ${HTTP_REDIRECTS} redirects`)
}

export default fetch

function checkedUrl(text: string, base?: URL): URL {
  if (text.length > URL_BYTES || !URL.canParse(text, base?.href)) {
    throw new HttpError('http-url', 'an address that is malformed or too long')
  }
  const url = new URL(text, base?.href)
  if (url.protocol !== 'http:') {
    throw new HttpError('http-scheme', `${url.protocol} is not available over the tunnel, only http:`)
  }
  return url
}

function request(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ head: HttpHead; body: Uint8Array<ArrayBuffer> }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal))
      return
    }
    const asksRange = Object.keys(headers).some((name) => name.toLowerCase() === 'range')
    const parser = new HttpResponseParser(asksRange ? HTTP_RANGE_BODY_BYTES : HTTP_BODY_BYTES)
    let silence: ReturnType<typeof setTimeout> | undefined
    const settle = (error?: unknown) => {
      clearTimeout(silence)
      signal.removeEventListener('abort', onAbort)
      stream.destroy()
      if (error !== undefined) reject(error)
      else if (parser.done && parser.head) resolve({ head: parser.head, body: parser.takeBody() })
    }
    const guarded = (step: () => void) => {
      try {
        step()
        if (parser.done) settle()
      } catch (error) {
        settle(error)
      }
    }
    const onAbort = () => settle(abortError(signal))
    const listen = () => {
      clearTimeout(silence)
      const error = new HttpError('http-timeout', `nothing came for ${HTTP_SILENCE_MS / 1000} s`)
      silence = setTimeout(settle, HTTP_SILENCE_MS, error)
    }
    const destination = addressOf(url.hostname, Number(url.port || 80))
    const asked = requestBytes(url, headers)
    const answered = (response: Uint8Array | undefined) => {
      guarded(() => {
        if (!response) throw new SocketError('not-an-exit', 'the exit opens no connections')
        parser.receive(response)
        parser.end()
      })
    }
    const stream = currentTunnel().connect(destination, {
      opened: listen,
      data: (chunk) => {
        listen()
        guarded(() => parser.receive(chunk))
      },
      drained: () => {},
      ended: () => guarded(() => parser.end()),
      closed: (reason) => {
        // Only what a tracker says comes back that way, and nothing as large as a piece.
        if (reason === 'not-an-exit' && !asksRange) {
          currentTunnel().httpRequest(destination, asked).then(answered, settle)
        } else settle(new SocketError(reason ?? 'connection-reset', 'the connection broke off'))
      },
    })
    listen()
    signal.addEventListener('abort', onAbort)
    stream.write(asked)
  })
}

/** RFC 9112 §3. The address comes out of `URL`, so it holds no line breaks; header values are checked. */
function requestBytes(url: URL, headers: Readonly<Record<string, string>>): Uint8Array {
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`]
  for (const [name, value] of Object.entries(headers)) {
    const passed = PASSED_HEADERS.includes(name.toLowerCase()) && /^[\x20-\x7e]{1,256}$/.test(value)
    if (passed) lines.push(`${name}: ${value}`)
  }
  lines.push('Connection: close', '', '')
  return new TextEncoder().encode(lines.join('\r\n'))
}

function toResponse(head: HttpHead, body: Uint8Array<ArrayBuffer>): Response {
  const headers = new Headers()
  for (const [name, value] of head.headers) headers.append(name, value)
  const bodyless = head.status === 204 || head.status === 304
  return new Response(bodyless ? null : body, { status: head.status, headers })
}

function abortError(signal: AbortSignal): HttpError {
  return new HttpError('http-timeout', 'the request was given up', { cause: signal.reason })
}
