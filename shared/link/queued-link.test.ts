import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { closeReasonOf } from './close-codes.ts'
import { MESSAGE_BYTES, PIPE_BYTES, PIPE_POLL_MS, QUEUE_LIMITS } from './constants.ts'
import type { LinkCloseReason } from './link.ts'
import { HOSTILE_MESSAGES, type LinkWire, linkSuite } from './link-suite.fixture.ts'
import { type MessagePipe, QueuedLink } from './queued-link.ts'

const ADDRESS: Address = { kind: 'ipv4', host: '127.0.0.1', port: 1 }

/** One end of a pipe in memory; what it takes stays in it until it is let out. */
class MemoryPipe implements MessagePipe {
  readonly held: Uint8Array[] = []
  readonly closes: [number, string][] = []
  private bytes = 0

  send(message: Uint8Array): void {
    this.held.push(message)
    this.bytes += message.length
  }

  bufferedBytes(): number {
    return this.bytes
  }

  close(code: number, reason: string): void {
    this.closes.push([code, reason])
  }

  letOut(): Uint8Array | undefined {
    const message = this.held.shift()
    this.bytes -= message?.length ?? 0
    return message
  }
}

function memoryEnd(clock: VirtualClock) {
  const pipe = new MemoryPipe()
  const counters = new Counters()
  const received: Uint8Array[] = []
  const closed: LinkCloseReason[] = []
  const link = new QueuedLink({
    kind: 'simulated',
    address: ADDRESS,
    clock,
    counters,
    pipe,
    onPacket: (_link, packet) => received.push(packet),
    onClosed: (_link, reason) => closed.push(reason),
  })
  return { pipe, counters, received, closed, link }
}

async function memoryWire(): Promise<LinkWire> {
  const clock = new VirtualClock()
  const left = memoryEnd(clock)
  const right = memoryEnd(clock)
  let held = false
  const travel = (from: MemoryPipe, to: QueuedLink) => {
    for (let message = from.letOut(); message; message = from.letOut()) to.receive(message)
    for (const [code] of from.closes) to.closed(closeReasonOf(code))
  }
  return {
    left: left.link,
    right: right.link,
    leftReceived: left.received,
    rightReceived: right.received,
    leftClosed: left.closed,
    rightClosed: right.closed,
    leftCounters: left.counters,
    rightCounters: right.counters,
    injectToRight: (bytes) => right.link.receive(bytes),
    holdRight: (isHeld) => {
      held = isHeld
    },
    leftWaiting: () => left.link.queued.bytes + left.pipe.bufferedBytes(),
    until: async (predicate) => {
      for (let turn = 0; !predicate(); turn++) {
        if (turn > 10_000) throw new Error('never came to be')
        clock.advance(1)
        if (!held) travel(left.pipe, right.link)
        travel(right.pipe, left.link)
      }
    },
    stop: async () => {},
  }
}

linkSuite(
  'queued link over memory (L-08, N-02)',
  { reliable: true, tellsClose: true, hostile: HOSTILE_MESSAGES, ordeals: ['back-pressure'] },
  memoryWire,
)

describe('what a link carried (N-13)', () => {
  it('is counted in packets and their bytes, both ways, and not before it went', () => {
    const clock = new VirtualClock()
    const left = memoryEnd(clock)
    const right = memoryEnd(clock)
    for (const length of [1, 1_472, 700]) left.link.send(new Uint8Array(length), 0)
    expect(left.counters.snapshot()).toEqual({})
    clock.advance(0)
    expect(left.counters.snapshot()).toMatchObject({ 'link-sent': 3, 'link-sent-bytes': 2_173 })
    for (let message = left.pipe.letOut(); message; message = left.pipe.letOut()) right.link.receive(message)
    expect(right.counters.snapshot()).toEqual({ 'link-received': 3, 'link-received-bytes': 2_173 })
  })
})

