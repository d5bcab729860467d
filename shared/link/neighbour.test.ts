import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { MESSAGE_MTU } from './constants.ts'
import { messagePacket, pingPacket } from './control.ts'
import { NEIGHBOUR_SETTINGS } from './keeper-limits.ts'
import { HOSTILE_MESSAGES, linkSuite } from './link-suite.fixture.ts'
import { Neighbourhood } from './neighbour.fixture.ts'

linkSuite(
  'neighbour over one wire (L-07, N-02)',
  { reliable: true, tellsClose: true, hostile: HOSTILE_MESSAGES },
  async () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(100)
    return {
      left: hood.left.neighbour,
      right: hood.right.neighbour,
      leftReceived: hood.left.received,
      rightReceived: hood.right.received,
      leftClosed: hood.left.closed,
      rightClosed: hood.right.closed,
      leftCounters: hood.left.counters,
      rightCounters: hood.left.counters,
      injectToRight: (bytes) => pair.inject(bytes),
      until: async (predicate) => {
        if (!clock.runUntil(predicate, 60_000)) throw new Error('never came to be')
      },
      stop: async () => {},
    }
  },
)

function numbered(number: number): Uint8Array {
  return Uint8Array.of(9, number >>> 16, number >>> 8, number)
}

function numbersOf(packets: readonly Uint8Array[]): number[] {
  return packets.map(([, a = 0, b = 0, c = 0]) => (a << 16) | (b << 8) | c)
}

describe('neighbour without a wire (L-02, L-07)', () => {
  it('lets packets wait for the first wire, in order', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const { left, right } = hood
    expect(left.neighbour.status).toBe('connecting')
    for (let i = 0; i < 20; i++) left.neighbour.send(numbered(i), 5)
    clock.advance(5_000)
    hood.join()
    clock.advance(100)
    expect(numbersOf(right.received)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(left.neighbour.status).toBe('open')
  })

  it('lets no more wait than it may, in packets and in bytes', () => {
    const clock = new VirtualClock()
    const { left } = new Neighbourhood(clock, 1, { pendingPackets: 3, pendingBytes: 10_000 })
    for (let i = 0; i < 5; i++) left.neighbour.send(numbered(i), 0)
    expect(left.neighbour.queued).toEqual({ packets: 3, bytes: 12 })
    expect(left.counters.get('neighbour-queue-full')).toBe(2)
    const { left: other } = new Neighbourhood(clock, 1, { pendingPackets: 100, pendingBytes: 10_000 })
    for (let i = 0; i < 5; i++) other.neighbour.send(new Uint8Array(4_000), 0)
    expect(other.neighbour.queued).toEqual({ packets: 2, bytes: 8_000 })
  })

  it('closes as failed when the time to connect is over', () => {
    const clock = new VirtualClock()
    const { left } = new Neighbourhood(clock)
    clock.advance(NEIGHBOUR_SETTINGS.connectTimeoutMs - 1)
    expect(left.neighbour.open).toBe(true)
    clock.advance(1)
    expect(left.closed).toEqual(['failed'])
    expect(left.neighbour.status).toBe('closed')
    expect(clock.idle).toBe(true)
  })

  it('survives the loss of its last wire, for a while', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const { left, right } = hood
    const first = hood.join()
    clock.advance(1_000)
    first.cut()
    expect(left.neighbour.status).toBe('waiting')
    left.neighbour.send(numbered(7), 5)
    clock.advance(NEIGHBOUR_SETTINGS.resumeMs - 100)
    hood.join()
    clock.advance(1_000)
    expect(numbersOf(right.received)).toEqual([7])
    expect([left.closed, right.closed]).toEqual([[], []])
  })

  it('closes as lost when no other wire comes', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(1_000)
    pair.cut()
    clock.advance(NEIGHBOUR_SETTINGS.resumeMs)
    expect([hood.left.closed, hood.right.closed]).toEqual([['lost'], ['lost']])
  })

  it('is gone at once when the neighbour says so', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.join()
    hood.join({ kind: 'websocket' })
    clock.advance(1_000)
    hood.right.neighbour.close('shutdown')
    clock.advance(100)
    expect(hood.left.closed).toEqual(['shutdown'])
    expect(hood.right.closed).toEqual(['shutdown'])
  })

  it('takes no wire any more once it is closed, and no more than it may', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock, 1, { maxWires: 2 })
    const kinds = ['tcp', 'websocket', 'webrtc'] as const
    const pairs = kinds.map((kind) => hood.wire({ kind }))
    for (const pair of pairs) hood.left.neighbour.add(pair.left)
    expect(pairs.map(({ left }) => left.link.open)).toEqual([true, true, false])
    hood.left.neighbour.close('unneeded')
    const late = hood.wire()
    hood.left.neighbour.add(late.left)
    expect(late.left.link.open).toBe(false)
  })
})

