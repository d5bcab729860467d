import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { type CircuitOptions, type TestApp, TestCircuit, type TestTcp } from './circuit.fixture.ts'
import { ROOM_LOOK_MS } from './constants.ts'
import { type CircuitMemory, StreamHolding, StreamMemory } from './stream-memory.ts'

const MIB = 1 << 20
const FAST = { delayMs: 20, bytesPerSecond: 10_000_000, queueBytes: 200_000 }

describe('the memory of streams, shared out (O-06)', () => {
  const world = () => ({ clock: new VirtualClock(), counters: new Counters() })

  /** Takes all that it may. @returns what that is, in KiB */
  function fill(circuit: CircuitMemory): number {
    const holding = new StreamHolding(circuit)
    let bytes = 0
    while (holding.roomBytes >= 1024 && bytes < 1000 * MIB) {
      bytes += 1024
      holding.take(bytes)
    }
    return bytes / 1024
  }

  it('is a third for a circuit alone, and always something for the next', () => {
    const { clock, counters } = world()
    const memory = new StreamMemory(clock, counters, 60 * MIB)
    const taken = Array.from({ length: 100 }, (_, i) => fill(memory.circuit(i)))
    expect(taken[0]).toBe(20 * 1024)
    expect(taken[1]).toBeCloseTo(13_653, -2)
    expect(memory.usedBytes).toBeLessThan(60 * MIB)
    // Those who came first hold what they have; who are equally greedy from the start get equally much.
    const fair = new StreamMemory(clock, counters, 60 * MIB)
    const all = Array.from({ length: 100 }, (_, i) => new StreamHolding(fair.circuit(i)))
    const has = new Array<number>(all.length).fill(0)
    for (let grown = true; grown && fair.usedBytes < 1000 * MIB; ) {
      grown = false
      for (const [i, each] of all.entries()) {
        if (each.roomBytes < 4096) continue
        has[i] = (has[i] ?? 0) + 4096
        each.take(has[i] ?? 0)
        grown = true
      }
    }
    expect(Math.max(...has) - Math.min(...has)).toBeLessThanOrEqual(8192)
    expect(Math.min(...has)).toBeGreaterThan((60 * MIB) / 110)
  })

  it('is half for one neighbour, however many circuits come by him', () => {
    const { clock, counters } = world()
    const memory = new StreamMemory(clock, counters, 60 * MIB)
    const circuits = Array.from({ length: 100 }, () => memory.circuit('one'))
    for (const each of circuits) fill(each)
    expect(memory.usedBytes / MIB).toBeCloseTo(30, 0)
    expect(circuits[0]?.roomBytes).toBeLessThan(1024)
    expect(fill(memory.circuit('other'))).toBeCloseTo(10 * 1024, -2)
  })

  it('forgets a neighbour with his last circuit, and nobody before', () => {
    const { clock, counters } = world()
    const memory = new StreamMemory(clock, counters, MIB)
    const [first, second] = [memory.circuit('one'), memory.circuit('one')]
    new StreamHolding(first).take(300_000)
    first.close()
    new StreamHolding(second).take(100_000)
    expect(memory.circuit('one').source.usedBytes).toBe(400_000)
  })

  it('is offered to those who wait, once there is as much as they need, and to no others', () => {
    const { clock, counters } = world()
    const memory = new StreamMemory(clock, counters, 6 * MIB)
    const hog = new StreamHolding(memory.circuit('hog'))
    hog.take(6 * MIB)
    const told: string[] = []
    const waiting = (['much', 'little', 'gone'] as const).map((name) => {
      const holding = new StreamHolding(memory.circuit(name))
      holding.roomMade = () => {
        told.push(name)
        holding.take(holding.wantedBytes)
      }
      holding.wait(name === 'much' ? 2 * MIB : MIB / 2)
      return holding
    })
    waiting[2]?.release()
    clock.advance(1000)
    expect(told).toEqual([])
    hog.take(4 * MIB)
    hog.take(4 * MIB - 1)
    clock.advance(ROOM_LOOK_MS)
    expect(told).toEqual(['little'])
    hog.release()
    clock.advance(ROOM_LOOK_MS)
    expect(told).toEqual(['little', 'much'])
    clock.advance(1000)
    expect([clock.idle, counters.get('stream-memory-waits')]).toEqual([true, 3])
  })
})

