import { describe, expect, it } from 'vitest'
import { CircuitControl } from './circuit-control.ts'
import { UTP_TYPE, UtpHeader } from './header.ts'
import { LargePackets } from './large-packets.ts'
import { Pair, type PairOptions } from './pair.fixture.ts'
import { ReceiveWindow } from './receive-window.ts'

function opened(options: Partial<PairOptions> = {}): Pair {
  const pair = new Pair({
    there: { delayMs: 20 },
    congestion: (bytes) => new CircuitControl(bytes),
    ...options,
  })
  pair.clock.runUntil(() => pair.left.log.includes('opened'), 15_000)
  expect(pair.left.log).toEqual(['opened'])
  return pair
}

/** Lets the 20th data packet of a connection never pass. */
function hole(): (packet: Uint8Array) => boolean {
  const header = new UtpHeader()
  const seen = new Set<number>()
  let lost: number | undefined
  return (packet) => {
    header.read(packet)
    if (header.type !== UTP_TYPE.data) return true
    seen.add(header.sequence)
    if (seen.size === 20) lost = header.sequence
    return header.sequence !== lost
  }
}

describe('a far side that never takes the oldest packet (O-06, N-11)', () => {
  it('is given up after two minutes, however much it says otherwise', () => {
    const { left, right, clock } = opened({ tamper: hole() })
    const say = () => {
      right.connection.write(new Uint8Array(100))
      clock.after(500, say)
    }
    say()
    left.pour(8 << 20)
    clock.advance(115_000)
    expect(left.log).toEqual(['opened'])
    expect(left.receivedBytes).toBeGreaterThan(20_000)
    clock.advance(10_000)
    expect(left.log).toEqual(['opened', 'released', 'closed timed-out'])
    expect(right.log.at(-1)).toBe('closed connection-reset')
  })

  it('holds a bounded amount for who takes all but the oldest packet, for as long as he likes (O-06)', () => {
    const sent = new Set<number>()
    let lost: number | undefined
    const maxFlightBytes = 256 << 10
    const { left, clock } = opened({
      settings: { receiveBufferBytes: 64 << 20, maxFlightBytes },
      tamper: (packet) => {
        const own = new UtpHeader()
        own.read(packet)
        if (own.type !== UTP_TYPE.data) return true
        sent.add(own.sequence)
        if (sent.size === 100) lost = own.sequence
        return own.sequence !== lost
      },
    })
    left.pour(8 << 20)
    clock.advance(20_000)
    const beyond = [...sent].filter((sequence) => sequence >= (lost ?? 0)).length
    expect(beyond).toBeGreaterThan(50)
    expect(beyond * 1_300).toBeLessThan(maxFlightBytes + 10_000)
  })

  it.each([
    ['no room at all', 40 * 1_380],
    ['room for less than a packet', 50_000],
  ])('is waited for while it reads nothing and has %s', (_, receiveBufferBytes) => {
    const { left, right, clock } = opened({ settings: { receiveBufferBytes } })
    right.connection.pause()
    left.pour(200_000)
    clock.advance(30 * 60_000)
    expect([left.log, right.receivedBytes]).toEqual([['opened'], 0])
    right.connection.resume()
    clock.advance(60_000)
    expect([right.receivedBytes, right.log]).toEqual([200_000, ['ended']])
  })

  it.each([
    ['a tenth', 0.1],
    ['a third', 0.33],
  ])('is not who loses %s of all packets and has 200 ms of jitter, by far', (_, loss) => {
    const there = { delayMs: 50, jitterMs: 200, loss, bytesPerSecond: 500_000, queueBytes: 100_000 }
    // A quarter of what there is: 30 s in place of 120.
    const { left, right, clock } = opened({ there, settings: { silenceTimeoutMs: 15_000 } })
    left.pour(1_000_000)
    expect(clock.runUntil(() => right.log.includes('ended'), 600_000)).toBe(true)
    expect([left.log, right.receivedBytes]).toEqual([['opened'], 1_000_000])
  })

  it('is not who loses all large packets at once', () => {
    let most = Number.POSITIVE_INFINITY
    const { left, right, clock } = opened({
      there: { delayMs: 100, loss: 0.1, bytesPerSecond: 20_000_000, queueBytes: 2_000_000 },
      settings: { receiveBufferBytes: 4 << 20, silenceTimeoutMs: 15_000 },
      large: () => new LargePackets(() => 14_000),
      tamper: (packet) => packet.length <= most,
    })
    left.pour(20_000_000)
    clock.runUntil(() => right.receivedBytes > 4_000_000, 60_000)
    most = 1_400
    expect(clock.runUntil(() => right.log.includes('ended'), 600_000)).toBe(true)
    expect([left.log, right.receivedBytes]).toEqual([['opened'], 20_000_000])
  })

  it('says that it has no room when it holds as many packets as it may, however small', () => {
    const window = new ReceiveWindow(1 << 20)
    for (let i = 0; i < 16_383; i++) window.put(i, Uint8Array.of(1), false)
    expect(window.roomBytes).toBeGreaterThan(1_000_000)
    window.put(16_383, Uint8Array.of(1), false)
    expect(window.roomBytes).toBe(0)
    window.take()
    expect(window.roomBytes).toBeGreaterThan(1_000_000)
  })
})
