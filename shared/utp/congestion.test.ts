import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Wire, type WireConditions } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import { CircuitControl } from './circuit-control.ts'
import type { AckSample, CongestionControl } from './congestion.ts'
import { UtpConnection } from './connection.ts'
import { UTP_DEFAULTS } from './constants.ts'
import { UtpHeader } from './header.ts'
import { LEDBAT_TARGET_US, Ledbat } from './ledbat.ts'
import { Pair, TestEnd } from './pair.fixture.ts'
import { PathDelay } from './path-delay.ts'

const settings = {
  maxPacketBytes: 1350,
  receiveBufferBytes: 8 << 20,
  maxFlightBytes: 8 << 20,
  maxPacketsPerAck: 16,
}
const circuit = (packetBytes: number) => new CircuitControl(packetBytes)
const ledbat = (packetBytes: number) => new Ledbat(packetBytes)

/** 100 ms there and back, a bottleneck of 10 MB/s with a queue of 256 KiB. */
const FAR: WireConditions = { delayMs: 50, bytesPerSecond: 10e6, queueBytes: 256 << 10 }
/** Two processes on one machine: half a millisecond, and a socket buffer of about 90 packets. */
const NEAR: WireConditions = { delayMs: 0.25, bytesPerSecond: 25e6, queueBytes: 90 * 1350 }

function run(there: WireConditions, total: number, congestion: (packetBytes: number) => CongestionControl) {
  const back: WireConditions = { delayMs: there.delayMs ?? 0, loss: there.loss ?? 0 }
  const pair = new Pair({ there, back, settings, congestion })
  const goodput = pair.goodput(total)
  expect(pair.right.receivedBytes).toBe(total)
  return { goodput, overflow: pair.there.overflowed / pair.there.sent }
}

describe('one stream in a circuit, in the simulator (C-07, N-14)', () => {
  it('gets 5 MB/s and more over a 100 ms path, from the first SYN on', () => {
    const { goodput, overflow } = run(FAR, 20_000_000, circuit)
    expect(goodput).toBeGreaterThan(5e6)
    expect(overflow).toBeLessThan(0.05)
  })

  it('gets 4 MB/s and more at 1 % loss', () => {
    expect(run({ ...FAR, loss: 0.01 }, 20_000_000, circuit).goodput).toBeGreaterThan(4e6)
  })

  it('gets 1 MB/s and more at 10 % loss', () => {
    expect(run({ ...FAR, loss: 0.1 }, 10_000_000, circuit).goodput).toBeGreaterThan(1e6)
  })

  it('arrives whole at 20 % loss, and not at a crawl', () => {
    expect(run({ ...FAR, loss: 0.2 }, 4_000_000, circuit).goodput).toBeGreaterThan(0.2e6)
  })

  it('fills a path within one machine, whose timers and queues are coarse against its round trip', () => {
    const { goodput, overflow } = run({ ...NEAR, jitterMs: 3 }, 40_000_000, circuit)
    expect(goodput).toBeGreaterThan(18e6)
    expect(overflow).toBeLessThan(0.02)
  })

  it('fills a path of 300 ms', () => {
    const there = { delayMs: 150, bytesPerSecond: 20e6, queueBytes: 2 << 20 }
    expect(run(there, 60_000_000, circuit).goodput).toBeGreaterThan(6e6)
  })
})