describe('streams of an exit without memory (O-06, C-07)', () => {
  /** Gives TCP's side of each stream so many bytes to say, as TCP does: what fits its window, unless it is paused. */
  function feeding(total: number) {
    const fed = new Map<TestTcp, number>()
    const start = (c: TestCircuit, tcp: TestTcp) => {
      const feed = () => {
        const said = fed.get(tcp) ?? 0
        if (said >= total) return
        if (!tcp.paused) {
          const chunk = Math.min(65_536, total - said)
          fed.set(tcp, said + chunk)
          tcp.events.data(new Uint8Array(chunk))
          if (said + chunk === total) {
            tcp.events.ended()
            return
          }
        }
        c.clock.after(1, feed)
      }
      tcp.events.opened()
      feed()
    }
    return { fed, start }
  }

  function circuit(options: CircuitOptions, start: (c: TestCircuit, tcp: TestTcp) => void): TestCircuit {
    const made: TestCircuit = new TestCircuit({
      conditions: FAST,
      onTcp: (tcp) => void made.clock.after(1, () => start(made, tcp)),
      ...options,
    })
    return made
  }

  const openMany = (c: TestCircuit, host: string, count: number): TestApp[] =>
    Array.from({ length: count }, (_, i) => c.open(addressOf(host, 1000 + i)))

  it('hold no more than their share for one who takes nothing, and are refused beyond; others go on', () => {
    const { start } = feeding(2 * MIB)
    const greedy = circuit({ limits: { memoryBytes: 24 * MIB } }, start)
    const honest = new TestCircuit({ conditions: FAST, beside: greedy, source: 'another' })
    const apps = openMany(greedy, '192.0.2.1', 60)
    greedy.clock.advance(60)
    greedy.there.conditions = { loss: 1 }
    const sizes: number[] = []
    for (let i = 0; i < 50; i++) {
      greedy.clock.advance(20)
      sizes.push(greedy.server.memoryBytes)
    }
    // A third for the circuit, and one read of TCP for each stream. Without a bound it was 30 MiB.
    expect(Math.max(...sizes)).toBeGreaterThan(4 * MIB)
    expect(Math.max(...sizes)).toBeLessThan(8 * MIB + 60 * 65_536)

    greedy.there.conditions = FAST
    const more = openMany(greedy, '192.0.2.3', 100)
    const app = honest.open(addressOf('192.0.2.2', 80))
    for (const each of apps) each.stream.pause()
    honest.clock.advance(2_000)
    const refused = more.filter(({ log }) => log[0] === 'closed too-many-streams').length
    expect(refused).toBeGreaterThan(20)
    expect(greedy.counters.get('stream-memory-full')).toBe(refused)
    expect(greedy.server.memoryBytes).toBeLessThan(24 * MIB)
    expect([app.bytes, app.log]).toEqual([2 * MIB, ['opened', 'ended']])

    for (const { exit } of [greedy, honest]) {
      exit.alive = false
      greedy.server.ended(exit)
    }
    for (const tcp of greedy.tcps) tcp.events.closed(undefined)
    greedy.clock.advance(1)
    expect([greedy.server.memoryBytes, greedy.server.streams]).toEqual([0, 0])
  })

  it('are opened also on a circuit that has all its share, and on a new one by the same neighbour', () => {
    const { start } = feeding(20 * MIB)
    const conditions = { ...FAST, bytesPerSecond: 1_000_000 }
    const one = circuit({ conditions, limits: { memoryBytes: 6 * MIB }, source: 'same' }, start)
    const two = new TestCircuit({ conditions, beside: one, source: 'same' })
    openMany(one, '192.0.2.1', 12)
    one.clock.advance(3_000)
    openMany(two, '192.0.2.2', 12)
    two.clock.advance(3_000)
    const three = new TestCircuit({ conditions: FAST, beside: one, source: 'same' })
    const late = [one, two, three].map((each, i) => each.open(addressOf('192.0.2.3', 1 + i)))
    one.clock.advance(3_000)
    expect(late.map(({ log, bytes }) => [log, bytes > 65_536])).toEqual(late.map(() => [['opened'], true]))
    expect(one.counters.get('stream-memory-waits')).toBeGreaterThan(0)
    expect(one.server.memoryBytes).toBeLessThan(5 * MIB)
  })

  it('bring everything to its end when many share little, in both directions', () => {
    const { fed, start } = feeding(300_000)
    const one = circuit({ limits: { memoryBytes: 3 * MIB } }, start)
    const two = new TestCircuit({ conditions: { ...FAST, loss: 0.02 }, beside: one, source: 'another' })
    const apps = [...openMany(one, '192.0.2.1', 12), ...openMany(two, '192.0.2.2', 12)]
    for (const { stream } of apps) {
      stream.write(new Uint8Array(100_000))
      stream.end()
    }
    const over = () =>
      apps.every(({ bytes }) => bytes === 300_000) && one.tcps.every(({ log }) => log.length > 0)
    expect(one.clock.runUntil(over, 60_000)).toBe(true)
    expect(one.counters.get('stream-memory-waits')).toBeGreaterThan(0)
    expect([...fed.values()]).toEqual(apps.map(() => 300_000))
    expect(one.tcps.map(({ written }) => written.length)).toEqual(apps.map(() => 100_000))
    for (const tcp of one.tcps) tcp.events.closed(undefined)
    one.clock.advance(1_000)
    expect([one.server.memoryBytes, one.server.streams]).toEqual([0, 0])
  })

  it('read on as soon as others have made room, also when nothing comes from their own circuit', () => {
    const { start } = feeding(2 * MIB)
    const greedy = circuit({ limits: { memoryBytes: 768 << 10 } }, start)
    const stuck = new TestCircuit({ conditions: FAST, beside: greedy, source: 'another' })
    openMany(greedy, '192.0.2.1', 5)
    const address = addressOf('192.0.2.2', 80)
    stuck.open(address)
    greedy.clock.advance(45)
    for (const { there } of [greedy, stuck]) there.conditions = { loss: 1 }
    greedy.clock.advance(1_000)
    expect(stuck.tcp(address).paused).toBe(true)
    const before = greedy.server.memoryBytes
    greedy.exit.alive = false
    greedy.server.ended(greedy.exit)
    greedy.clock.advance(ROOM_LOOK_MS)
    expect(stuck.tcp(address).paused).toBe(false)
    greedy.clock.advance(100)
    expect(greedy.server.memoryBytes).toBeLessThan(before)
  })

  it('write no more to a TCP connection that takes nothing, and go on when it does', () => {
    const c = circuit({ limits: { memoryBytes: MIB } }, (_, tcp) => tcp.events.opened())
    const app = c.open(addressOf('192.0.2.1', 80))
    c.clock.advance(100)
    const tcp = c.tcp(addressOf('192.0.2.1', 80))
    const write = tcp.write.bind(tcp)
    let taken = 0
    tcp.write = (chunk) => {
      write(chunk)
      tcp.events.untaken?.(tcp.written.length - taken)
      return true
    }
    app.stream.write(new Uint8Array(2 * MIB))
    c.clock.advance(3_000)
    // The circuit's third, all of it in TCP's hands and in what has come for it.
    expect(tcp.written.length).toBeLessThan(MIB / 2)
    expect(c.server.memoryBytes).toBeLessThan(MIB / 2)
    const take = () => {
      taken = tcp.written.length
      tcp.events.untaken?.(0)
      c.clock.after(5, take)
    }
    take()
    c.clock.advance(10_000)
    expect(tcp.written.length).toBe(2 * MIB)
    expect(c.server.memoryBytes).toBeLessThan(10_000)
  })

  it('let go of what they no longer need', () => {
    const { start } = feeding(2 * MIB)
    const c = circuit({ limits: { memoryBytes: 64 * MIB } }, start)
    const app = c.open(addressOf('192.0.2.1', 80))
    c.clock.runUntil(() => app.bytes === 2 * MIB, 10_000)
    expect(c.server.memoryBytes).toBeGreaterThan(MIB / 4)
    c.clock.advance(11_000)
    expect(c.server.memoryBytes).toBeLessThan(64 << 10)
  })
})
