import { describe, expect, it } from 'vitest'
import type { WireConditions } from '../sim/wire.ts'
import { CircuitControl } from './circuit-control.ts'
import { LARGE_PROBE_MS, LARGE_STRIKES, OWN_QUEUE_BYTES, UTP_DEFAULTS } from './constants.ts'
import { LargePackets } from './large-packets.ts'
import { Pair } from './pair.fixture.ts'
import { PartialPackets } from './partial-packets.ts'
import { PathDelay } from './path-delay.ts'
import { SendBuffer } from './send-buffer.ts'
import type { Sender } from './sender.ts'

const SMALL = 1_356
const LARGE = 16_252
const WAY: WireConditions = { bytesPerSecond: 20_000_000, delayMs: 20, queueBytes: 2_000_000 }

/** A stream over a path that takes large packets, or says so, and what lengths were sent. */
function stream(more: { there?: WireConditions; passes?: (bytes: number) => boolean } = {}) {
  const path = { room: LARGE - SMALL, passes: more.passes ?? (() => true) }
  const sent: number[] = []
  const pair = new Pair({
    there: more.there ?? WAY,
    settings: { maxPacketBytes: SMALL, sendBufferBytes: 1 << 20, receiveBufferBytes: 4 << 20 },
    congestion: (bytes) => new CircuitControl(bytes),
    large: () => new LargePackets(() => path.room),
    tamper: (packet) => {
      sent.push(packet.length)
      return path.passes(packet.length)
    },
  })
  return { pair, path, sent }
}

/** Runs until all of `total` has come, and checks that it did. */
function arriveAll({ pair }: ReturnType<typeof stream>, total: number): void {
  pair.clock.runUntil(() => pair.right.log.includes('ended'), 120_000)
  expect(pair.right.receivedBytes).toBe(total)
}

describe('large packets (T-06, N-12)', () => {
  it('fill the path once the window is wide, and never exceed what it takes', () => {
    const s = stream()
    s.pair.left.pour(8_000_000)
    arriveAll(s, 8_000_000)
    const data = s.sent.filter((bytes) => bytes > 200)
    expect(Math.max(...data)).toBe(LARGE)
    expect(data.filter((bytes) => bytes === LARGE).length).toBeGreaterThan(350)
  })

  it('are not for a slow path, which one of them would hold up', () => {
    const s = stream({ there: { ...WAY, bytesPerSecond: 100_000 } })
    s.pair.left.pour(600_000)
    arriveAll(s, 600_000)
    const late = s.sent.slice(-100)
    expect(Math.max(...late)).toBeLessThanOrEqual(SMALL + 20)
  })

  it('hold up no small write', () => {
    const s = stream()
    s.pair.clock.runUntil(() => s.pair.left.log.includes('opened'), 1_000)
    const begun = s.pair.clock.now()
    for (let i = 0; i < 5; i++) s.pair.left.connection.write(new Uint8Array(2_000))
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes === 10_000, 1_000)
    expect(s.pair.clock.now() - begun).toBeLessThan(23)
  })

  it('become small at once when the path says so, and what was cut large still arrives', () => {
    const s = stream()
    s.pair.left.pour(6_000_000)
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes > 3_000_000, 10_000)
    s.path.room = 0
    s.path.passes = (bytes) => bytes <= SMALL
    const before = s.sent.length
    arriveAll(s, 6_000_000)
    expect(Math.max(...s.sent.slice(before))).toBeLessThanOrEqual(SMALL)
  })

  it('become large when the path comes to take them', () => {
    const s = stream()
    s.path.room = 0
    s.pair.left.pour(8_000_000)
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes > 2_000_000, 10_000)
    expect(Math.max(...s.sent)).toBe(SMALL)
    s.path.room = LARGE - SMALL
    arriveAll(s, 8_000_000)
    expect(Math.max(...s.sent)).toBe(LARGE)
  })

  it('give way to small ones in a black hole, within a few time-outs, and are tried again but rarely', () => {
    const s = stream()
    s.pair.left.pour(60_000_000)
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes > 3_000_000, 10_000)
    const heldUpAt = s.pair.clock.now()
    s.path.passes = (bytes) => bytes <= SMALL
    const atHole = s.pair.right.receivedBytes
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes > atHole + 3_000_000, 30_000)
    expect(s.pair.clock.now() - heldUpAt).toBeLessThan(5_000)
    const before = s.sent.length
    s.pair.clock.advance(LARGE_PROBE_MS / 4)
    expect(s.sent.slice(before).some((bytes) => bytes > SMALL)).toBe(false)
    arriveAll(s, 60_000_000)
  })

  it('come back when a try shows that they pass', () => {
    const s = stream()
    let now = 0
    const large = new LargePackets(() => s.path.room)
    for (let i = 0; i < LARGE_STRIKES; i++) large.arrivedInParts(now, now)
    expect(large.extraBytes(now)).toBe(0)
    expect(large.mayRepeat(1)).toBe(false)
    now += LARGE_PROBE_MS
    expect(large.extraBytes(now)).toBe(LARGE - SMALL)
    large.sent(now)
    expect(large.extraBytes(now)).toBe(0)
    now += LARGE_PROBE_MS - 1
    expect(large.extraBytes(now)).toBe(0)
    large.arrivedWhole(now, now)
    expect(large.extraBytes(now)).toBe(LARGE - SMALL)
  })

  it('are not given up for losses while others of the time come whole', () => {
    const large = new LargePackets(() => 100)
    for (let i = 0; i < 5; i++) {
      for (let j = 1; j < LARGE_STRIKES; j++) large.arrivedInParts(i, i)
      large.arrivedWhole(i, i)
    }
    for (let i = 0; i < 2 * LARGE_STRIKES; i++) large.arrivedInParts(10_000, 4)
    for (let i = 0; i < 2 * LARGE_STRIKES; i++) large.arrivedInParts(400, 300)
    expect(large.extraBytes(10_000)).toBe(100)
  })

  it.each([0.01, 0.05])('arrive whole and in order at a loss of %f', (loss) => {
    const s = stream({ there: { ...WAY, loss, reordering: 0.01 } })
    s.pair.left.pour(4_000_000)
    arriveAll(s, 4_000_000)
  })
})