/** `count` streams that begin one after the other and never end share one wire. Gives bytes per second of each, when settled. */
function share(
  there: WireConditions,
  count: number,
  seconds: number,
  congestion: (bytes: number) => CongestionControl,
) {
  const clock = new VirtualClock()
  const random = new SeededRandom(3)
  const header = new UtpHeader()
  const ends: [TestEnd, TestEnd][] = []
  const arrive = (side: 0 | 1) => (packet: Uint8Array) => {
    header.read(packet)
    const end = ends[header.connectionId >> 1]![side]
    if (end.connection.state === 'idle') end.connection.accept(header)
    else end.connection.receive(packet, header)
  }
  const wires = [
    new Wire(clock, random, there, arrive(1)),
    new Wire(clock, random, { delayMs: there.delayMs ?? 0 }, arrive(0)),
  ]
  for (let i = 0; i < count; i++) {
    const pair: [TestEnd, TestEnd] = [new TestEnd(), new TestEnd()]
    ends.push(pair)
    pair.forEach((end, side) => {
      end.keep = false
      end.connection = new UtpConnection({
        clock,
        random,
        counters: new Counters(),
        settings: { ...UTP_DEFAULTS, ...settings },
        congestion: congestion(settings.maxPacketBytes),
        events: end.events,
        send: (packet) => wires[side]!.send(packet),
        released: () => {},
      })
    })
    clock.after(i * 200, () => {
      pair[0].connection.connect(2 * i)
      pair[0].pour(1e9)
    })
  }
  clock.advance(seconds * 500)
  const before = ends.map(([, right]) => right.receivedBytes)
  let queueMs = 0
  let samples = 0
  const sample = () => {
    queueMs += wires[0]!.queueMs
    samples++
    clock.after(10, sample)
  }
  sample()
  clock.advance(seconds * 500)
  const rates = ends.map(([, right], i) => (right.receivedBytes - before[i]!) / (seconds / 2))
  const sum = rates.reduce((a, b) => a + b)
  const fairness = sum ** 2 / (count * rates.reduce((a, b) => a + b * b, 0))
  return { rates, sum, fairness, queueMs: queueMs / samples }
}

describe('streams that share a circuit (C-07, L-08)', () => {
  it('fill it together, none starves, and the queue stays short of the round trip', () => {
    const path = new PathDelay()
    const there = { delayMs: 50, bytesPerSecond: 5e6, queueBytes: 4 << 20 }
    const { rates, sum, fairness, queueMs } = share(there, 10, 16, (bytes) => new CircuitControl(bytes, path))
    expect(sum).toBeGreaterThan(4.5e6)
    expect(fairness).toBeGreaterThan(0.6)
    expect(Math.min(...rates)).toBeGreaterThan(0.05e6)
    expect(queueMs).toBeLessThan(100)
  })
})

describe('LEDBAT (W-04, BEP 29)', () => {
  it('fills an idle path and adds about its target of delay, not more', () => {
    const there = { delayMs: 30, bytesPerSecond: 2e6, queueBytes: 4 << 20 }
    const { sum, queueMs } = share(there, 1, 40, ledbat)
    expect(sum).toBeGreaterThan(1.9e6)
    expect(queueMs).toBeGreaterThan(60)
    expect(queueMs).toBeLessThan(140)
  })

  const sample = (change: Partial<AckSample>): AckSample => ({
    nowMs: 0,
    ackedBytes: 1000,
    packetBytes: 1000,
    lostBytes: 0,
    lossEvent: false,
    rttMs: 50,
    smoothedRttMs: 50,
    leastRttMs: 50,
    flightBytes: 1e9,
    ackedThrough: 0,
    sentThrough: 0,
    starved: false,
    held: false,
    oneWayDelayUs: 0xfffff000,
    ...change,
  })

  it('doubles each round trip at first, and halves at a loss', () => {
    const control = new Ledbat(1000)
    for (let i = 0; i < 100; i++) control.acknowledged(sample({}))
    expect(control.windowBytes).toBe(104_000)
    control.acknowledged(sample({ lossEvent: true, lostBytes: 1000 }))
    expect(control.windowBytes).toBe(52_000)
    control.timedOut()
    expect(control.windowBytes).toBe(2000)
  })

  it('shrinks while its queue is over the target, across the wrap of timestamps', () => {
    const control = new Ledbat(1000)
    for (let i = 0; i < 100; i++) control.acknowledged(sample({}))
    const late = (0xfffff000 + 2 * LEDBAT_TARGET_US) >>> 0
    // The least of the last four samples counts.
    for (let i = 0; i < 4; i++) control.acknowledged(sample({ oneWayDelayUs: late }))
    const before = control.windowBytes
    for (let i = 0; i < before / 1000; i++) control.acknowledged(sample({ oneWayDelayUs: late }))
    // One round trip at twice the target: 3,000 bytes less (BEP 29).
    expect(before - control.windowBytes).toBeGreaterThan(2900)
    expect(before - control.windowBytes).toBeLessThan(3200)
  })

  it('does not grow a window that is not used', () => {
    const control = new Ledbat(1000)
    for (let i = 0; i < 100; i++) control.acknowledged(sample({ flightBytes: 0, starved: true }))
    expect(control.windowBytes).toBe(4000)
  })
})
