import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { CircuitWatch } from './circuit-watch.ts'
import { draw } from './draw.ts'
import type { Member, PoolCircuit } from './member.ts'
import { NETWORK_BITS, type PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { Reliability } from './reliability.ts'

const relays = Array.from({ length: 10 }, (_, i) => testRelay(`r${i}`, `192.${i}.2.1`))
const [bad, other] = relays as [PathRelay, PathRelay]

function judged() {
  const clock = new VirtualClock()
  const reliability = new Reliability(clock)
  const random = new SeededRandom(5)
  /** How many of 2,000 draws fall on a relay; an even share is 200. */
  const drawn = (relay: PathRelay) => {
    let times = 0
    for (let i = 0; i < 2_000; i++) {
      const chosen = draw(
        {
          factor: (each) => reliability.factor(each),
          resting: (each) => reliability.resting(each),
          measured: (each) => reliability.bytesPerSecond(each),
          avoid: [],
          networkBits: NETWORK_BITS,
          random,
        },
        relays,
      )
      if (chosen === relay) times++
    }
    return times
  }
  return { clock, reliability, drawn }
}

describe('what relays did moves their share of the circuits (C-06, N-12)', () => {
  it('is not drawn at all just after it failed, and a quarter as often as others for a while', () => {
    const { clock, reliability, drawn } = judged()
    for (const relay of relays) for (let i = 0; i < 4; i++) reliability.succeeded(relay)
    for (let i = 0; i < 4; i++) reliability.failed(bad)
    expect(drawn(bad)).toBe(0)
    clock.advance(8 * 60_000)
    expect(drawn(bad)).toBeGreaterThan(0)
    expect(drawn(bad)).toBeLessThan(120)
    expect(drawn(other)).toBeGreaterThan(180)
    clock.advance(3 * 3_600_000)
    expect(drawn(bad)).toBeGreaterThan(160)
  })

  it('rests longer with each failure in a row, and not at all after a success', () => {
    const { clock, reliability } = judged()
    reliability.failed(bad)
    reliability.failed(bad)
    clock.advance(119_000)
    expect(reliability.resting(bad)).toBe(true)
    clock.advance(2_000)
    expect(reliability.resting(bad)).toBe(false)
    reliability.failed(bad)
    reliability.succeeded(bad)
    expect(reliability.resting(bad)).toBe(false)
  })

  it('is drawn less for latency that varies, though the mean is that of others', () => {
    const { reliability, drawn } = judged()
    for (let i = 0; i < 40; i++) {
      for (const relay of relays) reliability.latency(relay, relay === bad ? (i % 2) * 300 : 150)
    }
    expect(reliability.of(bad)?.deviationMs).toBeGreaterThan(100)
    expect(drawn(bad)).toBeLessThan(120)
    expect(drawn(other)).toBeGreaterThan(190)
  })

  it('is drawn less for being slow, and more for being measured fast', () => {
    const { reliability, drawn } = judged()
    for (const relay of relays) reliability.measured(relay, 1_000_000)
    reliability.measured(bad, 0)
    for (let i = 0; i < 5; i++) reliability.measured(bad, 50_000)
    reliability.carried(other, 3_000_000)
    expect(drawn(bad)).toBeLessThan(60)
    expect(drawn(other)).toBeGreaterThan(330)
    expect(drawn(other)).toBeLessThan(440)
  })

  it('forgets rates with time, and takes a lesser load for no lesser rate', () => {
    const { clock, reliability } = judged()
    reliability.carried(bad, 2_000_000)
    reliability.carried(bad, 100_000)
    expect(reliability.bytesPerSecond(bad)).toBe(2_000_000)
    clock.advance(12 * 3_600_000)
    expect(reliability.bytesPerSecond(bad)).toBeCloseTo(500_000, -3)
  })
})

function member(path: PathRelay[], more: Partial<PoolCircuit> = {}, open = true): Member<PoolCircuit> {
  const hops = path.map((_, i) => ({ state: 'proven', latencyMs: 100 * (i + 1) }))
  const circuit = {
    state: 'ready' as const,
    suspect: false,
    hops,
    refusedByPrevious: false,
    latencyMs: 300,
    bytesIn: 0,
    bytesOut: 0,
    start: () => {},
    ping: () => {},
    destroy: () => {},
    ...more,
  }
  return {
    number: 1,
    circuit,
    path,
    link: { open } as never,
    startedMs: 0,
    wornAtMs: 0,
    guards: new Set<string>(),
  }
}

describe('what circuits tell of their relays (C-06, N-12)', () => {
  const path = relays.slice(0, 3)
  const [entry, middle, exit] = path as [PathRelay, PathRelay, PathRelay]

  it('takes a hop to add what its answer took longer than that of the hop before', () => {
    const { clock, reliability } = judged()
    const hops = [20, 300, 310].map((latencyMs) => ({ state: 'proven', latencyMs }))
    new CircuitWatch(reliability, clock).ready(member(path, { hops }))
    expect(path.map((relay) => reliability.of(relay)?.latencyMs)).toEqual([20, 280, 10])
  })

  it('measures rates and latencies of circuits in use', () => {
    const { clock, reliability } = judged()
    const watch = new CircuitWatch(reliability, clock)
    const circuit = { bytesIn: 0, latencyMs: 300 }
    const used = member(path)
    Object.assign(used.circuit, circuit)
    watch.look(used)
    clock.advance(5_000)
    Object.assign(used.circuit, { bytesIn: 4_000_000, latencyMs: 600 })
    watch.look(used)
    for (const relay of path) {
      expect(reliability.bytesPerSecond(relay)).toBe(800_000)
      expect(reliability.of(relay)?.latencyMs).toBe(200)
    }
  })

  it('takes a little from all up to a hop that was refused, and lets none rest for what others say', () => {
    const { clock, reliability } = judged()
    const heard: string[] = []
    const told = new Reliability(clock, ({ name }, ok) => heard.push(`${name} ${ok}`))
    const end = (to: Reliability, refused: PathRelay[], at: number) => {
      const hops = refused.map((_, i) => ({ state: i === at ? 'failed' : 'proven' }))
      new CircuitWatch(to, clock).ended(member(refused, { hops, refusedByPrevious: true }), false)
    }
    end(told, path, 2)
    // Whoever refuses time and again, or says that another does, loses more than any that he speaks of.
    const others = relays.slice(3, 7)
    for (const each of others) end(reliability, [entry, middle, each], 2)
    end(reliability, [entry, relays[8] as PathRelay, exit], 1)
    expect(heard).toEqual([])
    expect([...path, ...others].filter((relay) => reliability.resting(relay))).toEqual([])
    for (const each of others) expect(reliability.of(each)?.successRate).toBe(0.8)
    expect(reliability.of(middle)?.successRate).toBe(0.5)
    expect(reliability.of(entry)?.successRate).toBeLessThan(0.5)
    expect(reliability.of(exit)).toBeUndefined()
  })

  it('blames the hop that failed, else all a little, and the first alone if its link closed', () => {
    const { clock, reliability } = judged()
    const watch = new CircuitWatch(reliability, clock)
    const failed = member(path, { hops: path.map((_, i) => ({ state: i === 1 ? 'failed' : 'proven' })) })
    watch.ended(failed, false)
    expect(path.map((relay) => reliability.resting(relay))).toEqual([false, true, false])
    watch.ended(member(path), true)
    expect(reliability.of(exit)?.successRate).toBe(0.8)
    watch.ended(member(path, {}, false), true)
    expect(reliability.of(entry)?.successRate).toBeCloseTo(2 / 3)
    expect(reliability.of(exit)?.successRate).toBe(0.8)
    watch.suspected(member([exit]))
    expect(reliability.of(exit)?.successRate).toBeLessThan(0.8)
    expect(reliability.resting(middle)).toBe(true)
  })
})
