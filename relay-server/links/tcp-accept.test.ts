import { connect as connectPlain, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { streamMessage } from '../../shared/link/stream-messages.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { ACCEPT_TIMEOUT_MS } from './constants.ts'
import { cleanUps, diallerOf, listening, refusalOf } from './tcp.fixture.ts'
import { HOST, TestEnd, until } from './wires.fixture.ts'

describe('TCP link: those who connect (L-02, L-08, O-06)', () => {
  async function plain(port: number, bytes: string | Uint8Array = ''): Promise<Socket> {
    const socket = connectPlain(port, HOST)
    cleanUps.push(() => socket.destroy())
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('connect', resolve))
    if (bytes.length > 0) socket.write(bytes)
    return socket
  }
  const closed = (socket: Socket) =>
    new Promise((resolve) => {
      socket.resume()
      socket.once('close', resolve)
    })
  async function secure(port: number): Promise<TLSSocket> {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false })
    cleanUps.push(() => socket.destroy())
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    return socket
  }

  it('have ten seconds, whatever they do with them', async () => {
    const clock = new VirtualClock()
    const { listener, port, end } = await listening({ clock })
    const silent = await plain(port)
    const slow = await plain(port, Uint8Array.of(0x16, 3, 1))
    const mute = await secure(port)
    await until(() => listener.size === 3)
    clock.advance(ACCEPT_TIMEOUT_MS - 1)
    expect(listener.size).toBe(3)
    expect(end.counters.get('tcp-timeout')).toBe(0)
    clock.advance(1)
    await Promise.all([silent, slow, mute].map(closed))
    await until(() => listener.size === 0)
    expect(end.counters.get('tcp-timeout')).toBe(3)
    expect(end.wires).toEqual([])
  })

  it('keep their link after that', async () => {
    const clock = new VirtualClock()
    const { end, address, listener } = await listening({ clock })
    const left = new TestEnd()
    left.onWire(await diallerOf(left).dial({ address, publicKey: end.publicKey }))
    await until(() => end.wires.length === 1)
    clock.advance(2 * ACCEPT_TIMEOUT_MS)
    left.link.send(Uint8Array.of(1), 0)
    await until(() => end.received.length === 1)
    expect(listener.size).toBe(1)
  })

  it('are let in up to the limit of one address, and again when one has gone', async () => {
    const limits = { connections: 10, connectionsPerAddress: 2 }
    const { end, address, listener } = await listening({ limits })
    const dial = () => diallerOf(new TestEnd()).dial({ address, publicKey: end.publicKey })
    const first = await dial()
    await dial()
    expect(await refusalOf(dial())).toBe('link-unreachable')
    expect(end.counters.get('tcp-limit-address')).toBe(1)
    first.link.close('unneeded')
    await until(() => listener.size === 1)
    expect((await dial()).link.open).toBe(true)
  })

  it('are let in up to the limit of all', async () => {
    const limits = { connections: 1, connectionsPerAddress: 5 }
    const { end, address } = await listening({ limits })
    const dial = () => diallerOf(new TestEnd()).dial({ address, publicKey: end.publicKey })
    await dial()
    expect(await refusalOf(dial())).toBe('link-unreachable')
    expect(end.counters.get('tcp-limit-connections')).toBe(1)
  })

  it('are held back when they connect over and over', async () => {
    const { port, end } = await listening({ rate: { perSecond: 0.001, burst: 2 } })
    for (let i = 0; i < 3; i++) {
      const socket = await plain(port)
      socket.destroy()
    }
    await until(() => end.counters.get('tcp-limit-rate') === 1)
    expect(end.counters.get('tcp-admitted')).toBe(2)
  })

  it.each([
    ['no TLS', 'GET / HTTP/1.1\r\n\r\n'],
    ['garbage', new Uint8Array(300).fill(0xff)],
  ])('are cut off for %s', async (_what, bytes) => {
    const { port, listener, end } = await listening()
    await closed(await plain(port, bytes))
    await until(() => listener.size === 0)
    expect(end.counters.get('tcp-handshake-failed')).toBe(1)
  })

  it('are cut off for a message over 256 bytes before they have proved a key', async () => {
    const { port, listener, end } = await listening()
    const socket = await secure(port)
    socket.write(streamMessage(new Uint8Array(257)))
    await closed(socket)
    await until(() => listener.size === 0)
    expect(end.counters.get('link-protocol')).toBe(1)
    expect(end.wires).toEqual([])
  })

  it('are told that the relay stops', async () => {
    const { end, address, listener } = await listening()
    const left = new TestEnd()
    left.onWire(await diallerOf(left).dial({ address, publicKey: end.publicKey }))
    await until(() => end.wires.length === 1)
    await listener.stop()
    await until(() => left.closed.length === 1)
    expect(left.closed).toEqual(['shutdown'])
    await until(() => listener.size === 0)
  })
})