describe('packets in parts (N-02)', () => {
  const part = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, i) => from + i)

  it('are put together from parts in any order', () => {
    const partial = new PartialPackets()
    expect(partial.put(7, 4, 9, part(4, 8))).toBe('kept')
    expect(partial.put(7, 8, 9, part(8, 9))).toBe('kept')
    expect(partial.put(7, 4, 9, part(4, 8))).toBe('kept')
    expect(partial.put(7, 0, 9, part(0, 4))).toEqual(part(0, 9))
    expect(partial.size).toBe(0)
  })

  it('refuse what is no part of them', () => {
    const partial = new PartialPackets()
    expect(partial.put(1, 0, 9, part(0, 0))).toBe('refused')
    expect(partial.put(1, 8, 9, part(0, 2))).toBe('refused')
    expect(partial.put(1, 0, 16_385, part(0, 2))).toBe('refused')
    partial.put(1, 0, 9, part(0, 4))
    expect(partial.put(1, 4, 10, part(4, 8))).toBe('refused')
    // An overlap is more bytes than the packet has, or leaves a hole.
    expect(partial.put(1, 2, 9, part(2, 8))).toBe('refused')
    expect(partial.put(1, 3, 9, part(3, 8))).toBe('refused')
  })

  it('are bounded: the one that is needed last gives way', () => {
    const partial = new PartialPackets()
    for (let i = 0; i < 64; i++) partial.put(100 + i, 0, 9, part(0, 4))
    expect(partial.put(200, 0, 9, part(0, 4))).toBe('refused')
    expect(partial.put(50, 0, 9, part(0, 4))).toBe('kept')
    expect(partial.size).toBe(64)
    expect(partial.put(163, 4, 9, part(4, 9))).toBe('refused')
    expect(partial.heldBytes).toBe(64 * 4)
    partial.forgetBefore(101)
    expect([partial.size, partial.heldBytes]).toEqual([62, 62 * 4])
  })
})

describe('a queue of our own before the path (N-12)', () => {
  it('is not filled: what it has no room for waits in the send buffer, where nothing is lost', () => {
    let queued = 0
    const pair = new Pair({
      there: WAY,
      settings: { maxPacketBytes: SMALL, receiveBufferBytes: 4 << 20 },
      congestion: (bytes) => new CircuitControl(bytes, new PathDelay(() => queued)),
    })
    pair.left.pour(1_000_000)
    pair.clock.runUntil(() => pair.right.receivedBytes > 300_000, 10_000)
    queued = OWN_QUEUE_BYTES
    pair.clock.advance(300)
    const held = pair.right.receivedBytes
    pair.clock.advance(2_000)
    expect(pair.right.receivedBytes).toBe(held)
    queued = OWN_QUEUE_BYTES - 1
    pair.clock.runUntil(() => pair.right.log.includes('ended'), 10_000)
    expect(pair.right.receivedBytes).toBe(1_000_000)
  })
})

describe('send buffer (N-02)', () => {
  it('keeps its memory while a stream runs empty now and then, and lets it go when nothing is held', () => {
    const buffer = new SendBuffer()
    buffer.append(new Uint8Array(100_000))
    buffer.rest()
    expect(buffer.capacityBytes).toBe(131_072)
    buffer.release(100_000)
    buffer.append(Uint8Array.of(1, 2, 3))
    expect(buffer.capacityBytes).toBe(131_072)
    const copy = new Uint8Array(3)
    buffer.copy(100_000, 3, copy, 0)
    expect([...copy]).toEqual([1, 2, 3])
    buffer.release(100_003)
    buffer.rest()
    expect(buffer.capacityBytes).toBe(131_072)
    buffer.rest()
    expect(buffer.capacityBytes).toBe(0)
  })

  it('shrinks to what was needed since the last rest, and keeps what it holds (O-06)', () => {
    const buffer = new SendBuffer()
    buffer.append(new Uint8Array(1_000_000))
    buffer.release(990_000)
    const rest = Uint8Array.from({ length: 20_000 }, (_, i) => i * 7)
    buffer.append(rest)
    buffer.rest()
    expect(buffer.capacityBytes).toBe(1 << 20)
    buffer.rest()
    expect(buffer.capacityBytes).toBe(1 << 15)
    const copy = new Uint8Array(20_000)
    buffer.copy(1_000_000, 20_000, copy, 0)
    expect(copy).toEqual(rest)
    expect([buffer.growthFor(2_768), buffer.growthFor(2_769)]).toEqual([0, 1 << 15])
  })

  it('is let go by a stream that has been quiet', () => {
    const s = stream()
    s.pair.left.connection.write(new Uint8Array(500_000))
    s.pair.clock.runUntil(() => s.pair.right.receivedBytes === 500_000, 10_000)
    s.pair.clock.advance(1_000)
    const { buffer } = (s.pair.left.connection as unknown as { sender: Sender }).sender
    expect(buffer.capacityBytes).toBeGreaterThan(500_000)
    s.pair.clock.advance(UTP_DEFAULTS.keepAliveMs)
    expect(buffer.capacityBytes).toBe(0)
    s.pair.left.connection.write(Uint8Array.of(1))
    s.pair.left.connection.end()
    arriveAll(s, 500_001)
  })
})
