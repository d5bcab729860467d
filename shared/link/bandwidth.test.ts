import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { Bandwidth, type BandwidthLimits, type BandwidthSnapshot } from './bandwidth.ts'
import { monthStart, nextMonthStart } from './month.ts'
import { KEYS, Neighbourhood, wirePair } from './neighbour.fixture.ts'

/** 2026-01-20T12:00:00Z. */
const JANUARY_20 = Date.UTC(2026, 0, 20, 12)
const DAY_MS = 86_400_000

/** A clock whose date someone sets. */
class SetClock extends VirtualClock {
  private setMs = 0

  override wall(): number {
    return super.wall() + this.setMs
  }

  set(wallMs: number): void {
    this.setMs += wallMs - this.wall()
  }
}

function limited(limits: BandwidthLimits, wallMs = JANUARY_20, snapshot?: BandwidthSnapshot) {
  const clock = new SetClock(wallMs)
  const counters = new Counters()
  const events: string[] = []
  const bandwidth = new Bandwidth({
    clock,
    counters,
    limits,
    ...(snapshot && { snapshot }),
    onSleep: () => events.push('sleep'),
    onWake: () => events.push('wake'),
  })
  return { clock, counters, events, bandwidth }
}

/** A wire that keeps to the rate, and what arrived at its other end. */
function shaped(clock: VirtualClock, bandwidth: Bandwidth) {
  const random = new SeededRandom(1)
  const [left, right] = KEYS as readonly PublicKey[] as [PublicKey, PublicKey]
  const pair = wirePair({ clock, random, left, right, shaper: bandwidth, conditions: { delayMs: 1 } })
  const received: { size: number; atMs: number }[] = []
  pair.right.handTo({
    onPacket: (_link, packet) => received.push({ size: packet.length, atMs: clock.now() }),
    onClosed: () => {},
  })
  pair.left.handTo({ onPacket: () => {}, onClosed: () => {} })
  return { link: pair.left.link, received }
}

