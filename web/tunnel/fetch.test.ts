import { beforeEach, describe, expect, it } from 'vitest'
import { Counters } from '../../shared/world/counters.ts'
import { setTunnel } from './current-tunnel.ts'
import { type FakeStream, FakeTunnel, turn } from './fake-tunnel.fixture.ts'
import { fetch } from './fetch.ts'
import { guardTunnel } from './guard.ts'

let tunnel: FakeTunnel

beforeEach(() => {
  tunnel = new FakeTunnel()
  const allowed = ({ host }: { host: string }) => !host.startsWith('10.')
  setTunnel(guardTunnel(tunnel, allowed, new Counters()))
})

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const answerAll = (text: (stream: FakeStream) => string) => {
  tunnel.onStream = (stream) => stream.say(text(stream))
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  )

describe('HTTP over the tunnel (C-07, W-04)', () => {
  it('asks one thing on one connection', async () => {
    answerAll(() => OK)
    const headers = { 'user-agent': 'test', range: 'bytes=0-9', cookie: 'no', 'x-evil': 'a\r\nb' }
    const response = await fetch('http://tracker.example.com:8080/announce?info_hash=%00%ff', { headers })
    expect([response.status, response.ok, await response.text()]).toEqual([200, true, 'ok'])
    const [stream] = tunnel.streams
    expect(stream!.destination).toBe('tracker.example.com:8080')
    expect(stream!.text).toBe(
      'GET /announce?info_hash=%00%ff HTTP/1.1\r\nHost: tracker.example.com:8080\r\n' +
        'user-agent: test\r\nrange: bytes=0-9\r\nConnection: close\r\n\r\n',
    )
    expect(stream!.log).toEqual(['destroy'])
  })

  it('goes to an IPv6 address as such', async () => {
    answerAll(() => OK)
    await fetch('http://[2001:DB8::1]/')
    expect(tunnel.streams[0]!.destination).toBe('[2001:db8::1]:80')
  })

  it('follows five redirects and no sixth', async () => {
    let left = 5
    answerAll(() =>
      left-- > 0 ? 'HTTP/1.1 302 Found\r\nLocation: ../next\r\nContent-Length: 0\r\n\r\n' : OK,
    )
    expect((await fetch('http://a.example/x/y')).status).toBe(200)
    expect(tunnel.streams).toHaveLength(6)
    expect(tunnel.streams[1]!.text).toContain('GET /next ')
    left = 6
    expect(await codeOf(fetch('http://a.example/'))).toBe('http-redirects')
  })

  it('judges a redirect like a first request', async () => {
    answerAll(() => 'HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/admin\r\nContent-Length: 0\r\n\r\n')
    expect(await codeOf(fetch('http://a.example/'))).toBe('destination-refused')
    expect(tunnel.streams).toHaveLength(1)
    answerAll(() => 'HTTP/1.1 301 Moved\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n')
    expect(await codeOf(fetch('http://a.example/'))).toBe('http-scheme')
  })

  it.each(['https://a.example/', 'ftp://a.example/', 'file:///etc/passwd', 'data:,x'])(
    'refuses %s',
    async (url) => {
      expect(await codeOf(fetch(url))).toBe('http-scheme')
      expect(tunnel.streams).toHaveLength(0)
    },
  )

  it('refuses what is no address, and methods that change things', async () => {
    expect(await codeOf(fetch('nothing'))).toBe('http-url')
    expect(await codeOf(fetch(`http://a.example/${'x'.repeat(9_000)}`))).toBe('http-url')
    expect(await codeOf(fetch('http://a.example/', { method: 'POST' }))).toBe('http-method')
  })

  it("takes more for a range than for a tracker's answer", async () => {
    answerAll(() => 'HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n')
    expect(await codeOf(fetch('http://a.example/announce'))).toBe('http-body-too-long')
    tunnel.onStream = (stream) => {
      stream.say('HTTP/1.1 206 OK\r\nContent-Length: 9000000\r\n\r\n')
      stream.say('x'.repeat(9_000_000))
    }
    const seed = await fetch('http://a.example/film', { headers: { range: 'bytes=0-8999999' } })
    expect((await seed.arrayBuffer()).byteLength).toBe(9_000_000)
  })

  it('has an exit that opens no connections ask a tracker, and follows where that leads', async () => {
    tunnel.onStream = (stream) => stream.events.closed('not-an-exit')
    const answers = ['HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n', OK]
    tunnel.answerHttp = () => answers.shift()
    const response = await fetch('http://tracker.example:8080/announce?info_hash=%00')
    expect([response.status, await response.text()]).toEqual([200, 'ok'])
    const head = (path: string) =>
      `tracker.example:8080 GET ${path} HTTP/1.1\r\nHost: tracker.example:8080\r\nConnection: close\r\n\r\n`
    expect(tunnel.httpRequests).toEqual([head('/announce?info_hash=%00'), head('/there')])
  })

  it('asks no such exit for pieces, nor a private address; without an answer it was no exit', async () => {
    tunnel.onStream = (stream) => stream.events.closed('not-an-exit')
    tunnel.answerHttp = () => undefined
    expect(await codeOf(fetch('http://a.example/film', { headers: { range: 'bytes=0-9' } }))).toBe(
      'not-an-exit',
    )
    expect(await codeOf(fetch('http://10.0.0.1/announce'))).toBe('destination-refused')
    expect(tunnel.httpRequests).toEqual([])
    expect(await codeOf(fetch('http://a.example/announce'))).toBe('not-an-exit')
    expect(tunnel.httpRequests).toHaveLength(1)
    tunnel.answerHttp = () => OK.slice(0, -1)
    expect(await codeOf(fetch('http://a.example/announce'))).toBe('http-short')
    tunnel.answerHttp = () => {
      throw new TypeError('no tunnel')
    }
    await expect(fetch('http://a.example/announce')).rejects.toThrow('no tunnel')
  })

  it('ends with the reason of the stream, the parser or the caller', async () => {
    tunnel.onStream = (stream) => stream.events.closed('name-not-found')
    expect(await codeOf(fetch('http://a.example/'))).toBe('name-not-found')
    answerAll(() => 'nonsense\r\n\r\n')
    expect(await codeOf(fetch('http://a.example/'))).toBe('http-malformed')
    tunnel.onStream = (stream) => {
      stream.say(OK.slice(0, -1))
      stream.events.ended()
    }
    expect(await codeOf(fetch('http://a.example/'))).toBe('http-short')
    tunnel.onStream = () => {}
    const controller = new AbortController()
    const waiting = codeOf(fetch('http://a.example/', { signal: controller.signal }))
    await turn()
    controller.abort()
    expect(await waiting).toBe('http-timeout')
    expect(tunnel.streams.at(-1)!.log).toEqual(['destroy'])
    expect(await codeOf(fetch('http://a.example/', { signal: controller.signal }))).toBe('http-timeout')
  })
})
