import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { type Address, addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { parseNetwork } from '../../shared/ipv8/network.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { newPacket, UTP_TYPE } from '../../shared/utp/header.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { listen, TestCircuit, testNames } from './exit.fixture.ts'
import { Exit, type ExitOptions } from './exit.ts'
import { networksOfThisMachine } from './own-networks.ts'

const PREFIX = fromHex('0002a3591a6bd89bbaca0974062a1287afcfbc6fd6bc')
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

function newExit(options: Partial<ExitOptions> = {}) {
  const counters = new Counters()
  const exit = new Exit({
    clock: new NodeClock(),
    random: new NodeRandom(),
    counters,
    prefix: PREFIX,
    tcp: true,
    bittorrent: true,
    ipv8: false,
    allowNetworks: ['127.0.0.0/8'],
    nameServer: testNames(),
    ...options,
  })
  closers.push(() => exit.stop())
  return { exit, counters }
}

async function udpEcho() {
  const socket = createSocket('udp4')
  socket.on('message', (data, from) => socket.send(data, from.port, from.address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closers.push(() => socket.close())
  return addressOf('127.0.0.1', socket.address().port)
}

const syn = (connectionId: number) => newPacket(UTP_TYPE.syn, connectionId, 0, 0, 65_536, 1, 0, 0)
const IPV8_OTHER = new Uint8Array(23).fill(9, 2).fill(2, 1, 2)
const IPV8_OWN = new Uint8Array([...PREFIX, 245])

describe('the exit’s own machine (O-06)', () => {
  it('is refused at its public addresses too, as they are by now', () => {
    const clock = new VirtualClock()
    let address = '2600:0:0::7'
    let outside = ['93.184.216.34']
    const networks = networksOfThisMachine(
      clock,
      () => outside,
      () => ({
        eth0: [{ address } as never],
        down: undefined,
      }),
    )
    const policy = new ExitPolicy({ ownNetworks: networks })
    const judge = (host: string) => policy.judge(addressOf(host, 5432) as IpAddress, 'tcp')
    expect(['93.184.216.34', '2600::7', '93.184.216.35', '2600:0:0:1::7'].map(judge)).toEqual([
      'own-network',
      'own-network',
      'allowed',
      'allowed',
    ])
    address = '2600:0:0:1::7'
    clock.advance(60_000)
    expect(judge('2600:0:0:1::7')).toBe('own-network')
    expect(judge('2600::7')).toBe('allowed')
    // Told by a router or by neighbours: at once.
    outside = ['93.184.216.35']
    expect(['93.184.216.34', '93.184.216.35'].map(judge)).toEqual(['allowed', 'own-network'])
  })

  it.each([
    { cidr: '2600:1:2:3::7/64', refused: ['2600:1:2:3::8', '2600:1:2:3:ffff::'], open: '2600:1:2:4::7' },
    { cidr: '2600:1:2:3::7/128', refused: ['2600:1:2:3::7', '2600:1:2:3::8'], open: '2600:1:2:4::7' },
    { cidr: '2600:1:2:3::7/56', refused: ['2600:1:2:ff::1'], open: '2600:1:2:100::1' },
    { cidr: '2600:1:2:3::7/32', refused: ['2600:1:2:ffff::1'], open: '2600:1:3::1' },
    { cidr: '93.184.216.34/24', refused: ['93.184.216.34'], open: '93.184.216.35' },
  ])('is refused with its neighbours in $cidr that a home’s router would hide', ({ cidr, refused, open }) => {
    const [address = ''] = cidr.split('/')
    const cards = () => ({ eth0: [{ address, cidr } as never] })
    const ownNetworks = networksOfThisMachine(new VirtualClock(), () => [], cards)
    const judge = (host: string, policy = new ExitPolicy({ ownNetworks })) =>
      policy.judge(addressOf(host, 80) as IpAddress, 'tcp')
    for (const host of refused) expect(judge(host)).toBe('own-network')
    expect(judge(open)).toBe('allowed')
    const opened = new ExitPolicy({ ownNetworks, allowNetworks: ['2600::/16', '93.184.216.0/24'] })
    for (const host of refused) expect(judge(host, opened)).toBe('allowed')
  })

  it.each(['tcp', 'udp'] as const)(
    'is not reached by %s, unless its network is allowed',
    async (transport) => {
      const target = await udpEcho()
      const refused = 'exit-destination-refused'
      const ownNetworks = () => ['127.0.0.1/32', '93.184.216.34/32'].map(parseNetwork)
      const { exit, counters } = newExit({ ownNetworks })
      const circuit = new TestCircuit()
      const to = (address: Address) =>
        transport === 'tcp'
          ? exit.stream(circuit, address, syn(9))
          : exit.datagram(circuit, address, new TextEncoder().encode('de'))
      to(addressOf('93.184.216.34', 80))
      await Promise.resolve()
      expect(counters.get(refused)).toBe(1)
      to(target)
      await Promise.resolve()
      expect(counters.get(refused)).toBe(1)
    },
  )
})

describe('the exit of a relay (O-06, C-01)', () => {
  it.each([
    { flags: { bittorrent: true, ipv8: false }, passes: ['dht', 'own'] },
    { flags: { bittorrent: false, ipv8: true }, passes: ['other', 'own'] },
    { flags: { bittorrent: true, ipv8: true }, passes: ['dht', 'other', 'own'] },
    { flags: { bittorrent: false, ipv8: false }, passes: ['own'] },
  ])('lets pass what its flags say: $passes', async ({ flags, passes }) => {
    const { exit, counters } = newExit(flags)
    const circuit = new TestCircuit()
    const address = await udpEcho()
    const kinds = { dht: new TextEncoder().encode('de'), other: IPV8_OTHER, own: IPV8_OWN }
    for (const data of Object.values(kinds)) exit.datagram(circuit, address, data)
    await circuit.until(() => circuit.datagrams.length === passes.length)
    expect(counters.get('exit-udp-content-refused')).toBe(3 - passes.length)
    const came = circuit.datagrams.map(({ data }) => Buffer.from(data).toString('hex')).sort()
    const expected = passes
      .map((kind) => Buffer.from(kinds[kind as keyof typeof kinds]).toString('hex'))
      .sort()
    expect(came).toEqual(expected)
  })

  it('answers a stream once TCP has connected, and says why when it cannot', async () => {
    const { exit } = newExit()
    const circuit = new TestCircuit()
    const { address, stop } = await listen((socket) => socket.pipe(socket))
    closers.push(stop)
    exit.stream(circuit, address, syn(7))
    await circuit.until(() => circuit.packets.length > 0)
    expect(circuit.packets[0]?.destination).toEqual(address)
    const refused = addressOf('10.0.0.1', 80)
    exit.stream(circuit, refused, syn(9))
    await circuit.until(() => circuit.resets.length > 0)
    expect(circuit.resets[0]).toEqual({
      destination: refused,
      connectionId: 9,
      reason: 'destination-refused',
    })
  })

  it('refuses streams when it is no exit for TCP', () => {
    const { exit } = newExit({ tcp: false })
    const circuit = new TestCircuit()
    exit.stream(circuit, addressOf('127.0.0.1', 80), syn(7))
    expect(circuit.resets.map(({ connectionId, reason }) => [connectionId, reason])).toEqual([
      [7, 'not-an-exit'],
    ])
  })

  it('bounds circuits, and makes room when one ends', async () => {
    const { exit, counters } = newExit({ limits: { circuits: 1 } })
    const [first, second] = [new TestCircuit(), new TestCircuit()]
    const address = await udpEcho()
    const data = new TextEncoder().encode('de')
    exit.datagram(first, address, data)
    exit.datagram(second, address, data)
    exit.stream(second, address, syn(3))
    expect(counters.get('exit-circuits-full')).toBe(2)
    expect(second.resets[0]?.reason).toBe('too-many-streams')
    exit.ended(first)
    exit.ended(first)
    exit.datagram(second, address, data)
    await second.until(() => second.datagrams.length === 1)
    expect(first.datagrams).toHaveLength(0)
  })

  it('gives a place for a datagram that may leave, and for no other', async () => {
    const { exit, counters } = newExit({ limits: { circuits: 1 } })
    const address = await udpEcho()
    const data = new TextEncoder().encode('de')
    const refused = new TestCircuit()
    exit.datagram(refused, address, new TextEncoder().encode('GET /'))
    exit.datagram(refused, addressOf('10.0.0.1', 80), data)
    exit.datagram(refused, addressOf('localhost', 80), data)
    const circuit = new TestCircuit()
    exit.datagram(circuit, address, data)
    await circuit.until(() => circuit.datagrams.length === 1)
    expect(counters.get('exit-circuits-full')).toBe(0)
    exit.datagram(refused, address, data)
    expect(counters.get('exit-circuits-full')).toBe(1)
  })

  it('closes what an idle circuit has open for a newcomer, and opens it anew when it sends again', async () => {
    const clock = new VirtualClock()
    const { exit, counters } = newExit({ clock, limits: { circuits: 1 } })
    const [first, second] = [new TestCircuit(), new TestCircuit()]
    const address = await udpEcho()
    const data = new TextEncoder().encode('de')
    exit.datagram(first, address, data)
    await first.until(() => first.datagrams.length === 1)
    clock.advance(180_000)
    exit.datagram(second, address, data)
    await second.until(() => second.datagrams.length === 1)
    expect(counters.get('exit-circuit-idle')).toBe(1)
    exit.datagram(first, address, data)
    expect(counters.get('exit-circuits-full')).toBe(1)
    exit.ended(second)
    exit.datagram(first, address, data)
    await first.until(() => first.datagrams.length === 2)
  })

  it('bounds the streams of a circuit', async () => {
    const { exit } = newExit({ limits: { streamsPerCircuit: 2 } })
    const circuit = new TestCircuit()
    const { address, stop } = await listen(() => undefined)
    closers.push(stop)
    for (const id of [11, 21, 31]) exit.stream(circuit, address, syn(id))
    await circuit.until(() => circuit.resets.length > 0)
    expect(circuit.resets.map(({ connectionId, reason }) => [connectionId, reason])).toEqual([
      [31, 'too-many-streams'],
    ])
  })

  it('closes the connections of a circuit that ends', async () => {
    const { exit } = newExit()
    const circuit = new TestCircuit()
    const closed: Promise<unknown>[] = []
    const { address, stop } = await listen((socket) => {
      closed.push(new Promise((resolve) => socket.on('close', resolve)))
    })
    closers.push(stop)
    exit.stream(circuit, address, syn(7))
    await circuit.until(() => circuit.packets.length > 0)
    circuit.alive = false
    exit.ended(circuit)
    await closed[0]
    expect(closed).toHaveLength(1)
  })
})
