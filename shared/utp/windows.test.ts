import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiveWindow } from './receive-window.ts'
import { RttEstimator } from './rtt.ts'
import { SendBuffer } from './send-buffer.ts'
import { SendWindow } from './send-window.ts'

const NOTHING = new Uint8Array(0)

function sending(count: number) {
  const window = new SendWindow()
  const rtt = new RttEstimator()
  for (let i = 0; i < count; i++) window.push(i * 100, 100, i)
  return { window, rtt }
}

describe('send buffer (C-07)', () => {
  it('gives back what was written, wherever in the ring it lies', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40_000), fc.double({ min: 0, max: 1, noNaN: true }))), (steps) => {
        const buffer = new SendBuffer()
        let start = 0
        for (const [size, released] of steps) {
          const from = buffer.end
          buffer.append(Uint8Array.from({ length: size }, (_, i) => (from + i) % 251))
          const length = Math.min(1000, buffer.end - start)
          const out = new Uint8Array(length + 2)
          if (length > 0) buffer.copy(start, length, out, 1)
          expect(out.subarray(1, length + 1)).toEqual(
            Uint8Array.from({ length }, (_, i) => (start + i) % 251),
          )
          start += Math.floor((buffer.end - start) * released)
          buffer.release(start)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('send window (C-07, N-14)', () => {
  it('takes a packet for lost when three later ones have arrived, and not before', () => {
    const { window, rtt } = sending(10)
    window.acknowledge(2, Uint8Array.of(0b011, 0, 0, 0), 0, 4, 50, rtt)
    expect([window.base, window.ackedBytes, window.newlyLostBytes, window.flightBytes]).toEqual([
      2, 400, 0, 600,
    ])
    expect(window.rttMs).toBe(46)
    rtt.sample(50, window.rttMs)
    window.acknowledge(2, Uint8Array.of(0b111, 0, 0, 0), 0, 4, 51, rtt)
    expect([window.ackedBytes, window.newlyLostBytes, window.lossEvent, window.nextLost()]).toEqual([
      100,
      100,
      true,
      2,
    ])
    window.resent(2, 60)
    expect([window.nextLost(), window.lostBytes, window.flightBytes]).toEqual([-1, 0, 500])
    window.acknowledge(6, NOTHING, 0, 0, 106, rtt)
    expect([window.base, window.flightBytes, window.ackedBytes]).toEqual([6, 400, 100])
  })

  it('tells one loss event a window, however many packets it lost', () => {
    const { window, rtt } = sending(10)
    rtt.sample(0, 40)
    window.acknowledge(0, Uint8Array.of(0b1110, 0, 0, 0), 0, 4, 50, rtt)
    expect([window.newlyLostBytes, window.lossEvent]).toEqual([200, true])
    window.acknowledge(0, Uint8Array.of(0b11101110, 0, 0, 0), 0, 4, 55, rtt)
    expect([window.newlyLostBytes, window.lossEvent]).toEqual([100, false])
  })

  it('notices by time that what was sent again is lost again', () => {
    const { window, rtt } = sending(10)
    rtt.sample(0, 40)
    window.acknowledge(0, Uint8Array.of(0b111, 0, 0, 0), 0, 4, 50, rtt)
    window.resent(0, 51)
    for (let i = 10; i < 14; i++) window.push(i * 100, 100, 60)
    window.acknowledge(0, Uint8Array.of(0xff, 0b11111, 0, 0), 0, 4, 105, rtt)
    expect(window.nextLost()).toBe(0)
  })

  it('waits longer once it has seen reordering', () => {
    const { window, rtt } = sending(20)
    rtt.sample(0, 40)
    window.acknowledge(0, Uint8Array.of(0b11, 0, 0, 0), 0, 4, 50, rtt)
    window.acknowledge(3, NOTHING, 0, 0, 51, rtt)
    window.acknowledge(3, Uint8Array.of(0b111, 0, 0, 0), 0, 4, 52, rtt)
    expect(window.newlyLostBytes).toBe(0)
    expect(window.overdueAt).toBeGreaterThan(52)
    window.detectLosses(window.overdueAt, rtt)
    expect(window.nextLost()).toBe(3)
  })

  it('does not measure round trips by packets that were sent twice (Karn)', () => {
    const { window, rtt } = sending(1)
    window.resent(0, 1000)
    window.acknowledge(1, NOTHING, 0, 0, 1040, rtt)
    expect([window.rttMs, window.ackedBytes]).toEqual([0, 100])
  })

  it('loses everything in flight at a time-out, and counts it as arrived if it comes after all', () => {
    const { window, rtt } = sending(5)
    window.loseAll()
    expect([window.flightBytes, window.lostBytes]).toEqual([0, 500])
    window.acknowledge(5, NOTHING, 0, 0, 2000, rtt)
    expect([window.flightBytes, window.lostBytes, window.empty, window.spurious]).toEqual([0, 0, true, 5])
  })

  it('keeps its accounts through any acknowledgements', () => {
    const mask = fc.uint8Array({ minLength: 4, maxLength: 4 })
    const step = fc.record({
      push: fc.nat(90),
      ack: fc.nat(60),
      mask,
      resend: fc.boolean(),
      late: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const window = new SendWindow()
        const rtt = new RttEstimator()
        let now = 0
        let pushed = 0
        let acked = 0
        for (const { push, ack, mask, resend, late } of steps) {
          for (let i = 0; i < push; i++) window.push(100 * pushed++, 100, now)
          now += 10
          if (late) window.loseAll()
          const upTo = Math.min(window.next, window.base + ack)
          window.acknowledge(upTo, mask, 0, 4, now, rtt)
          acked += window.ackedBytes
          if (window.rttMs > 0) rtt.sample(now, window.rttMs)
          for (let lost = window.nextLost(); resend && lost >= 0; lost = window.nextLost())
            window.resent(lost, now)
          expect(acked + window.flightBytes + window.lostBytes).toBe(100 * pushed)
          expect(window.base).toBeGreaterThanOrEqual(upTo)
        }
      }),
    )
  })
})

describe('receive window (C-07)', () => {
  it('gives each packet once and in order, and tells exactly what it holds', () => {
    const arrivals = fc.array(fc.tuple(fc.nat(120), fc.boolean()), { maxLength: 200 })
    fc.assert(
      fc.property(arrivals, (steps) => {
        const window = new ReceiveWindow(1 << 20)
        const seen = new Set<number>()
        const given: number[] = []
        for (const [index, take] of steps) {
          const outcome = window.put(index, Uint8Array.of(index), true)
          expect(outcome).toBe(seen.has(index) ? 'duplicate' : 'new')
          seen.add(index)
          for (let got = take ? window.take() : undefined; got; got = window.take()) given.push(got[0]!)
          let missing = 0
          while (seen.has(missing)) missing++
          expect(window.missing).toBe(missing)
          expect(window.heldBytes).toBe(seen.size - given.length)
          const bytes = window.maskBytes(252)
          const mask = new Uint8Array(bytes)
          window.writeMask(mask, 0, bytes)
          const told = [...mask].flatMap((byte, at) =>
            [0, 1, 2, 3, 4, 5, 6, 7]
              .filter((bit) => byte & (1 << bit))
              .map((bit) => missing + 1 + 8 * at + bit),
          )
          expect(told).toEqual([...seen].filter((i) => i > missing).sort((a, b) => a - b))
        }
        expect(given).toEqual(given.map((_, i) => i))
      }),
    )
  })

  it('is bounded in bytes, but takes the packet that everything waits for', () => {
    const window = new ReceiveWindow(250)
    expect(window.put(1, new Uint8Array(100), true)).toBe('new')
    expect(window.put(2, new Uint8Array(100), true)).toBe('new')
    expect(window.put(3, new Uint8Array(100), true)).toBe('refused')
    expect(window.put(0, new Uint8Array(100), false)).toBe('refused')
    expect(window.put(0, new Uint8Array(100), true)).toBe('new')
    expect(window.roomBytes).toBe(0)
  })

  it('keeps no message for the sake of a few bytes of it that must wait', () => {
    const window = new ReceiveWindow(1000)
    const message = new Uint8Array(65_536).fill(7)
    window.put(1, message.subarray(30_000, 30_001), true)
    window.put(0, message.subarray(0, 1), false)
    for (const kept of [window.take(), window.take()]) {
      expect(kept).toEqual(Uint8Array.of(7))
      expect(kept?.buffer.byteLength).toBe(1)
    }
    window.put(2, message.subarray(9, 10), true)
    expect(window.take()?.buffer).toBe(message.buffer)
  })

  it('counts the parts of packets that are not whole, and takes those of the packet that everything waits for (O-06)', () => {
    const window = new ReceiveWindow(250)
    const part = new Uint8Array(60)
    expect(window.putPart(1, 0, 120, part, true)).toBe('part')
    expect(window.putPart(2, 0, 120, part, true)).toBe('part')
    expect(window.putPart(3, 0, 120, part, true)).toBe('part')
    expect([window.heldBytes, window.roomBytes]).toEqual([180, 70])
    expect(window.putPart(4, 0, 120, part, true)).toBe('part')
    expect([window.heldBytes, window.roomBytes]).toEqual([240, 10])
    expect(window.putPart(5, 0, 120, part, true)).toBe('refused')
    expect(window.putPart(0, 0, 120, part, false)).toBe('refused')
    expect(window.putPart(0, 0, 120, part, true)).toBe('part')
    expect(window.putPart(0, 60, 120, part, true)).toBe('new')
    expect(window.take()?.length).toBe(120)
    expect([window.heldBytes, window.missing]).toEqual([240, 1])
    // What comes whole after all needs no parts any more.
    expect(window.put(1, new Uint8Array(120), true)).toBe('new')
    expect(window.take()?.length).toBe(120)
    expect(window.heldBytes).toBe(180)
    window.clear()
    expect(window.heldBytes).toBe(0)
  })

  it('is bounded in packets', () => {
    const window = new ReceiveWindow(1 << 20)
    expect(window.put(16_384, NOTHING, true)).toBe('refused')
    expect(window.put(16_383, NOTHING, true)).toBe('new')
    expect(window.maskBytes(252)).toBe(252)
    expect(window.put(-1, NOTHING, true)).toBe('duplicate')
  })
})

describe('round trips (C-07)', () => {
  it('follows RFC 6298 within the bounds of BEP 29, backs off, and recovers', () => {
    const rtt = new RttEstimator()
    expect(rtt.timeoutMs).toBe(1000)
    rtt.sample(0, 200)
    expect([rtt.smoothed, rtt.timeoutMs]).toEqual([200, 600])
    rtt.timedOut()
    expect(rtt.timeoutMs).toBe(1200)
    for (let i = 0; i < 20; i++) rtt.timedOut()
    expect(rtt.timeoutMs).toBe(4000)
    rtt.progress()
    expect(rtt.timeoutMs).toBe(600)
    for (let i = 0; i < 50; i++) rtt.sample(i, 10)
    expect(rtt.timeoutMs).toBe(500)
  })

  it('forgets the least round trip after 10 to 20 s', () => {
    const rtt = new RttEstimator()
    rtt.sample(0, 50)
    for (let now = 100; now <= 9_900; now += 100) rtt.sample(now, 80)
    expect(rtt.least).toBe(50)
    for (let now = 10_000; now <= 21_000; now += 100) rtt.sample(now, 80)
    expect(rtt.least).toBe(80)
  })
})
