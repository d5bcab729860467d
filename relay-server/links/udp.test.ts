import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { type Address, NO_ADDRESS } from '../../shared/bytes/address.ts'
import { DIRECTORY_COMMUNITY_ID } from '../../shared/directory/constants.ts'
import { prefixOf } from '../../shared/ipv8/packet.ts'
import { QUEUE_LIMITS, UDP_MTU } from '../../shared/link/constants.ts'
import { fragmentsOf } from '../../shared/link/fragment.ts'
import { FRAGMENTED_MTU } from '../../shared/link/fragment-limits.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import { type LinkWire, linkSuite } from '../../shared/link/link-suite.fixture.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { UDP_PENDING_BYTES, UDP_POLL_MS } from './constants.ts'
import { fakeLinks } from './udp.fixture.ts'
import { UdpLinks } from './udp.ts'
import type { UdpLink } from './udp-link.ts'
import { until } from './wires.fixture.ts'

const HOST = '127.0.0.1'
/** Where nobody else takes ports. */
const QUIET_HOST = '127.0.0.77'

async function realEnd(host = HOST) {
  const counters = new Counters()
  const received: Uint8Array[] = []
  const closed: LinkCloseReason[] = []
  const seen: UdpLink[] = []
  const links = await UdpLinks.bind(host, 0, {
    clock: new NodeClock(),
    random: new SeededRandom(1),
    counters,
    onPacket: (link, packet) => {
      seen[0] ??= link
      received.push(packet)
    },
    onClosed: (_link, reason) => closed.push(reason),
  })
  return { counters, received, closed, seen, links }
}

async function udpWire(): Promise<LinkWire> {
  const left = await realEnd()
  const right = await realEnd()
  const link = left.links.linkTo(right.links.address)!
  return {
    left: link,
    get right() {
      return right.seen[0]!
    },
    leftReceived: left.received,
    rightReceived: right.received,
    leftClosed: left.closed,
    rightClosed: right.closed,
    leftCounters: left.counters,
    rightCounters: right.counters,
    until,
    loseSome: () => {
      const { socket } = left.links as unknown as { socket: { send: (...args: unknown[]) => void } }
      const send = socket.send.bind(socket)
      let count = 0
      socket.send = (...args) => {
        if (count++ % 3 > 0) send(...args)
      }
    },
    injectToRight: (bytes) => {
      const socket = createSocket('udp4')
      socket.send(bytes, right.links.address.port, HOST, () => socket.close())
    },
    stop: async () => {
      await left.links.close()
      await right.links.close()
    },
  }
}

linkSuite(
  'UDP link (N-01, N-02)',
  {
    reliable: false,
    tellsClose: false,
    hostile: {
      'an empty datagram': new Uint8Array(0),
      'a datagram over the MTU': new Uint8Array(UDP_MTU + 1),
    },
    ordeals: ['loss'],
  },
  udpWire,
)