describe('load over the wires of a neighbour (L-05)', () => {
  const flows = Array.from({ length: 40 }, (_, i) => i + 1)

  it('is spread over equal ones, and each flow keeps to one', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pairs = [hood.join(), hood.join({ kind: 'websocket' })]
    clock.advance(1_000)
    for (let round = 0; round < 10; round++) {
      for (const flow of flows) hood.left.neighbour.send(numbered(flow), flow)
      clock.advance(50)
    }
    const carried = hood.left.neighbour.health().wires.map(({ messagesOut }) => messagesOut)
    expect(pairs).toHaveLength(carried.length)
    for (const count of carried) expect(count).toBeGreaterThan(150)
    expect(numbersOf(hood.right.received)).toHaveLength(400)
  })

  it('goes to the faster one', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.join({ conditions: { delayMs: 150 } })
    hood.join({ kind: 'websocket', conditions: { delayMs: 10 } })
    clock.advance(2_000)
    for (const flow of flows) hood.left.neighbour.send(numbered(flow), flow)
    clock.advance(50)
    expect(hood.left.neighbour.wires.map(({ kind }) => kind)).toEqual(['websocket', 'tcp'])
    expect(hood.right.received.length).toBeGreaterThan(35)
  })

  it('goes over others’ machines only where there is no other way', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const direct = hood.join({ conditions: { delayMs: 60 } })
    hood.join({ kind: 'tor', conditions: { delayMs: 40 } })
    clock.advance(2_000)
    hood.left.neighbour.send(numbered(1), 5)
    expect(hood.left.neighbour.wires.map(({ kind }) => kind)).toEqual(['tcp', 'tor'])
    direct.cut()
    hood.left.neighbour.send(numbered(2), 5)
    clock.advance(100)
    expect(numbersOf(hood.right.received)).toContain(2)
  })

  it('leaves a wire that a burst has filled to those that are in it', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.join({ conditions: { delayMs: 10, bytesPerSecond: 200_000 } })
    hood.join({ kind: 'websocket', conditions: { delayMs: 40, bytesPerSecond: 200_000 } })
    clock.advance(1_000)
    for (let i = 0; i < 300; i++) hood.left.neighbour.send(new Uint8Array(1_400), 77)
    hood.left.neighbour.send(numbered(1), 78)
    clock.advance(150)
    expect(numbersOf(hood.right.received.filter(({ length }) => length === 4))).toEqual([1])
  })
})

describe('what a neighbour tells (L-06, L-07)', () => {
  it('is in the health of its wires, without an address unless asked for', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const address = { kind: 'tcp', at: { kind: 'ipv4', host: '127.0.0.1', port: 6667 } } as const
    hood.join({ address })
    clock.advance(1_000)
    hood.left.neighbour.send(numbered(1), 5)
    clock.advance(100)
    const health = hood.left.neighbour.health()
    expect(health).toMatchObject({
      status: 'open',
      kinds: ['tcp'],
      latencyMs: 40,
      authenticated: true,
      inUse: true,
    })
    expect(health.lastSeenMs).toBeLessThan(1_100)
    expect(JSON.stringify(health)).not.toContain('127.0.0.1')
    expect(hood.left.neighbour.health(true).wires[0]?.address).toBe('tcp://127.0.0.1:6667')
    const other = hood.right.neighbour.health()
    expect(other.messagesIn).toBe(health.messagesOut)
    expect(other.bytesIn).toBe(health.bytesOut)
  })

  it('counts what wires carried that are gone', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(1_000)
    for (let i = 0; i < 10; i++) hood.left.neighbour.send(numbered(i), 5)
    clock.advance(100)
    const before = hood.left.neighbour.health()
    pair.cut()
    const after = hood.left.neighbour.health()
    expect(after).toMatchObject({ status: 'waiting', authenticated: false, latencyMs: undefined, wires: [] })
    expect(after.bytesOut).toBe(before.bytesOut)
    expect(after.messagesIn).toBe(before.messagesIn)
  })

  it('keeps control to itself, and hands on messages and signals', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.join()
    clock.advance(100)
    hood.left.neighbour.sendMessage(new Uint8Array(16), Uint8Array.of(1, 2))
    hood.left.neighbour.sendSignal(Uint8Array.of(3))
    hood.left.neighbour.send(pingPacket(1), 5)
    hood.left.neighbour.send(messagePacket(new Uint8Array(16), new Uint8Array(0)).subarray(0, 30), 0)
    clock.advance(100)
    expect(hood.right.messages).toEqual([Uint8Array.of(1, 2)])
    expect(hood.right.signals).toEqual([Uint8Array.of(3)])
    expect(hood.right.received).toEqual([])
    expect(hood.right.counters.get('control-refused')).toBe(1)
  })

  it('is of a stream while its best wire is one', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    expect(hood.left.neighbour.stream).toBe(false)
    const stream = hood.join()
    clock.advance(100)
    expect(hood.left.neighbour.stream).toBe(true)
    hood.join({ kind: 'udp' })
    clock.advance(1_000)
    stream.cut()
    expect(hood.left.neighbour.stream).toBe(false)
    expect(hood.left.neighbour.mtu).toBe(MESSAGE_MTU)
  })
})
