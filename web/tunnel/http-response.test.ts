import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HttpError, HttpResponseParser } from './http-response.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

function parse(text: string, options: { step?: number; end?: boolean; limit?: number } = {}) {
  const { step = text.length || 1, end = false, limit } = options
  const parser = new HttpResponseParser(limit)
  for (let at = 0; at < text.length; at += step) parser.receive(bytes(text.slice(at, at + step)))
  if (end) parser.end()
  return {
    done: parser.done,
    status: parser.head?.status,
    headers: parser.head?.headers,
    body: Buffer.from(parser.takeBody()).toString('latin1'),
  }
}

function codeOf(text: string, options: { end?: boolean; limit?: number } = {}): string {
  try {
    parse(text, options)
  } catch (error) {
    if (error instanceof HttpError) return error.code
    throw error
  }
  return 'no error'
}

describe('HTTP responses off untrusted bytes (W-04)', () => {
  const CHUNKED =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\n5\r\npedia\r\n0\r\nA: b\r\n\r\n'

  it.each([1, 2, 3, 7, 1000])('reads chunks, whatever pieces they come in (%i)', (step) => {
    expect(parse(CHUNKED, { step })).toMatchObject({ done: true, status: 200, body: 'Wikipedia' })
  })

  it('keeps no more memory than a body has bytes, be each of them a chunk of its own', () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const used = () => {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const parser = new HttpResponseParser(1_000_000)
    parser.receive(bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))
    const chunks = bytes('1\r\nx\r\n'.repeat(1_000))
    const before = used()
    for (let i = 0; i < 300; i++) parser.receive(chunks)
    expect(used() - before).toBeLessThan(8_000_000)
    parser.receive(bytes('0\r\n\r\n'))
    expect(parser.takeBody()).toEqual(new Uint8Array(300_000).fill(120))
  })

  it('reads a body by its length and takes nothing after it', () => {
    const answer = parse('HTTP/1.1 206 Partial\nContent-Length: 3\nX-A: 1\nx-a: 2\n\nabcdef')
    expect(answer).toMatchObject({ done: true, status: 206, body: 'abc' })
    expect(answer.headers?.get('x-a')).toBe('1, 2')
  })

  it('reads a body until the end where no length is given', () => {
    expect(parse('HTTP/1.0 200 OK\r\n\r\nall of it').done).toBe(false)
    expect(parse('HTTP/1.0 200 OK\r\n\r\nall of it', { end: true })).toMatchObject({
      done: true,
      body: 'all of it',
    })
  })

  it('skips interim responses and knows answers without a body', () => {
    const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n'
    expect(parse(text)).toMatchObject({ done: true, status: 204, body: '' })
    expect(parse('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')).toMatchObject({ done: true, body: '' })
  })

  it.each([
    ['SSH-2.0-OpenSSH\r\n\r\n', 'http-malformed'],
    ['HTTP/2 200\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 999 no\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n', 'http-malformed'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n', 'http-body-too-long'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n', 'http-body-too-long'],
    [`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(20_000)}`, 'http-head-too-long'],
    [`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(5_000)}`, 'http-head-too-long'],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(2_000)}`, 'http-line-too-long'],
  ])('refuses %j', (text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  it('refuses a body that grows beyond the limit without saying its length', () => {
    expect(codeOf(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(101)}`, { limit: 100 })).toBe('http-body-too-long')
    const chunks = '40\r\n'.concat('x'.repeat(64), '\r\n').repeat(2)
    expect(codeOf(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, { limit: 100 })).toBe(
      'http-body-too-long',
    )
  })

  it.each([
    '',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab',
    CHUNKED.slice(0, -2),
  ])('knows a response that breaks off (%j)', (text) => {
    expect(codeOf(text, { end: true })).toBe('http-short')
  })

  it('never throws anything but an HttpError', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200 }),
        fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', CHUNKED.slice(0, 50)),
        (tail, head) => {
          expect(codeOf(head + tail, { end: true })).toMatch(/^(no error|http-)/)
        },
      ),
    )
  })
})