describe('UDP socket (N-01)', () => {
  const bound = (port: number, range?: { from: number; to: number }, host = HOST) =>
    UdpLinks.bind(
      host,
      port,
      { clock: new NodeClock(), random: new SeededRandom(1), counters: new Counters(), onPacket: () => {} },
      range,
    )

  /** A port that was free, then those beside it as they are given: another program may have one of them, so it is tried anew. */
  async function threeInARow(tries = 5) {
    const { links: first } = await realEnd(QUIET_HOST)
    const { port } = first.address
    const range = { from: port - 1, to: port + 1 }
    const others: UdpLinks[] = []
    try {
      while (others.length < 2) others.push(await bound(port, range, QUIET_HOST))
      return { first, port, range, others }
    } catch (error) {
      for (const each of [first, ...others]) await each.close()
      if (tries === 1) throw error
      return threeInARow(tries - 1)
    }
  }

  it('says which port is busy', async () => {
    const { links } = await realEnd()
    const again = bound(links.address.port)
    await expect(again).rejects.toMatchObject({ code: 'udp-port-busy' })
    await expect(again).rejects.toThrow(String(links.address.port))
    await links.close()
  })

  it('takes the next free port of the range, around its end, and names the range when none is free', async () => {
    const { first, port, range, others } = await threeInARow()
    expect(others.map(({ address }) => address.port)).toEqual([port + 1, port - 1])
    for (const asked of [port, 0]) {
      await expect(bound(asked, range, QUIET_HOST)).rejects.toThrow(
        `every UDP port from ${port - 1} to ${port + 1}`,
      )
    }
    await first.close()
    const anyOfRange = await bound(0, range, QUIET_HOST)
    expect(anyOfRange.address.port).toBe(port)
    for (const each of [...others, anyOfRange]) await each.close()
  })

  it('says that an address is not this machine’s', async () => {
    const foreign = UdpLinks.bind('192.0.2.1', 0, {
      clock: new NodeClock(),
      random: new SeededRandom(1),
      counters: new Counters(),
      onPacket: () => {},
    })
    await expect(foreign).rejects.toMatchObject({ code: 'udp-bind' })
  })

  it('counts a packet that nobody takes, and goes on (N-02)', async () => {
    const { links, counters } = await realEnd()
    const gone = await realEnd()
    const link = links.linkTo(gone.links.address)!
    await gone.links.close()
    for (let i = 0; i < 3; i++) link.send(new Uint8Array(10), 0)
    await until(() => counters.get('udp-sent') + counters.get('udp-send-failed') === 3)
    expect(link.open).toBe(true)
    await links.close()
  })
})

describe('UDP for both IP versions (N-01)', () => {
  it('meets neighbours of both at one port, each at its own address', async () => {
    const both = await realEnd('::')
    const { port } = both.links.address
    const ends = [await realEnd('127.0.0.1'), await realEnd('::1')]
    for (const { links } of ends) {
      const { kind, host } = links.address
      links.linkTo({ kind, host, port })!.send(Uint8Array.of(1), 0)
    }
    await until(() => both.received.length === 2)
    for (const { links, received } of ends) {
      both.links.linkTo(links.address)!.send(Uint8Array.of(2, 3), 0)
      await until(() => received.length === 1)
    }
    expect(both.links.size).toBe(2)
    expect(both.links.families).toEqual(['ipv4', 'ipv6'])
    expect(both.counters.snapshot()).toMatchObject({
      'udp-received': 2,
      'udp-received-bytes': 2,
      'udp-sent': 2,
      'udp-sent-bytes': 4,
    })
    for (const { links } of [both, ...ends]) await links.close()
  })

  it('takes no IPv4 address in the clothes of IPv6', async () => {
    const { links } = await realEnd('::')
    expect(links.linkTo({ kind: 'ipv6', host: '::ffff:7f00:1', port: 9 })).toBeUndefined()
    expect(links.linkTo({ kind: 'ipv4', host: '127.0.0.1', port: 9 })).toBeDefined()
    await links.close()
  })
})

describe('a rate for UDP (L-08)', () => {
  it('holds back circuits beyond its burst, in turn, and control never', () => {
    const rate = 100_000
    const { socket, clock, link, counters } = fakeLinks({ rateBytesPerSecond: rate })
    const bytes = () => socket.sent.reduce((sum, { length }) => sum + length, 0)
    for (let i = 0; i < 300; i++) link(1)!.send(new Uint8Array(1_000), 1 + (i % 2))
    const atOnce = bytes()
    expect(atOnce).toBeGreaterThanOrEqual(rate)
    expect(atOnce).toBeLessThanOrEqual(rate + 1_000)
    expect(counters.get('udp-held-back')).toBeGreaterThan(0)
    link(2)!.send(new Uint8Array(50), 0)
    expect(socket.sent.at(-1)).toMatchObject({ length: 50, port: 2 })
    clock.advance(1_000)
    const second = bytes() - atOnce
    expect(second).toBeGreaterThan(0.9 * rate)
    expect(second).toBeLessThan(1.1 * rate)
  })

  it('lets all go as long as there is no more than that', () => {
    const { socket, clock, link, counters } = fakeLinks({ rateBytesPerSecond: 100_000 })
    for (let i = 0; i < 50; i++) {
      link(1)!.send(new Uint8Array(1_000), 3)
      clock.advance(20)
    }
    expect(socket.sent.length).toBe(50)
    expect(counters.get('udp-held-back')).toBe(0)
  })
})