describe('queued link: messages and pipe (L-08, O-06)', () => {
  it('packs the packets of one turn into as few messages as they fill', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 25; i++) link.send(new Uint8Array(1_400), 3)
    expect(pipe.held).toHaveLength(0)
    clock.advance(0)
    expect(pipe.held.map((message) => message.length)).toEqual([16_376, 16_376, 3_072, 1_536])
  })

  it('keeps the pipe short, and its own queue within bounds, while nobody reads', () => {
    const clock = new VirtualClock()
    const { link, pipe, counters } = memoryEnd(clock)
    for (let i = 0; i < 5_000; i++) {
      link.send(new Uint8Array(1_400), 1 + (i % 5))
      if (i % 10 === 0) clock.advance(1)
    }
    expect(pipe.bufferedBytes()).toBeLessThanOrEqual(PIPE_BYTES + MESSAGE_BYTES)
    expect(link.queued.bytes).toBeLessThanOrEqual(QUEUE_LIMITS.bytes)
    expect(counters.get('queue-dropped-full')).toBeGreaterThan(3_000)
  })

  it('does not keep the memory of the messages that waiting packets came in', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 200; i++) link.send(new Uint8Array(1_400), 1)
    clock.advance(0)
    while (link.queued.packets > 0) {
      pipe.letOut()
      link.drained()
    }
    for (let i = 0; i < 200; i++) link.send(new Uint8Array(1_400), 1)
    clock.advance(0)
    const message = new Uint8Array(65_536)
    link.send(message.subarray(0, 20), 2)
    message.fill(9)
    while (link.queued.packets > 0) {
      pipe.letOut()
      link.drained()
    }
    const all = pipe.held.flatMap((each) => [...each])
    expect(all).not.toContain(9)
  })

  it('goes on at once when told that the pipe has drained', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 200; i++) link.send(new Uint8Array(1_400), 3)
    clock.advance(0)
    const waiting = link.queued.packets
    expect(waiting).toBeGreaterThan(0)
    link.drained()
    expect(link.queued.packets).toBe(waiting)
    pipe.letOut()
    link.drained()
    expect(link.queued.packets).toBeLessThan(waiting)
  })

  it('looks at a pipe that does not tell', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 150; i++) link.send(new Uint8Array(1_400), 3)
    clock.advance(0)
    while (pipe.letOut()) {
      // The network takes all.
    }
    clock.advance(PIPE_POLL_MS)
    expect(pipe.held.length).toBeGreaterThan(0)
    expect(link.queued.packets).toBe(0)
  })

  it('lets no circuit wait behind another’s queue', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 400; i++) link.send(new Uint8Array(1_400).fill(1), 1)
    clock.advance(0)
    link.send(new Uint8Array(100).fill(2), 2)
    const held = pipe.held.length
    pipe.letOut()
    link.drained()
    expect(pipe.held.slice(held - 1).some((message) => message[2] === 2)).toBe(true)
  })

  it('sets no timer and keeps no packet once closed', () => {
    const clock = new VirtualClock()
    const { link, pipe } = memoryEnd(clock)
    for (let i = 0; i < 400; i++) link.send(new Uint8Array(1_400), 1)
    clock.advance(0)
    link.close('limit')
    expect(pipe.closes).toEqual([[4004, 'limit']])
    expect(link.queued.packets).toBe(0)
    expect(clock.idle).toBe(true)
  })

  it('delivers nothing of a message after the packet whose receiver closed the link', () => {
    const clock = new VirtualClock()
    const received: number[] = []
    const link = new QueuedLink({
      kind: 'simulated',
      address: ADDRESS,
      clock,
      counters: new Counters(),
      pipe: new MemoryPipe(),
      onPacket: (from, packet) => {
        received.push(packet[0]!)
        from.close('refused')
      },
    })
    link.receive(Uint8Array.of(0, 1, 7, 0, 1, 8))
    expect(received).toEqual([7])
  })
})
