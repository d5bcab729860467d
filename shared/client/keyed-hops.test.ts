import { describe, expect, it } from 'vitest'
import { readDescriptor } from '../directory/descriptor.fixture.ts'
import { TestNetwork } from './network.fixture.ts'
import { describedRelay, pathHop } from './path-relays.ts'

const ONION = `tor://${'a'.repeat(55)}d.onion:6667`

describe('relays without a public UDP address, in circuits of a client (L-01, C-03)', () => {
  it('serve as hops: the relay before them is asked for their key alone', async () => {
    const net = new TestNetwork()
    const entry = net.relay('entry')
    net.keyed('middle', { tcp: 'tcp://198.51.100.9:6667' })
    net.relay('exit', true, false)
    const client = net.client(entry, 3)
    client.start()
    await net.clock.advanceAsync(10_000)
    const { primary } = client.status()
    expect(primary?.path.map(({ name }) => name)).toEqual(['entry', 'middle', 'exit'])
    expect(primary?.path[1]?.address).toBeUndefined()
    expect(primary?.circuit.hops.map(({ state }) => state)).toEqual(['proven', 'proven', 'proven'])
    client.stop()
  })

  it('are last hops as well, and never two in one circuit', async () => {
    const net = new TestNetwork()
    const entry = net.relay('entry')
    const webrtc = 'webrtc+ws://198.51.0.7:8080/relay'
    for (let i = 0; i < 4; i++) net.keyed(`k${i}`, { webrtc })
    net.keyed('exit', { webrtc }, true)
    const client = net.client(entry, 3)
    client.start()
    await net.clock.advanceAsync(10_000)
    expect(client.status().primary).toBeUndefined()
    net.relay('middle', false, false)
    await net.clock.advanceAsync(90_000)
    expect(client.status().primary?.path.map(({ name }) => name)).toEqual(['entry', 'middle', 'exit'])
    client.stop()
  })

  it('are no hops where no relay can reach them, and keep failing circuits from being built again and again', async () => {
    const net = new TestNetwork()
    const entry = net.relay('entry')
    // Nobody here is an onion service himself, so nobody is asked to dial one.
    net.keyed('onion', { onion: ONION })
    const gone = net.keyed('gone', { tcp: 'tcp://198.51.100.9:6667' })
    net.stop(gone)
    net.relay('spare', true, false)
    net.relay('exit', true, false)
    const client = net.client(entry, 3)
    client.start()
    await net.clock.advanceAsync(60_000)
    const names = client.status().primary?.path.map(({ name }) => name)
    expect(names?.sort()).toEqual(['entry', 'exit', 'spare'])
    client.stop()
  })

  it('are known by the kinds of link that their descriptor names', () => {
    const net = new TestNetwork()
    const relay = net.keyed('r', { tcp: 'tcp://relay.example.org:6667', onion: ONION })
    const bytes = net.descriptorOf(relay) as Uint8Array
    const known = describedRelay(readDescriptor(bytes, 'test', net.clock.wall()))
    expect(known).toMatchObject({ address: undefined, kinds: ['tcp', 'tor'] })
    expect(known && pathHop(known).address).toEqual({ kind: 'ipv4', host: '0.0.0.0', port: 0 })
    const nowhere = net.keyed('nowhere', {})
    expect(
      describedRelay(readDescriptor(net.descriptorOf(nowhere) as Uint8Array, 'test', net.clock.wall())),
    ).toBeUndefined()
  })
})
