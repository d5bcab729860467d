import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_EXIT_HTTP, FLAG_EXIT_STREAM, FLAG_RELAY } from '../ipv8/constants.ts'
import type { PathRelay } from '../path/relay.ts'
import { TestNetwork, type TestRelay } from './network.fixture.ts'

const PEER = addressOf('203.0.113.50', 6881) as IpAddress

async function started(exits: string[], stock: string[], stockFlags: number) {
  const net = new TestNetwork()
  for (const name of ['e1', 'e2', 'm1', 'm2', 'm3']) net.relay(name, false, name.startsWith('e'))
  for (const name of exits) net.relay(name, true)
  const client = net.client(net.relays[0] as TestRelay, 3)
  for (const name of stock) {
    const { keyPair, address } = net.unlisted(name, true)
    net.stock.push({ publicKey: keyPair.publicKey, address, flags: stockFlags, rttMs: 20 })
  }
  client.start()
  await net.clock.advanceAsync(70_000)
  return { net, client }
}

describe('circuits outside of the pool (C-01, S-hidden)', () => {
  it('end at the relay asked for, and are no business of the pool', async () => {
    const { net, client } = await started(['x1', 'x2'], [], 0)
    const last = client.relays().find(({ name }) => name === 'm3')
    const heard: string[] = []
    const before = client.pooled().map((member) => member.number)
    const circuit = client.buildCircuit({
      hops: 3,
      last,
      events: { ready: () => heard.push('ready'), closed: () => heard.push('closed') },
    })
    await net.clock.advanceAsync(2_000)
    expect(heard).toEqual(['ready'])
    expect(circuit?.hops.map((hop) => hop.name)[2]).toBe('m3')
    expect(client.pooled().map((member) => member.number)).toEqual(before)
    client.stop()
    expect(heard).toEqual(['ready', 'closed'])
    expect(client.buildCircuit({ hops: 3, events: {} })).toBeUndefined()
  })

  it('meet others where no circuit of the pool goes, and at no guard', async () => {
    const { client } = await started(['x1', 'x2'], [], 0)
    const used = client.pooled().flatMap(({ path }) => path.map(({ name }) => name))
    const free = client.relays().filter(({ name }) => !used.includes(name))
    const points = Array.from({ length: 40 }, () => client.rendezvousPoint(client.relays())?.name)
    expect(free.length).toBeGreaterThan(0)
    expect(new Set(points)).toEqual(new Set(free.map(({ name }) => name)))
  })

  it('let no relay rest that the hop before did not extend to, and one that did not answer', async () => {
    const { net, client } = await started(['x1', 'x2'], [], 0)
    const known = client.relays().find(({ name }) => name === 'm3') as PathRelay
    // No relay knows the way to it.
    const { publicKey } = KeyPair.generate(net.random)
    const unknown: PathRelay = { ...known, publicKey, address: undefined, kinds: ['tcp'] }
    net.stop(net.relays.find(({ name }) => name === 'm3') as TestRelay)
    for (const [last, isRefused] of [
      [unknown, true],
      [known, false],
    ] as const) {
      const circuit = client.buildCircuit({ hops: 3, last, events: {} })
      await net.clock.advanceAsync(15_000)
      expect([circuit?.failedHop, circuit?.refusedByPrevious]).toEqual([2, isRefused])
      expect(client.isResting(last)).toBe(!isRefused)
    }
  })

  it('are bounded in number, and freed when they end', async () => {
    const { client } = await started(['x1', 'x2'], [], 0)
    const built = Array.from({ length: 40 }, () => client.buildCircuit({ hops: 2, events: {} }))
    expect(built.filter((circuit) => circuit !== undefined)).toHaveLength(32)
    built[0]?.destroy('unneeded')
    expect(client.buildCircuit({ hops: 2, events: {} })).toBeDefined()
  })
})

