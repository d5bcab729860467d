import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import type { ByteStreamEvents } from '../stream/byte-stream.ts'
import { TestNetwork, type TestRelay } from './network.fixture.ts'
import type { PrivateNetwork } from './private-network.ts'

const TRACKER = addressOf('203.0.113.50', 6969) as IpAddress
const bytes = (characters: string) => Uint8Array.from(characters, (each) => each.charCodeAt(0))

const nothing: ByteStreamEvents = {
  opened: () => {},
  data: () => {},
  drained: () => {},
  ended: () => {},
  closed: () => {},
}

async function started(exits: readonly string[]) {
  const net = new TestNetwork()
  for (const name of ['e1', 'e2', 'm1', 'm2']) net.relay(name, false, name.startsWith('e'))
  for (const name of exits) net.relay(name, true)
  const client = net.client(net.relays[0] as TestRelay, 3)
  client.start()
  await net.clock.advanceAsync(3_000)
  return { net, client }
}

const exitOf = (client: PrivateNetwork) => client.status().primary?.path.at(-1)?.name
const textOf = (net: TestNetwork) => net.out.map((line) => line.split(' ')[1])

/** One word by a stream and one by a datagram. */
function speak(client: PrivateNetwork, word: string) {
  const said = { closed: '', heard: 0 }
  const closed = (reason?: string) => {
    said.closed = reason ?? 'in order'
  }
  client.connect(TRACKER, { ...nothing, closed }).write(bytes(`tcp-${word}`))
  const socket = client.datagrams(() => said.heard++)
  socket.send(TRACKER, bytes(`udp-${word}`))
  return { said, socket }
}

describe('a new start of the client, for another torrent (C-05, C-07, W-02)', () => {
  it('goes on over a standby that carried nothing, and tells the streams of before', async () => {
    const { net, client } = await started(['x1', 'x2', 'x3'])
    const before = client.status().primary
    const a = speak(client, 'a')
    await net.clock.advanceAsync(1_000)
    client.startAnew()
    expect(before?.circuit.state).not.toBe('ready')
    expect(exitOf(client)).not.toBe(before?.path.at(-1)?.name)
    const carried = before?.circuit.bytesOut
    const b = speak(client, 'b')
    await net.clock.advanceAsync(1_000)
    expect(before?.circuit.bytesOut).toBe(carried)
    expect(a.said).toEqual({ closed: 'circuit-lost', heard: 1 })
    expect(b.said).toEqual({ closed: '', heard: 1 })
    expect(textOf(net).sort()).toEqual(['tcp-a', 'tcp-b', 'udp-a', 'udp-b'])
    client.stop()
  })

  it('sends nothing while only circuits of before would serve: streams wait, datagrams are lost', async () => {
    const { net, client } = await started(['x1'])
    const before = client.status().circuits.map(({ number }) => number)
    speak(client, 'a')
    await net.clock.advanceAsync(1_000)
    client.startAnew()
    expect(client.status().primary).toBeUndefined()
    const b = speak(client, 'b')
    expect(net.counters.get('client-datagram-dropped')).toBe(1)
    await net.clock.advanceAsync(3_000)
    expect(exitOf(client)).toBe('x1')
    expect(before).not.toContain(client.status().primary?.number)
    b.socket.send(TRACKER, bytes('udp-later'))
    await net.clock.advanceAsync(1_000)
    expect(textOf(net).sort()).toEqual(['tcp-a', 'tcp-b', 'udp-a', 'udp-later'])
    expect(b.said).toEqual({ closed: '', heard: 1 })
    client.stop()
  })

  it('lets nothing of before follow: neither a stream that waited for a circuit, nor a socket that is still open', async () => {
    const net = new TestNetwork()
    for (const name of ['e1', 'm1', 'm2']) net.relay(name, false, name === 'e1')
    for (const name of ['x1', 'x2']) net.relay(name, true)
    const client = net.client(net.relays[0] as TestRelay, 3)
    const a = speak(client, 'a')
    client.startAnew()
    expect(a.said.closed).toBe('no-circuit')
    client.start()
    await net.clock.advanceAsync(3_000)
    a.socket.send(TRACKER, bytes('udp-late'))
    speak(client, 'b')
    await net.clock.advanceAsync(1_000)
    expect(textOf(net).sort()).toEqual(['tcp-b', 'udp-b'])
    expect(a.said.heard).toBe(0)
    client.stop()
  })

  it('leaves by an exit that the one before did not have, time and again', async () => {
    const { net, client } = await started(['x1', 'x2', 'x3'])
    for (let torrent = 0; torrent < 6; torrent++) {
      const before = exitOf(client)
      client.startAnew()
      await net.clock.advanceAsync(5_000)
      expect(exitOf(client)).toMatch(/^x/)
      expect(exitOf(client)).not.toBe(before)
    }
    client.stop()
  })
})