describe('packets larger than a datagram (N-03)', () => {
  it('go in fragments to a neighbour that speaks Culvert, and arrive whole', async () => {
    const [left, right] = [await realEnd(), await realEnd()]
    const link = left.links.linkTo(right.links.address)!
    expect(link.mtu).toBe(UDP_MTU)
    left.links.provesRelay(right.links.address)
    expect(link.mtu).toBe(FRAGMENTED_MTU)
    const sent = [1_472, 1_473, 1_600, FRAGMENTED_MTU].map((length) => new Uint8Array(length).fill(length))
    for (const packet of sent) link.send(packet, 3)
    await until(() => right.received.length === sent.length)
    expect(right.received).toEqual(sent)
    expect(left.counters.get('fragment-split')).toBe(3)
    await left.links.close()
    await right.links.close()
  })

  it('go as they are to one that may be a stock peer', () => {
    const { socket, link, counters } = fakeLinks()
    link(1)!.send(new Uint8Array(UDP_MTU), 0)
    link(1)!.send(new Uint8Array(UDP_MTU + 1), 0)
    expect(socket.sent.map(({ length }) => length)).toEqual([UDP_MTU])
    expect(counters.get('udp-too-large')).toBe(1)
  })

  it('go as they are to one in whose name anybody may have sent what only Culvert knows', () => {
    const { socket, link } = fakeLinks()
    const [fragment] = fragmentsOf(new Uint8Array(1_500), 1, 1_472)
    socket.from(1, Uint8Array.from(fragment!))
    socket.from(1, Uint8Array.of(...prefixOf(DIRECTORY_COMMUNITY_ID), 1))
    link(1)!.send(new Uint8Array(UDP_MTU), 0)
    expect(link(1)!.mtu).toBe(UDP_MTU)
    expect(socket.sent.map(({ length }) => length)).toEqual([UDP_MTU])
  })

  it('go in fragments to a proven relay whose link was forgotten meanwhile', () => {
    const { links, link } = fakeLinks()
    links.provesRelay({ kind: 'ipv4', host: HOST, port: 1 })
    link(1)!.close('unneeded')
    expect(link(1)!.mtu).toBe(FRAGMENTED_MTU)
    expect(link(2)!.mtu).toBe(UDP_MTU)
  })

  it('are no larger than any link carries', () => {
    const { socket, link, links, counters } = fakeLinks()
    links.provesRelay({ kind: 'ipv4', host: HOST, port: 1 })
    link(1)!.send(new Uint8Array(FRAGMENTED_MTU + 1), 0)
    expect(socket.sent).toEqual([])
    expect(counters.get('udp-too-large')).toBe(1)
  })
})

