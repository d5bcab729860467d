import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setTunnel } from './current-tunnel.ts'
import { createSocket } from './dgram.ts'
import { lookup } from './dns.ts'
import { FakeTunnel, turn } from './fake-tunnel.fixture.ts'

let tunnel: FakeTunnel

beforeEach(() => {
  tunnel = new FakeTunnel()
  setTunnel(tunnel)
})

/** As BEP 15 has them: a request with its transaction at offset 12, an answer with it at 4. */
const request = (transaction: string) => Buffer.from(`............${transaction}`)
const answer = (transaction: string, text: string) => Buffer.from(`....${transaction} ${text}`)
const from = (host: string, port: number) => ({ kind: 'ipv4', host, port }) as const

describe('dgram over the tunnel (C-07, W-04)', () => {
  it('sends before bind, a part of a buffer, to a name and a port in text', async () => {
    const socket = createSocket('udp4')
    const said: string[] = []
    socket.on('listening', () => void said.push('listening'))
    socket.send(Buffer.from('-hello-'), 1, 5, '6969', 'tracker.example.com', () => void said.push('sent'))
    await turn()
    expect(said).toEqual(['listening', 'sent'])
    const [sent] = tunnel.sockets[0]!.sent
    expect(sent!.to).toBe('tracker.example.com:6969')
    expect(Buffer.from(sent!.data).toString()).toBe('hello')
    socket.send(Buffer.from('whole'), 53, '8.8.8.8')
    expect(tunnel.sockets[0]!.sent[1]!.to).toBe('8.8.8.8:53')
  })

  it('copies what it sends: callers reuse their buffers', () => {
    const socket = createSocket({ type: 'udp4' })
    const buffer = Buffer.from('first')
    socket.send(buffer, 0, 5, 1, '1.1.1.1')
    buffer.fill('x')
    expect(Buffer.from(tunnel.sockets[0]!.sent[0]!.data).toString()).toBe('first')
  })

  it('unbound, takes answers of those asked only', () => {
    const socket = createSocket('udp4')
    const got: string[] = []
    socket.on('message', (data: Buffer, { address }: { address: string }) => {
      got.push(`${address} ${data.toString()} ${Buffer.isBuffer(data)}`)
    })
    socket.send(request('1111'), 0, 16, 6969, '9.9.9.9')
    const { receive } = tunnel.sockets[0]!
    receive(from('9.9.9.9', 6970), answer('1111', 'other port'))
    receive(from('6.6.6.6', 6969), answer('1111', 'stranger'))
    receive(from('9.9.9.9', 6969), answer('0000', 'to something else'))
    receive(from('9.9.9.9', 6969), answer('1111', 'answer'))
    expect(got).toEqual(['9.9.9.9 ....1111 answer true'])
    socket.send(request('2222'), 0, 16, 6969, 'tracker.example.com')
    receive(from('6.6.6.6', 6969), answer('2222', 'resolved'))
    expect(got).toHaveLength(2)
  })

  it('bound, takes datagrams of anyone, until closed', async () => {
    const socket = createSocket('udp4')
    let got = 0
    socket.on('message', () => {
      got++
    })
    await new Promise<void>((resolve) => socket.bind(0, resolve))
    expect(socket.address().port).toBeGreaterThan(1024)
    const fake = tunnel.sockets[0]!
    fake.receive(from('6.6.6.6', 1), Buffer.from('hello'))
    await new Promise<void>((resolve) => socket.close(resolve))
    fake.receive(from('6.6.6.6', 1), Buffer.from('late'))
    socket.send(Buffer.from('late'), 0, 4, 1, '6.6.6.6')
    expect([got, fake.closed, fake.sent.length]).toEqual([1, true, 0])
  })

  it('resolves no names', async () => {
    const error = await new Promise<Error & { code?: string }>((resolve) => lookup('a.example', {}, resolve))
    expect(error.code).toBe('name-not-found')
  })
})

describe('UDP trackers that do not answer (C-07, BEP 15)', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const sent = () => tunnel.sockets[0]!.sent.map(({ to, data }) => `${to} ${Buffer.from(data.subarray(12))}`)

  it('are asked again, three times', () => {
    createSocket('udp4').send(request('1111'), 0, 16, 6969, 'tracker.example.com')
    vi.advanceTimersByTime(60_000)
    expect(sent()).toEqual(Array(4).fill('tracker.example.com:6969 1111'))
  })

  it('are not, once they have answered; nor about what was asked before', () => {
    const socket = createSocket('udp4')
    socket.send(request('1111'), 0, 16, 6969, 'tracker.example.com')
    tunnel.sockets[0]!.receive(from('6.6.6.6', 6969), answer('1111', 'connected'))
    vi.advanceTimersByTime(60_000)
    expect(sent()).toHaveLength(1)
    socket.send(request('2222'), 0, 16, 6969, 'tracker.example.com')
    socket.send(request('3333'), 0, 16, 6969, 'tracker.example.com')
    vi.advanceTimersByTime(2_000)
    expect(sent().slice(3)).toEqual(['tracker.example.com:6969 3333'])
  })

  it('and answer more than once are heard once', () => {
    const socket = createSocket('udp4')
    const got: string[] = []
    socket.on('message', (data: Buffer) => void got.push(data.toString()))
    const { receive } = tunnel.sockets[0]!
    socket.send(request('1111'), 0, 16, 6969, '9.9.9.9')
    receive(from('9.9.9.9', 6969), answer('1111', 'connected'))
    receive(from('9.9.9.9', 6969), answer('1111', 'connected'))
    socket.send(request('2222'), 0, 16, 6969, '9.9.9.9')
    receive(from('9.9.9.9', 6969), answer('1111', 'connected'))
    receive(from('9.9.9.9', 6969), answer('2222', 'peers'))
    expect(got).toEqual(['....1111 connected', '....2222 peers'])
  })

  it('are heard by the socket that asked, of two that asked the same tracker', () => {
    const got: string[] = []
    for (const transaction of ['1111', '2222']) {
      const socket = createSocket('udp4')
      socket.on('message', (data: Buffer) => void got.push(`${transaction} hears ${data}`))
      socket.send(request(transaction), 0, 16, 6969, 'tracker.example.com')
    }
    const { receive } = tunnel.sockets[0]!
    receive(from('9.9.9.9', 6969), answer('2222', 'connected'))
    receive(from('9.9.9.9', 6969), answer('1111', 'connected'))
    expect(got).toEqual(['2222 hears ....2222 connected', '1111 hears ....1111 connected'])
  })

  it('are left alone after the socket is closed', () => {
    const socket = createSocket('udp4')
    socket.send(request('1111'), 0, 16, 6969, '9.9.9.9')
    socket.close()
    vi.advanceTimersByTime(60_000)
    expect(sent()).toHaveLength(1)
  })

  it('a socket that was bound keeps its own time', () => {
    const socket = createSocket('udp4')
    socket.bind(0)
    socket.send(Buffer.from('ping'), 0, 4, 6881, '9.9.9.9')
    vi.advanceTimersByTime(60_000)
    expect(sent()).toHaveLength(1)
  })
})
