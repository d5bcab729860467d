import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import type { ByteStreamEvents } from '../stream/byte-stream.ts'
import { TestNetwork, type TestRelay } from './network.fixture.ts'
import type { PrivateNetwork } from './private-network.ts'

const PEER = addressOf('203.0.113.50', 6881) as IpAddress
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes)
const bytes = (characters: string) => Uint8Array.from(characters, (each) => each.charCodeAt(0))

function network(): TestNetwork {
  const network = new TestNetwork()
  for (const name of ['e1', 'e2', 'm1', 'm2']) network.relay(name, false, name.startsWith('e'))
  for (const name of ['x1', 'x2', 'x3']) network.relay(name, true)
  return network
}

async function started(hops: 1 | 2 | 3) {
  const net = network()
  const client = net.client(net.relays[0] as TestRelay, hops)
  client.start()
  await net.clock.advanceAsync(3_000)
  return { net, client }
}

const names = (client: PrivateNetwork) => client.status().primary?.path.map((relay) => relay.name)

/** The events of a stream, as text. */
function listener(): ByteStreamEvents & { readonly log: string[] } {
  const log: string[] = []
  return {
    log,
    opened: () => log.push('opened'),
    data: (chunk) => log.push(`data ${text(chunk)}`),
    drained: () => log.push('drained'),
    ended: () => log.push('ended'),
    closed: (reason) => log.push(`closed ${reason ?? 'in order'}`),
  }
}

describe('client of the network (C-03, C-05, C-07, W-02)', () => {
  it.each([2, 3] as const)(
    'builds a primary and a standby of %i hops from the entry that it was told',
    async (hops) => {
      const { net, client } = await started(hops)
      const status = client.status()
      expect(status).toMatchObject({
        entry: 'open',
        entryName: 'e1',
        relays: 7,
        exits: 3,
        problem: undefined,
      })
      expect(status.circuits).toHaveLength(2)
      expect(names(client)).toHaveLength(hops)
      expect(names(client)?.[0]).toBe('e1')
      expect(names(client)?.at(-1)).toMatch(/^x/)
      // The standby goes through another guard.
      expect(net.opened).toHaveLength(2)
      expect(net.opened[0]).toBe('e1')
      expect(status.circuits[1]?.path[0]?.name).toBe(net.opened[1])
    },
  )

  it('links to an exit for a circuit of one hop, if the entry is none', async () => {
    const { net, client } = await started(1)
    expect(names(client)).toHaveLength(1)
    expect(names(client)?.[0]).toMatch(/^x/)
    expect(net.opened).toContain(names(client)?.[0])
  })

  it('carries streams and datagrams to the exit and back', async () => {
    const { net, client } = await started(3)
    const events = listener()
    const stream = client.connect(PEER, events)
    stream.write(bytes('hello'))
    const heard: string[] = []
    const socket = client.datagrams((origin, data) => heard.push(`${origin.host} ${text(data)}`))
    socket.send(PEER, bytes('d1:xe'))
    await net.clock.advanceAsync(1_000)
    stream.end()
    await net.clock.advanceAsync(1_000)
    expect(events.log).toEqual(['opened', 'data hello', 'ended', 'closed in order'])
    expect(heard).toEqual(['203.0.113.50 d1:xe'])
    expect(net.out).toEqual(['203.0.113.50:6881 d1:xe', '203.0.113.50:6881 hello'])
  })

  it('lets a connection wait for the first circuit', async () => {
    const net = network()
    const client = net.client(net.relays[0] as TestRelay, 3)
    const events = listener()
    client.connect(PEER, events).write(bytes('early'))
    client.start()
    await net.clock.advanceAsync(3_000)
    expect(events.log).toEqual(['opened', 'data early'])
  })

  it('gives a waiting connection up after 30 s', async () => {
    const net = network()
    const entry = net.relays[0] as TestRelay
    for (const relay of net.relays) net.stop(relay)
    const client = net.client(entry, 3)
    client.start()
    const events = listener()
    client.connect(PEER, events)
    await net.clock.advanceAsync(29_000)
    expect(events.log).toEqual([])
    expect(client.status().problem).toBe('no-relay')
    await net.clock.advanceAsync(2_000)
    expect(events.log).toEqual(['closed no-circuit'])
  })

  it('goes on through the standby when the exit is gone, and streams of the lost circuit say so', async () => {
    const { net, client } = await started(3)
    const before = names(client)
    const events = listener()
    client.connect(PEER, events)
    await net.clock.advanceAsync(500)
    net.stop(net.relays.find((relay) => relay.name === before?.at(-1)) as TestRelay)
    client.connect(PEER, listener()).write(bytes('unanswered'))
    await net.clock.advanceAsync(25_000)
    expect(events.log).toEqual(['opened', 'closed circuit-lost'])
    expect(names(client)?.at(-1)).not.toBe(before?.at(-1))
    const again = listener()
    client.connect(PEER, again).write(bytes('again'))
    await net.clock.advanceAsync(1_000)
    expect(again.log).toEqual(['opened', 'data again'])
  })

  it('enters through another relay of the directory when the entry is gone', async () => {
    const { net, client } = await started(3)
    net.stop(net.relays[0] as TestRelay)
    await net.clock.advanceAsync(10_000)
    expect(client.status().entry).toBe('open')
    expect(names(client)).toHaveLength(3)
    expect(names(client)).not.toContain('e1')
  })

  it('changes the number of hops, and renews, without a gap', async () => {
    const { net, client } = await started(3)
    const first = client.status().primary?.number
    client.renew()
    expect(client.status().primary?.number).not.toBe(first)
    client.setHops(2)
    expect(names(client)).toHaveLength(3)
    await net.clock.advanceAsync(2_000)
    expect(names(client)).toHaveLength(2)
  })

  it('gives each circuit another id', async () => {
    const { net, client } = await started(3)
    const seen = new Set<number>()
    for (let i = 0; i < 5; i++) {
      for (const { circuit } of client.status().circuits) seen.add(circuit.id)
      client.renew()
      await net.clock.advanceAsync(1_000)
    }
    expect(seen.size).toBeGreaterThanOrEqual(6)
  })

  it('ends circuits and links when stopped', async () => {
    const { net, client } = await started(3)
    const events = listener()
    client.connect(PEER, events)
    await net.clock.advanceAsync(500)
    const { circuits } = client.status()
    client.stop()
    await net.clock.advanceAsync(1_000)
    expect(circuits.every(({ circuit }) => circuit.state === 'closed')).toBe(true)
    expect(events.log).toEqual(['opened', 'closed circuit-lost'])
    expect(client.status().primary).toBeUndefined()
  })

  it('counts what no circuit asked for, and takes no harm', async () => {
    const { net, client } = await started(3)
    const entry = net.relays[0] as TestRelay
    const back = net.net.link(entry.address, { kind: 'ipv4', host: '192.0.2.1', port: 1000 })
    for (let length = 0; length < 60; length++) back.send(net.random.bytes(length), 0)
    await net.clock.advanceAsync(100)
    expect(net.counters.get('owner-unknown-circuit')).toBe(60)
    expect(names(client)).toHaveLength(3)
  })
})
