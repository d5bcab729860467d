import { beforeEach, describe, expect, it } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { newPacket, UTP_TYPE, UtpHeader } from '../../shared/utp/header.ts'
import { Counters } from '../../shared/world/counters.ts'
import { setTunnel } from './current-tunnel.ts'
import { createSocket } from './dgram.ts'
import { type FakeDatagrams, FakeTunnel } from './fake-tunnel.fixture.ts'
import { openUtp, UtpStreams } from './utp-streams.ts'

const peer: IpAddress = { kind: 'ipv4', host: '198.51.100.7', port: 6881 }
let tunnel: FakeTunnel
let streams: UtpStreams
let clock: VirtualClock
let log: string[]

beforeEach(() => {
  tunnel = new FakeTunnel()
  setTunnel(tunnel)
  clock = new VirtualClock()
  streams = new UtpStreams(tunnel, { clock, random: new SeededRandom(1), counters: new Counters() })
  log = []
})

const open = () =>
  streams.open(peer, {
    opened: () => void log.push('opened'),
    data: (chunk) => void log.push(`data ${Buffer.from(chunk)}`),
    drained: () => {},
    ended: () => void log.push('ended'),
    closed: (reason) => void log.push(`closed ${reason}`),
  })

function header(packet: Uint8Array): UtpHeader {
  const read = new UtpHeader()
  expect(read.read(packet)).toBe(true)
  return read
}

/** The peer's packet with this type, sequence number and text. */
function say(socket: FakeDatagrams, to: UtpHeader, type: 0 | 2, sequence: number, text = ''): void {
  const body = Buffer.from(text)
  const packet = newPacket(type, to.connectionId, 1, 0, 1 << 20, sequence, to.sequence, body.length)
  packet.set(body, packet.length - body.length)
  socket.receive(peer, packet)
}

describe('uTP to swarm peers (W-04)', () => {
  it('opens a connection and takes what is its own', () => {
    open()
    const [socket] = tunnel.sockets
    const syn = header(socket!.sent[0]!.data)
    expect([socket!.sent[0]!.to, syn.type]).toEqual(['198.51.100.7:6881', UTP_TYPE.syn])
    say(socket!, syn, UTP_TYPE.state, 100)
    say(socket!, syn, UTP_TYPE.data, 100, 'hello')
    expect(log).toEqual(['opened', 'data hello'])
  })

  it('ends what went over a circuit that is gone, without a word, and closes the socket', () => {
    open()
    const [socket] = tunnel.sockets
    say(socket!, header(socket!.sent[0]!.data), UTP_TYPE.state, 100)
    const before = socket!.sent.length
    streams.abandon()
    clock.advance(1_000)
    expect(log).toEqual(['opened', 'closed undefined'])
    expect([socket!.sent.length, socket!.closed]).toEqual([before, true])
    open()
    expect(tunnel.sockets).toHaveLength(2)
  })

  it('shares one socket with the DHT, on one port of one peer', () => {
    const dht = createSocket('udp4')
    dht.bind(0)
    const asked: string[] = []
    dht.on('message', (data: Buffer) => void asked.push(data.toString()))
    open()
    dht.send(Buffer.from('d1:y1:qe'), 0, 8, peer.port, peer.host)
    expect(tunnel.sockets).toHaveLength(1)
    const [socket] = tunnel.sockets
    say(socket!, header(socket!.sent[0]!.data), UTP_TYPE.state, 100)
    socket!.receive(peer, Buffer.from('d1:y1:re'))
    expect(log).toEqual(['opened'])
    expect(asked).toEqual(['d1:y1:re'])
  })

  it('sends nothing larger than a circuit carries', () => {
    const stream = open()
    const [socket] = tunnel.sockets
    say(socket!, header(socket!.sent[0]!.data), UTP_TYPE.state, 100)
    stream.write(new Uint8Array(20_000))
    clock.advance(50)
    expect(socket!.sent.length).toBeGreaterThan(2)
    for (const { data } of socket!.sent) expect(data.length).toBeLessThanOrEqual(1_300)
  })

  it('gives up a silent peer, and the socket with its last connection', () => {
    const stream = open()
    open()
    stream.destroy()
    expect(tunnel.sockets[0]!.closed).toBe(false)
    clock.advance(30_000)
    expect(log.sort()).toEqual(['closed timed-out', 'closed undefined'])
    expect(tunnel.sockets[0]!.closed).toBe(true)
  })

  it('knows no peers by name', async () => {
    const closed = await new Promise((resolve) =>
      openUtp(
        tunnel,
        { kind: 'domain', host: 'peer.culvert.net', port: 1 },
        {
          opened: () => {},
          data: () => {},
          drained: () => {},
          ended: () => {},
          closed: resolve,
        },
      ),
    )
    expect(closed).toBe('destination-refused')
    expect(tunnel.sockets).toHaveLength(0)
  })
})
