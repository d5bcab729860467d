import { afterEach, describe, expect, it } from 'vitest'
import { type IpAddress, NO_ADDRESS } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { formatLinkAddress, type LinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import type { WireKind } from '../../shared/link/wire.ts'
import { echoThrough, streamsIn } from '../circuit-streams.fixture.ts'
import type { RelayConfigInput } from '../config.ts'
import { listen, Recorder } from '../exit/exit.fixture.ts'
import { clock, openPageLink, random, startRelay, TestOwner, type TestRelay } from '../relay.fixture.ts'
import { ByteProxy } from './byte-proxy.fixture.ts'

const LOOPBACK = '127.0.0.1'
/** Each a place of its own for UDP: neighbours of different IP versions hear nothing of each other by it. */
const V4 = ['127.0.0.61', '127.0.0.62'] as const
const V6 = '::1'

const relays: TestRelay[] = []
const proxies: ByteProxy[] = []
const stops: (() => Promise<void>)[] = []

async function until(what: string, predicate: () => boolean, withinMs = 25_000): Promise<void> {
  const untilMs = clock.now() + withinMs
  while (!predicate()) {
    if (clock.now() > untilMs) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

interface Ways {
  readonly tcp?: boolean
  readonly websocket?: boolean
  readonly firstRing?: NonNullable<RelayConfigInput['links']>['firstRing']
}

async function start(host: string, { tcp = false, websocket = false, firstRing = [] }: Ways, exit = false) {
  const started = await startRelay(host, {
    gateway: { enabled: true, host: LOOPBACK, port: 0 },
    exit: { enabled: exit, allowNetworks: ['127.0.0.0/8'] },
    links: {
      reconnectSeconds: 0.5,
      // A first dial that a busy machine lets fail is not the last within the test.
      retrySeconds: 1,
      tries: 100,
      udp: { enabled: false },
      webrtc: { enabled: false },
      tcp: { enabled: tcp, host: LOOPBACK, port: 0 },
      websocket: { enabled: websocket },
      firstRing,
    },
  })
  relays.push(started)
  return started
}

/** Where a relay takes links, as another's configuration names it. */
const tcpOf = ({ relay }: TestRelay) => relay.links?.published().tcp as string
const websocketOf = ({ relay }: TestRelay) => `${relay.gatewayUrl?.replace('http', 'ws')}/relay`

const inRing = ({ keyPair }: TestRelay, ...addresses: string[]) => ({
  key: toHex(keyPair.publicKey.bytes),
  addresses,
})

function neighbour(of: TestRelay, other: TestRelay): Neighbour | undefined {
  return of.relay.links?.keeper.find(other.keyPair.publicKey.mid)
}

const kindsOf = (of: TestRelay, other: TestRelay) =>
  (neighbour(of, other)?.wires ?? []).map(({ kind }) => kind).sort()

/** An owner at the first relay's gateway, and his circuit through all of them: by their keys, where he gives no addresses. */
async function circuitThrough(path: readonly TestRelay[], addresses: readonly IpAddress[] = []) {
  const owner = new TestOwner()
  const [first] = path
  if (first === undefined) throw new Error('a path of no relays')
  const link = await openPageLink(websocketOf(first), first.keyPair.publicKey, owner)
  const circuit = await owner.build(
    link,
    path.map(({ hop }, i) => ({ ...hop, address: addresses[i] ?? NO_ADDRESS })),
  )
  const streams = streamsIn(circuit, owner)
  stops.push(async () => {
    streams.circuitClosed()
    circuit.destroy('unneeded')
    link.close('unneeded')
  })
  return { owner, circuit, streams }
}

async function echoServer() {
  const { address, stop } = await listen((socket) => void socket.pipe(socket))
  stops.push(stop)
  return address
}

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  for (const proxy of proxies.splice(0)) proxy.stop()
  await Promise.all(relays.splice(0).map(({ relay }) => relay.stop()))
})

describe('relays that UDP does not join (L-01, L-07)', () => {
  const kinds: [WireKind, (relay: TestRelay) => string][] = [
    ['tcp', tcpOf],
    ['websocket', websocketOf],
  ]

  it.each(kinds)(
    'build circuits of three hops by key over %s alone, and stream through them',
    async (kind, at) => {
      const ways = { [kind]: true }
      const third = await start(V4[1], ways, true)
      const second = await start(V6, { ...ways, firstRing: [inRing(third, at(third))] })
      const first = await start(V4[0], { ...ways, firstRing: [inRing(second, at(second))] })
      await until('a link between each two', () => {
        return kindsOf(first, second).includes(kind) && kindsOf(second, third).includes(kind)
      })
      const { circuit, streams } = await circuitThrough([first, second, third])
      expect(circuit.state).toBe('ready')
      expect(await echoThrough(streams, await echoServer(), 200_000)).toEqual({ end: 'orderly', whole: true })
      expect(second.counters.get('udp-received')).toBe(0)
      expect(kindsOf(first, second)).toEqual([kind])
    },
  )

  it('are a hop of circuits whose other hops speak UDP (N-03)', async () => {
    const third = await start(V6, { tcp: true }, true)
    const second = await start(V4[1], { tcp: true, firstRing: [inRing(third, tcpOf(third))] })
    const first = await start(V4[0], {})
    await until('a link', () => kindsOf(second, third).includes('tcp'))
    const { circuit, streams } = await circuitThrough(
      [first, second, third],
      [NO_ADDRESS, second.hop.address],
    )
    expect(circuit.state).toBe('ready')
    expect(await echoThrough(streams, await echoServer(), 100_000)).toEqual({ end: 'orderly', whole: true })
    expect(first.counters.get('udp-received-bytes')).toBeGreaterThan(100_000)
    expect(third.counters.get('udp-received')).toBe(0)
  })

  it('are sent messages, one of them or all, each once, by however many kinds they are joined (L-06)', async () => {
    const both = { tcp: true, websocket: true }
    const near = await start(V4[1], both)
    const far = await start(V6, both)
    const ring = [near, far].map((relay) => inRing(relay, tcpOf(relay), websocketOf(relay)))
    const first = await start(V4[0], { ...both, firstRing: ring })
    const kinds: WireKind[] = ['tcp', 'websocket']
    await until('two kinds to each', () =>
      [near, far].every((relay) => kindsOf(first, relay).join() === kinds.join()),
    )
    expect(first.relay.links?.broadcast(Uint8Array.of(1, 2, 3))).toBe(2)
    expect(first.relay.links?.send(far.keyPair.publicKey.mid, Uint8Array.of(4))).toBe(true)
    expect(first.relay.links?.send(new Uint8Array(20), Uint8Array.of(5))).toBe(false)
    expect(() => first.relay.links?.broadcast(new Uint8Array(8_193))).toThrow(/8,192|8192/)
    await until('all that was sent', () => near.messages.length === 1 && far.messages.length === 2)
    expect(near.messages).toEqual([{ from: first.keyPair.publicKey, body: Uint8Array.of(1, 2, 3) }])
    expect(far.messages.map(({ body }) => [...body])).toEqual([[1, 2, 3], [4]])
    expect(near.relay.links?.send(first.keyPair.publicKey.mid, Uint8Array.of(6))).toBe(true)
    await until('the answer', () => first.messages.length === 1)
    expect(first.messages[0]?.body).toEqual(Uint8Array.of(6))
  })

  it('learn of others through their links, and find their way to them (D-04)', async () => {
    const both = { tcp: true }
    const second = await start(V6, both)
    const third = await start(V4[1], { ...both, firstRing: [inRing(second, tcpOf(second))] })
    const first = await start(V4[0], { ...both, firstRing: [inRing(second, tcpOf(second))] })
    const knows = (one: TestRelay, other: TestRelay) =>
      one.relay.directory.find(other.keyPair.publicKey.mid) !== undefined
    await until('each knows each', () =>
      [first, second, third].every((one) =>
        [first, second, third].every((other) => one === other || knows(one, other)),
      ),
    )
    expect(first.relay.directory.find(third.keyPair.publicKey.mid)?.descriptor.tcp).toBe(tcpOf(third))
    expect(second.counters.get('udp-received')).toBe(0)
  })
})

describe('a stream over two kinds of link (L-07)', () => {
  async function joinedTwice() {
    const exit = await start(V6, { tcp: true, websocket: true }, true)
    const at = parseLinkAddress(tcpOf(exit)) as LinkAddress & { kind: 'tcp' }
    const proxy = await ByteProxy.to(at.at.port)
    proxies.push(proxy)
    const throughProxy = formatLinkAddress({ kind: 'tcp', at: { ...at.at, port: proxy.port } })
    const ring = [inRing(exit, throughProxy, websocketOf(exit))]
    const entry = await start(V4[0], { tcp: true, websocket: true, firstRing: ring })
    await until('both kinds', () => kindsOf(entry, exit).join() === 'tcp,websocket')
    return { exit, entry, proxy }
  }

  it.each(['cut', 'freeze'] as const)('goes on when one of them is lost: %s', async (loss) => {
    const { exit, entry, proxy } = await joinedTwice()
    const { owner, circuit, streams } = await circuitThrough([entry, exit])
    const events = new Recorder()
    const stream = streams.open(await echoServer(), events)
    const sent = random.bytes(600_000)
    const received = () => events.chunks.reduce((sum, { length }) => sum + length, 0)
    stream.write(sent.subarray(0, 200_000))
    await events.until(() => received() === 200_000)
    const link = neighbour(entry, exit) as Neighbour
    const before = link.health().bytesOut
    proxy[loss]()
    stream.write(sent.subarray(200_000))
    stream.end()
    await events.until(() => events.end !== undefined)
    expect(events.end).toBe('orderly')
    expect(Buffer.concat(events.chunks).equals(sent)).toBe(true)
    expect(owner.closedFor).toBeUndefined()
    expect(circuit.state).toBe('ready')
    expect(neighbour(entry, exit)).toBe(link)
    // What was written after the loss came by another wire: nothing passes the proxy any more.
    expect(link.health().bytesOut - before).toBeGreaterThan(400_000)
  })
})

describe('a TCP port that another program has (L-01)', () => {
  it('ends the start with a word of what to do, and leaves nothing open', async () => {
    const first = await start(V4[0], { tcp: true })
    const taken = parseLinkAddress(tcpOf(first)).at.port
    const second = startRelay(V4[1], { links: { tcp: { host: LOOPBACK, port: taken } } })
    await expect(second).rejects.toMatchObject({
      code: 'link-port-busy',
      message: `TCP port ${taken} of ${LOOPBACK} is in use by another program: stop it, or configure another port`,
    })
    // The same place is free again.
    const again = await startRelay(V4[1], { links: { tcp: { host: LOOPBACK, port: 0 } } })
    relays.push(again)
    expect(again.relay.links?.published().tcp).toBeDefined()
  })
})