describe('rate and burst of all links together (L-08)', () => {
  it('hold back what a wire sends beyond them', () => {
    const { clock, bandwidth } = limited({ rateBytesPerSecond: 100_000, burstBytes: 50_000 })
    const { link, received } = shaped(clock, bandwidth)
    for (let i = 0; i < 300; i++) link.send(new Uint8Array(1_000), 1 + (i % 3))
    const bytes = () => received.reduce((sum, { size }) => sum + size, 0)
    clock.advance(10)
    // The burst, and a message that was begun within it.
    expect(bytes()).toBeGreaterThanOrEqual(49_000)
    expect(bytes()).toBeLessThan(50_000 + 17_000)
    clock.advance(1_000)
    expect(bytes()).toBeGreaterThan(130_000)
    expect(bytes()).toBeLessThan(170_000)
    expect(bandwidth.status()).toMatchObject({ rateBytesPerSecond: 100_000, burstBytes: 50_000 })
    bandwidth.stop()
  })

  it('never hold back control, which is owed by the others', () => {
    const { clock, bandwidth } = limited({ rateBytesPerSecond: 20_000, burstBytes: 40_000 })
    const { link, received } = shaped(clock, bandwidth)
    for (let i = 0; i < 200; i++) link.send(new Uint8Array(1_000), 1)
    clock.advance(200)
    const before = received.length
    for (let i = 0; i < 10; i++) {
      link.send(new Uint8Array(50), 0)
      clock.advance(2)
      expect(received.at(-1)).toEqual({ size: 50, atMs: clock.now() - 1 })
    }
    expect(received.length).toBeGreaterThanOrEqual(before + 10)
    clock.advance(10_000)
    const bytes = received.reduce((sum, { size }) => sum + size, 0)
    expect(bytes).toBeLessThan(40_000 + 20_000 * 10.3 + 17_000)
    bandwidth.stop()
  })

  it('are shared by the wires in turn', () => {
    const { clock, bandwidth } = limited({ rateBytesPerSecond: 200_000 })
    const wires = Array.from({ length: 4 }, () => shaped(clock, bandwidth))
    for (let round = 0; round < 50; round++) {
      for (const { link } of wires) for (let i = 0; i < 20; i++) link.send(new Uint8Array(1_000), 1)
      clock.advance(200)
    }
    const carried = wires.map(({ received }) => received.length)
    const total = carried.reduce((sum, count) => sum + count)
    expect(total).toBeGreaterThan(1_900)
    expect(total).toBeLessThan(2_300)
    for (const count of carried) expect(count).toBeGreaterThan(total / 4 - 40)
    bandwidth.stop()
  })

  it('leave a wire free that has none', () => {
    const { clock, bandwidth, counters } = limited({})
    const { link, received } = shaped(clock, bandwidth)
    for (let i = 0; i < 300; i++) link.send(new Uint8Array(1_000), 1)
    clock.advance(5)
    expect(received).toHaveLength(300)
    expect(counters.get('bandwidth-waits')).toBe(0)
    expect(bandwidth.status()).toMatchObject({ monthlyBytes: undefined, sleeping: false })
  })

  it('never let more through than rate and burst, whoever asks when', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_000, max: 1_000_000 }),
        fc.array(fc.tuple(fc.nat(400), fc.nat(3), fc.integer({ min: 1, max: 16_000 })), { maxLength: 60 }),
        (rateBytesPerSecond, packets) => {
          const { clock, bandwidth } = limited({ rateBytesPerSecond, burstBytes: 40_000 })
          const wires = Array.from({ length: 4 }, () => shaped(clock, bandwidth))
          for (const [waitMs, at, size] of packets) {
            clock.advance(waitMs)
            wires[at]?.link.send(new Uint8Array(size), 5)
            const { monthBytesOut } = bandwidth.status()
            expect(monthBytesOut).toBeLessThanOrEqual(
              40_000 + 16_384 + (clock.now() * rateBytesPerSecond) / 1_000,
            )
          }
          clock.advance(200_000)
          const arrived = wires.reduce((sum, { received }) => sum + received.length, 0)
          expect(arrived).toBe(packets.length)
          bandwidth.stop()
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('bytes of a month (L-08)', () => {
  it('count both directions, and put the node to sleep when they are used up', () => {
    const { bandwidth, events, counters } = limited({ monthlyBytes: 10_000 })
    bandwidth.sent(4_000)
    bandwidth.received(5_999)
    expect(bandwidth.sleeping).toBe(false)
    bandwidth.received(1)
    bandwidth.sent(500)
    expect(bandwidth.status()).toMatchObject({ monthBytesIn: 6_000, monthBytesOut: 4_500, sleeping: true })
    expect(events).toEqual(['sleep'])
    expect(counters.get('bandwidth-slept')).toBe(1)
    bandwidth.stop()
  })

  it('begin anew with the month, though nothing is sent', () => {
    const { clock, bandwidth, events } = limited({ monthlyBytes: 10_000 })
    bandwidth.sent(10_000)
    clock.advance(11 * DAY_MS + DAY_MS / 2 - 1)
    expect(bandwidth.sleeping).toBe(true)
    clock.advance(1)
    expect(bandwidth.sleeping).toBe(false)
    expect(events).toEqual(['sleep', 'wake'])
    expect(bandwidth.status()).toMatchObject({ monthBytesIn: 0, monthBytesOut: 0 })
    expect(clock.idle).toBe(true)
  })

  it('are known again after a restart of the same month, not of a later one', () => {
    const first = limited({ monthlyBytes: 10_000 })
    first.bandwidth.sent(9_000)
    first.bandwidth.received(2_000)
    const snapshot = JSON.parse(JSON.stringify(first.bandwidth.snapshot())) as BandwidthSnapshot
    expect(snapshot).toEqual({ monthStartMs: Date.UTC(2026, 0, 1), bytesIn: 2_000, bytesOut: 9_000 })
    const again = limited({ monthlyBytes: 10_000 }, JANUARY_20 + DAY_MS, snapshot)
    expect(again.bandwidth.sleeping).toBe(true)
    expect(again.events).toEqual([])
    const later = limited({ monthlyBytes: 10_000 }, JANUARY_20 + 12 * DAY_MS, snapshot)
    expect(later.bandwidth.status()).toMatchObject({ monthBytesIn: 0, sleeping: false })
    first.bandwidth.stop()
    again.bandwidth.stop()
  })

  it('go on where they were when a clock that was ahead is put right', () => {
    const { clock, bandwidth, events } = limited({ monthlyBytes: 10_000 })
    bandwidth.sent(6_000)
    clock.set(Date.UTC(2027, 5, 5))
    bandwidth.sent(10_000)
    expect(bandwidth.sleeping).toBe(true)
    clock.set(JANUARY_20 + DAY_MS)
    clock.advance(3_600_000)
    expect(events).toEqual(['sleep', 'wake'])
    expect(bandwidth.status()).toMatchObject({ monthBytesIn: 0, monthBytesOut: 6_000 })
    // The month that was none is forgotten, and comes in its time as any other.
    expect(bandwidth.snapshot()).toEqual({ monthStartMs: Date.UTC(2026, 0, 1), bytesIn: 0, bytesOut: 6_000 })
    clock.set(Date.UTC(2027, 5, 5))
    bandwidth.sent(1)
    expect(bandwidth.status().monthBytesOut).toBe(1)
    expect(clock.idle).toBe(true)
  })

  it('go on where they were though the clock was wrong at the start, and at the next', () => {
    const month = { monthStartMs: Date.UTC(2026, 0, 1), bytesIn: 2_000, bytesOut: 7_000 }
    const first = limited({ monthlyBytes: 10_000 }, 0, month)
    first.bandwidth.sent(100)
    const snapshot = first.bandwidth.snapshot()
    expect(snapshot).toEqual({ monthStartMs: 0, bytesIn: 0, bytesOut: 100, before: month })
    const { clock, bandwidth } = limited({ monthlyBytes: 10_000 }, 60_000, snapshot)
    expect(bandwidth.snapshot()).toEqual(snapshot)
    clock.set(JANUARY_20)
    bandwidth.sent(1)
    expect(bandwidth.snapshot()).toEqual({ ...month, bytesOut: 7_001 })
    expect(limited({ monthlyBytes: 10_000 }, JANUARY_20, snapshot).bandwidth.snapshot()).toEqual(month)
  })

  it('may begin on another day', () => {
    const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
    expect(monthStart(JANUARY_20, 1)).toBe(day('2026-01-01'))
    expect(monthStart(JANUARY_20, 20)).toBe(day('2026-01-20'))
    expect(monthStart(JANUARY_20, 21)).toBe(day('2025-12-21'))
    expect(nextMonthStart(JANUARY_20, 21)).toBe(day('2026-01-21'))
    expect(nextMonthStart(day('2026-12-31'), 1)).toBe(day('2027-01-01'))
    expect(monthStart(day('2024-03-01') - 1, 28)).toBe(day('2024-02-28'))
  })

  it('end between any two moments in exactly one way', () => {
    const wall = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) })
    fc.assert(
      fc.property(wall, fc.integer({ min: 1, max: 28 }), (wallMs, startDay) => {
        const start = monthStart(wallMs, startDay)
        const next = nextMonthStart(wallMs, startDay)
        expect(start).toBeLessThanOrEqual(wallMs)
        expect(next).toBeGreaterThan(wallMs)
        expect(monthStart(next, startDay)).toBe(next)
        expect(monthStart(next - 1, startDay)).toBe(start)
      }),
    )
  })

  it('are what a wire counts by itself', () => {
    const { clock, bandwidth } = limited({})
    const hood = new Neighbourhood(clock)
    hood.join({ shaper: bandwidth })
    clock.advance(1_000)
    hood.left.neighbour.send(new Uint8Array(5_000), 5)
    clock.advance(1_000)
    const { monthBytesIn, monthBytesOut } = bandwidth.status()
    // Both ends of the wire count here.
    expect(monthBytesOut).toBe(monthBytesIn)
    expect(monthBytesOut).toBeGreaterThan(5_000)
  })
})