describe('UDP links: how many, how long (O-06)', () => {
  it('is one link for one address, whichever side began', () => {
    const { socket, received, links, link } = fakeLinks()
    const made = link(9_001)!
    socket.from(9_001)
    socket.from(9_002)
    socket.from(9_001)
    expect(received).toEqual([9_001, 9_002, 9_001])
    expect(link(9_001)).toBe(made)
    expect(links.size).toBe(2)
  })

  it('has none to a name, to port 0, to no address, or to the other IP version', () => {
    const { links } = fakeLinks()
    const addresses: Address[] = [
      NO_ADDRESS,
      { kind: 'ipv4', host: '0.0.0.0', port: 1 },
      { kind: 'domain', host: 'relay.example', port: 1 },
      { kind: 'ipv6', host: '::1', port: 1 },
    ]
    expect(addresses.filter((address) => links.linkTo(address))).toEqual([])
    expect(links.size).toBe(0)
  })

  it('puts out the oldest for a new one, but never one in use', () => {
    const { socket, closed, links, counters, received } = fakeLinks({
      maxLinks: 3,
      inUse: (link) => (link as UdpLink).address.port < 2_000,
    })
    for (const port of [1_001, 3_001, 3_002, 3_003]) socket.from(port)
    expect(closed).toEqual([[3_001, 'limit']])
    for (let port = 4_000; port < 5_000; port++) socket.from(port)
    expect(links.size).toBe(3)
    expect(closed.map(([port]) => port)).not.toContain(1_001)
    expect(counters.get('udp-links-evicted')).toBe(1_001)
    expect(received).toHaveLength(1_004)
  })

  it('refuses strangers while all places are in use', () => {
    const { socket, received, link, counters } = fakeLinks({ maxLinks: 2, inUse: () => true })
    for (const port of [1, 2, 3]) socket.from(port)
    expect(received).toEqual([1, 2])
    expect(link(4)).toBeUndefined()
    expect(counters.get('udp-links-full')).toBe(2)
  })

  it('forgets links that are idle, but not those in use', () => {
    const { socket, clock, closed, link } = fakeLinks({
      idleMs: 1_000,
      inUse: (each) => (each as UdpLink).address.port === 1,
    })
    for (const port of [1, 2, 3]) socket.from(port)
    const second = link(2)!
    clock.advance(1_500)
    link(3)!.send(Uint8Array.of(1), 0)
    clock.advance(1_000)
    expect(closed).toEqual([[2, 'unneeded']])
    expect(second.open).toBe(false)
    expect(link(2)).not.toBe(second)
  })

  it('is all gone after close, with its timers', async () => {
    const { links, link, closed, clock } = fakeLinks()
    link(1)
    await links.close()
    expect(closed).toEqual([[1, 'shutdown']])
    expect(link(2)).toBeUndefined()
    expect(clock.idle).toBe(true)
  })
})

describe('datagrams that are no packets of IPv8 (K-04, D-09)', () => {
  it('are handed on without a link, and answered without one', async () => {
    const got: [Address, string][] = []
    const options = { clock: new NodeClock(), random: new SeededRandom(1), counters: new Counters() }
    const server = await UdpLinks.bind(HOST, 0, {
      ...options,
      onPacket: () => undefined,
      onDatagram: (from, datagram) => {
        got.push([from, Buffer.from(datagram).toString()])
        server.sendTo(from, Buffer.from('pong'))
      },
    })
    const stranger = createSocket('udp4')
    const answers: string[] = []
    stranger.on('message', (answer) => answers.push(answer.toString()))
    stranger.send('ping', server.address.port, HOST)
    await until(() => answers.length > 0)
    expect(got).toEqual([[{ kind: 'ipv4', host: HOST, port: stranger.address().port }, 'ping']])
    expect(answers).toEqual(['pong'])
    expect(server.size).toBe(0)
    stranger.close()
    await server.close()
    server.sendTo({ kind: 'ipv4', host: HOST, port: 9 }, Buffer.from('late'))
  })
})

describe('UDP links: a full socket (N-02, L-08)', () => {
  it('waits, within bounds and fair among circuits, and goes on when there is room', () => {
    const { socket, clock, link, counters } = fakeLinks()
    socket.pendingBytes = UDP_PENDING_BYTES
    const busy = link(1)!
    for (let i = 0; i < 3_000; i++) busy.send(new Uint8Array(1_400), 77)
    link(2)!.send(new Uint8Array(50), 78)
    const before = socket.sent.length
    expect(before).toBeLessThan(100)
    expect(counters.get('udp-queue-full')).toBe(3_001 - before)
    expect(counters.get('queue-dropped-full')).toBeGreaterThan(1_000)
    clock.advance(UDP_POLL_MS)
    expect(socket.sent.length).toBe(before)
    socket.pendingBytes = 0
    clock.advance(UDP_POLL_MS)
    const waited = socket.sent.slice(before)
    expect(waited.reduce((sum, packet) => sum + packet.length, 0)).toBeLessThanOrEqual(QUEUE_LIMITS.bytes)
    expect(waited.slice(0, 3).map((packet) => packet.port)).toContain(2)
    busy.send(new Uint8Array(10), 77)
    expect(socket.sent.at(-1)?.length).toBe(10)
  })

  it('counts what the kernel refuses', () => {
    const { socket, link, counters } = fakeLinks()
    socket.failing = true
    link(1)!.send(new Uint8Array(10), 0)
    expect(counters.get('udp-send-failed')).toBe(1)
    expect(link(1)!.open).toBe(true)
  })
})
