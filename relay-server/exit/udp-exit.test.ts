import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { TestCircuit, testExit } from './exit.fixture.ts'
import { UdpExit, type UdpExitOptions } from './udp-exit.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Answers every datagram with itself. */
async function echo(host = '127.0.0.1'): Promise<{ socket: Socket; address: IpAddress; heard: string[] }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const heard: string[] = []
  socket.on('message', (data, from) => {
    heard.push(`${from.address} ${data}`)
    socket.send(data, from.port, from.address)
  })
  socket.bind(0, host)
  await once(socket, 'listening')
  closers.push(() => socket.close())
  return { socket, address: addressOf(host, socket.address().port) as IpAddress, heard }
}

function udpExit(allowNetworks: string[], options: Partial<UdpExitOptions> = {}, maxSockets?: number) {
  const parts = testExit(allowNetworks, maxSockets)
  const circuit = new TestCircuit()
  const exit = new UdpExit({ ...parts, mayPass: () => true, takePlace: () => true, ...options }, circuit)
  closers.push(() => exit.close())
  return { ...parts, circuit, exit }
}

const LOOPBACK = ['127.0.0.0/8', '::1/128']
const utf8 = (text: string) => new TextEncoder().encode(text)

describe('UDP at the exit (C-07, O-06)', () => {
  it('sends, and brings back what comes, with where it came from', async () => {
    const { address } = await echo()
    const { exit, circuit, sockets } = udpExit(LOOPBACK)
    exit.send(address, utf8('one'))
    exit.send(addressOf('loop.names.net', address.port), utf8('two'))
    await circuit.until(() => circuit.datagrams.length === 2)
    expect(circuit.datagrams.map(({ data }) => Buffer.from(data).toString()).sort()).toEqual(['one', 'two'])
    expect(circuit.datagrams[0]?.origin).toEqual(address)
    expect(sockets.inUse).toBe(1)
  })

  it('sends from its own address', async () => {
    const { address, heard } = await echo()
    const { exit, circuit } = udpExit(LOOPBACK, { localIpv4: '127.0.0.14' })
    exit.send(address, utf8('x'))
    await circuit.until(() => circuit.datagrams.length === 1)
    expect(heard).toEqual(['127.0.0.14 x'])
  })

  it('keeps what waits for a name within a bound', async () => {
    const { exit, counters } = udpExit(LOOPBACK)
    for (let i = 0; i < 12; i++) exit.send(addressOf('never.names.net', 80), utf8('x'))
    expect(counters.get('exit-udp-queue-full')).toBe(2)
  })

  it('lets only what may pass go out and come in', async () => {
    const { socket, address, heard } = await echo()
    const { exit, circuit, counters } = udpExit(LOOPBACK, { mayPass: (data) => data[0] === 100 })
    exit.send(address, utf8('not this'))
    exit.send(address, utf8('d-this'))
    await circuit.until(() => circuit.datagrams.length === 1)
    expect(heard).toHaveLength(1)
    expect(counters.get('exit-udp-content-refused')).toBe(1)
    socket.removeAllListeners('message')
    socket.on('message', (_data, from) => {
      socket.send('x refused', from.port, from.address)
      socket.send('d taken', from.port, from.address)
    })
    exit.send(address, utf8('d again'))
    await circuit.until(() => circuit.datagrams.length === 2)
    expect(Buffer.from(circuit.datagrams[1]?.data ?? []).toString()).toBe('d taken')
    expect(counters.get('exit-udp-content-refused')).toBe(2)
  })

  it('refuses what the policy refuses, before and after a name is found', async () => {
    const { address, heard } = await echo()
    const { exit, counters, sockets } = udpExit([])
    for (const host of ['127.0.0.1', '10.1.2.3', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '224.0.0.1']) {
      exit.send(addressOf(host, address.port), utf8('x'))
    }
    expect(counters.get('exit-destination-refused')).toBe(6)
    for (const host of ['localhost', '2130706433', '0x7f.1', 'loop.names.net', 'private.names.net']) {
      exit.send(addressOf(host, address.port), utf8('x'))
    }
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(counters.get('exit-destination-refused')).toBe(11)
    expect(counters.get('exit-udp-unresolved')).toBe(2)
    expect(sockets.inUse).toBe(0)
    expect(heard).toEqual([])
  })

  it('drops what comes from where it may not go', async () => {
    const { socket, address } = await echo('127.0.0.1')
    const other = createSocket('udp4')
    closers.push(() => other.close())
    other.bind(0, '127.0.0.2')
    await once(other, 'listening')
    const { exit, circuit, counters } = udpExit(['127.0.0.1/32'])
    socket.removeAllListeners('message')
    const sent = new Promise<void>((resolve) => {
      socket.on('message', (_data, from) => {
        other.send('from elsewhere', from.port, from.address, () => {
          socket.send('from here', from.port, from.address)
          resolve()
        })
      })
    })
    exit.send(address, utf8('x'))
    await sent
    await circuit.until(() => circuit.datagrams.length === 1)
    expect(Buffer.from(circuit.datagrams[0]?.data ?? []).toString()).toBe('from here')
    expect(counters.get('exit-udp-origin-refused')).toBe(1)
  })

  it('opens no more sockets than it may, closes with its circuit, and is silent then', async () => {
    const { address, heard } = await echo()
    const { exit, counters, sockets } = udpExit(LOOPBACK, {}, 0)
    exit.send(address, utf8('x'))
    expect(counters.get('exit-sockets-full')).toBe(1)
    expect(sockets.inUse).toBe(0)

    const second = udpExit(LOOPBACK)
    second.exit.send(address, utf8('x'))
    await second.circuit.until(() => second.circuit.datagrams.length === 1)
    second.exit.close()
    second.exit.send(address, utf8('x'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(second.sockets.inUse).toBe(0)
    expect(heard).toHaveLength(1)
  })

  it('drops and counts where a family is missing', async () => {
    const { exit, counters } = udpExit(['0.0.0.0/0', '2001:db8::/32'], { localIpv6: '2001:db8::1' })
    const destination = addressOf('2001:db8::2', 6881)
    exit.send(destination, utf8('x'))
    exit.send(destination, utf8('x'))
    expect(counters.get('exit-udp-socket-failed')).toBe(1)
    expect(counters.get('exit-udp-no-socket')).toBe(2)
  })
})