describe('stock peers that relays tell of (C-01, C-07)', () => {
  const FLAGS = FLAG_RELAY | FLAG_EXIT_BITTORRENT

  it('serve as exits where no other is known: datagrams go out, connections fail at once', async () => {
    const { net, client } = await started([], ['s1', 's2'], FLAGS)
    const path = client.status().primary?.path ?? []
    expect(path.map((relay) => relay.culvert)).toEqual([true, true, false])
    expect(client.status()).toMatchObject({ exits: 2, problem: undefined })
    const ends: (string | undefined)[] = []
    const nothing = () => undefined
    client.connect(PEER, {
      opened: nothing,
      data: nothing,
      drained: nothing,
      ended: nothing,
      closed: (reason) => ends.push(reason),
    })
    const heard: string[] = []
    const socket = client.datagrams((origin, data) => heard.push(`${origin.host} ${data.length}`))
    socket.send(PEER, new Uint8Array([100, 49, 58, 120, 101]))
    await net.clock.advanceAsync(1_000)
    expect(ends).toEqual(['not-an-exit'])
    expect(heard).toEqual(['203.0.113.50 5'])
  })

  it('ask trackers by HTTP where they are said to, and are asked for nothing where not', async () => {
    const tracker = addressOf('tracker.example', 80)
    const silent = addressOf('silent.example', 80)
    const question = new TextEncoder().encode('GET /announce HTTP/1.1')
    const asked = await started([], ['s1', 's2'], FLAGS | FLAG_EXIT_HTTP)
    const heard: (string | undefined)[] = []
    const hear = (response: Uint8Array | undefined) =>
      void heard.push(response && new TextDecoder().decode(response))
    void asked.client.httpRequest(tracker, question).then(hear)
    void asked.client.httpRequest(silent, question).then(hear)
    await asked.net.clock.advanceAsync(1_000)
    expect(heard).toEqual(['GET /announce HTTP/1.1'])
    expect(asked.net.out).toContain('tracker.example:80 GET /announce HTTP/1.1')
    // Circuits end, and so do their questions.
    asked.client.startAnew()
    await asked.net.clock.advanceAsync(1_000)
    expect(heard).toEqual(['GET /announce HTTP/1.1', undefined])
    const plain = await started([], ['s1', 's2'], FLAGS)
    expect(await plain.client.httpRequest(tracker, question)).toBeUndefined()
    expect(plain.net.out).toEqual([])
  })

  it('are asked five things at once, the others in turn, and nothing more than wait already', async () => {
    const { net, client } = await started([], ['s1', 's2'], FLAGS | FLAG_EXIT_HTTP)
    const heard: string[] = []
    const ask = (host: string, n: number) => {
      const question = new TextEncoder().encode(`GET /${n}`)
      const hear = (response: Uint8Array | undefined) =>
        void heard.push(response ? new TextDecoder().decode(response) : `none ${n}`)
      void client.httpRequest(addressOf(host, 80), question).then(hear)
    }
    for (let n = 1; n <= 4; n++) ask('silent.example', n)
    for (let n = 5; n <= 22; n++) ask('tracker.example', n)
    await net.clock.advanceAsync(1_000)
    // The fifth place serves all others but the one for which there was no room to wait.
    expect(heard).toEqual(['none 22', ...Array.from({ length: 17 }, (_, i) => `GET /${i + 5}`)])
    for (let n = 30; n <= 33; n++) ask('silent.example', n)
    await net.clock.advanceAsync(100)
    client.startAnew()
    await net.clock.advanceAsync(1_000)
    expect(heard.slice(18).toSorted()).toEqual([1, 2, 3, 30, 31, 32, 33, 4].map((n) => `none ${n}`))
  })

  it('end no streams, whatever flags they are said to have, and stand back where ours do', async () => {
    const { client } = await started(['x1'], ['s1', 's2'], FLAGS | FLAG_EXIT_STREAM)
    expect(client.relays().filter((relay) => relay.exit === 'stream')).toHaveLength(1)
    expect(client.status().primary?.path[2]?.name).toBe('x1')
  })
})
