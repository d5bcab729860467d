import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import type { VirtualClock } from '../sim/virtual-clock.ts'
import type { WireConditions } from '../sim/wire.ts'
import { uint16 } from '../world/random.ts'
import { type TestApp, TestCircuit, type TestTcp } from './circuit.fixture.ts'

const KIB = 1 << 10
const GOOD = { delayMs: 20, bytesPerSecond: 8_000_000, queueBytes: 200_000 }
const WIRES: readonly WireConditions[] = [
  GOOD,
  { delayMs: 10, jitterMs: 10, loss: 0.02, bytesPerSecond: 4_000_000, queueBytes: 100_000 },
  { loss: 1 },
]

/** A number below `most`, by chance. */
type Below = (most: number) => number

/** A TCP connection that does as it likes: says things, takes what was written late or never, and ends in all ways. */
function wildTcp(clock: VirtualClock, below: Below, tcp: TestTcp): void {
  let [connected, ended, halfClosed, over, untaken] = [false, false, false, false, 0]
  const close = (reason: 'connection-reset' | undefined) => {
    if (over) return
    over = true
    clock.after(0, () => tcp.events.closed(reason))
  }
  tcp.write = (chunk) => {
    if (over) return true
    untaken += chunk.length
    tcp.events.untaken?.(untaken)
    clock.after(below(300), () => {
      untaken -= chunk.length
      if (over) return
      tcp.events.untaken?.(untaken)
      if (tcp.full && untaken < 32 * KIB) {
        tcp.full = false
        tcp.events.drained()
      }
    })
    tcp.full ||= untaken >= 64 * KIB
    return !tcp.full
  }
  tcp.end = () => {
    halfClosed = true
    if (ended) close(undefined)
  }
  tcp.destroy = () => close(undefined)
  const act = () => {
    if (over) return
    const what = below(100)
    if (!connected) {
      if (what < 10) return close('connection-reset')
      connected = true
      tcp.events.opened()
    } else if (what < 2) {
      return close('connection-reset')
    } else if (what < 4 && !ended && !tcp.paused) {
      ended = true
      tcp.events.ended()
      if (halfClosed) return close(undefined)
    } else if (!ended && !tcp.paused) {
      tcp.events.data(new Uint8Array(1 + below(65_536)))
    }
    clock.after(below(200), act)
  }
  clock.after(below(100), act)
}

/** An application that does as it likes. */
function wildApp(clock: VirtualClock, below: Below, app: TestApp): void {
  let ended = false
  const act = () => {
    if (app.log.some((line) => line.startsWith('closed'))) return
    const what = below(100)
    if (what < 2) app.stream.destroy()
    else if (what < 5) {
      ended = true
      app.stream.end()
    } else if (what < 20) app.stream.pause()
    else if (what < 50) app.stream.resume()
    else if (!ended) app.stream.write(new Uint8Array(below(32_768)))
    clock.after(below(300), act)
  }
  clock.after(below(100), act)
}

describe('the memory of streams, when all are over (O-06, C-07)', () => {
  it.each([
    { seed: 1, how: 'by themselves' },
    { seed: 2, how: 'with their circuits' },
    { seed: 3, how: 'by themselves' },
    { seed: 4, how: 'with their circuits' },
  ])('is all free again, however they ended, the last ones $how (seed $seed)', ({ seed, how }) => {
    const random = new SeededRandom(seed)
    const below = (most: number) => uint16(random) % most
    const wire = (): WireConditions => WIRES[below(WIRES.length)] ?? {}
    const first: TestCircuit = new TestCircuit({
      limits: { memoryBytes: 2_000 * KIB, receiveBufferBytes: 256 * KIB, maxFlightBytes: 512 * KIB },
      onTcp: (tcp) => wildTcp(first.clock, below, tcp),
    })
    const { clock, server, counters } = first
    const circuits = [first]
    let [least, most] = [0, 0]
    for (let turn = 1; turn <= 400; turn++) {
      clock.advance(25)
      least = Math.min(least, server.memoryBytes)
      most = Math.max(most, server.memoryBytes)
      const alive = circuits.filter(({ exit }) => exit.alive)
      if (alive.length < 5) circuits.push(new TestCircuit({ beside: first, source: below(3) }))
      const circuit = alive[below(alive.length)] ?? first
      const what = below(100)
      if (what < 2) {
        circuit.exit.alive = false
        server.ended(circuit.exit)
        if (below(2) === 0) circuit.client.circuitClosed()
      } else if (what < 8) {
        circuit.there.conditions = wire()
        circuit.back.conditions = wire()
      } else if (what < 60) wildApp(clock, below, circuit.open(addressOf('192.0.2.1', turn)))
    }
    expect(least).toBe(0)
    expect(most).toBeGreaterThan(1_000 * KIB)
    expect(counters.get('stream-memory-waits')).toBeGreaterThan(10)
    expect(server.streams).toBeGreaterThan(0)
    if (how === 'by themselves') {
      for (const { there, back } of circuits) there.conditions = back.conditions = GOOD
      clock.advance(300_000)
    } else {
      server.close()
      clock.advance(1)
    }
    expect([server.memoryBytes, server.streams]).toEqual([0, 0])
  })
})
