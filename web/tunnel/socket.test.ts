import { Duplex } from 'streamx'
import { beforeEach, describe, expect, it } from 'vitest'
import { setTunnel } from './current-tunnel.ts'
import { type FakeStream, FakeTunnel, turn } from './fake-tunnel.fixture.ts'
import { connect, createServer, isIP } from './net.ts'
import type { CircuitSocket } from './socket.ts'

let tunnel: FakeTunnel
let socket: CircuitSocket
let stream: FakeStream
let log: string[]

beforeEach(() => {
  tunnel = new FakeTunnel()
  setTunnel(tunnel)
  socket = connect({ host: '198.51.100.7', port: '6881' })
  stream = tunnel.streams[0]!
  log = []
  for (const name of ['connect', 'end', 'finish', 'close', 'drain']) {
    socket.on(name as 'close', () => void log.push(name))
  }
  socket.on('error', (error: Error & { code?: string }) => void log.push(`error ${error.code}`))
})

describe('net over the tunnel (C-07)', () => {
  it('connects at once, so that the first bytes travel with the request', async () => {
    expect(stream.destination).toBe('198.51.100.7:6881')
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['198.51.100.7', 6881])
    socket.write(Buffer.from('hello'))
    await turn()
    expect(log).toEqual(['connect'])
    expect(stream.text).toBe('hello')
  })

  it('gives what comes, and an end', async () => {
    const got: string[] = []
    socket.on('data', (chunk) => void got.push(Buffer.from(chunk as Uint8Array).toString()))
    await turn()
    stream.say('one')
    stream.say('two')
    stream.events.ended()
    await turn()
    expect(got).toEqual(['one', 'two'])
    expect(log).toContain('end')
  })

  it('writes many small chunks in one turn and waits when the tunnel is full', async () => {
    stream.room = false
    socket.write(Buffer.from('a'))
    await turn()
    let finished = false
    for (let i = 0; i < 100; i++) socket.write(Buffer.from('b'))
    socket.on('finish', () => {
      finished = true
    })
    socket.end(Buffer.from('!'))
    await turn()
    expect(stream.text).toBe('a')
    stream.room = true
    stream.events.drained()
    await turn()
    expect(stream.written).toHaveLength(2)
    expect(stream.text).toBe(`a${'b'.repeat(100)}!`)
    expect(stream.log).toContain('end')
    expect(finished).toBe(true)
  })

  it('pauses the far side while nobody reads', async () => {
    await turn()
    stream.log = []
    for (let i = 0; i < 40; i++) stream.events.data(new Uint8Array(1024))
    expect(stream.log).toContain('pause')
    socket.resume()
    await turn()
    expect(stream.log.at(-1)).toBe('resume')
  })

  it('turns the reason of a failed stream into an error', async () => {
    await turn()
    stream.events.closed('connection-refused')
    await turn()
    expect(log).toEqual(['connect', 'error connection-refused', 'close'])
    expect(stream.log).not.toContain('destroy')
  })

  it('destroys the stream once, and says no error of its own doing', async () => {
    stream.room = false
    socket.write(Buffer.from('stuck'))
    await turn()
    socket.destroy()
    socket.destroy()
    await turn()
    stream.events.closed(undefined)
    await turn()
    expect(stream.log.filter((entry) => entry === 'destroy')).toHaveLength(1)
    expect(log).toEqual(['connect', 'close'])
  })

  it('never says connect when it was destroyed in the same turn', async () => {
    const other = connect({ host: '198.51.100.7', port: 1 })
    other.on('connect', () => void log.push('other connect'))
    other.on('close', () => void log.push('other close'))
    other.destroy()
    await turn()
    expect(log).toEqual(['connect', 'other close'])
  })

  it('is a stream like others: pipes both ways', async () => {
    const echo = new Duplex({
      write(chunk: unknown, done: (error: Error | null) => void) {
        this.push(chunk)
        done(null)
      },
    })
    socket.pipe(echo)
    echo.pipe(socket)
    await turn()
    stream.say('echo me')
    await turn()
    expect(stream.text).toBe('echo me')
  })
})

describe('the server that nobody reaches (C-08)', () => {
  it('listens at once, on a random port of the dynamic range', async () => {
    const ports = new Set<number>()
    for (let i = 0; i < 20; i++) {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, resolve))
      ports.add(server.address().port)
      await new Promise<void>((resolve) => server.close(resolve))
    }
    expect(ports.size).toBeGreaterThan(10)
    for (const port of ports) expect(port >= 49_152 && port < 65_535).toBe(true)
  })

  it('tells addresses from names', () => {
    expect(['1.2.3.4', '::1', 'a.example', '[::1]', '2130706433', '1.2.3'].map(isIP)).toEqual([
      4, 6, 0, 0, 0, 0,
    ])
  })
})
