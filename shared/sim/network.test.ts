import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { SimulatedNetwork } from './network.ts'
import { SeededRandom } from './seeded-random.ts'
import { simulatedLinks } from './simulated-link.ts'
import { VirtualClock } from './virtual-clock.ts'
import { Wire, type WireConditions } from './wire.ts'

function arrivals(conditions: WireConditions, count: number, size = 1000) {
  const clock = new VirtualClock()
  const seen: { at: number; id: number }[] = []
  const wire = new Wire(clock, new SeededRandom(5), conditions, (packet) =>
    seen.push({ at: clock.now(), id: (packet[0]! << 8) | packet[1]! }),
  )
  for (let i = 0; i < count; i++) {
    const packet = new Uint8Array(size)
    packet[0] = i >> 8
    packet[1] = i
    wire.send(packet)
  }
  clock.advance(60_000)
  return { seen, wire }
}

describe('simulated wire (N-14, O-02)', () => {
  it('delays by distance and bandwidth', () => {
    const { seen } = arrivals({ delayMs: 50, bytesPerSecond: 100_000 }, 3)
    expect(seen.map(({ at }) => at)).toEqual([60, 70, 80])
  })

  it('loses, doubles and reorders about as often as it was told', () => {
    const { seen, wire } = arrivals({ loss: 0.2, duplication: 0.1, reordering: 0.3, delayMs: 5 }, 5000)
    expect(wire.lost / 5000).toBeCloseTo(0.2, 1)
    expect(seen.length / (5000 - wire.lost)).toBeCloseTo(1.1, 1)
    const late = seen.filter(({ id }, i) =>
      seen.slice(Math.max(0, i - 1), i).some((before) => before.id > id),
    )
    expect(late.length).toBeGreaterThan(100)
  })

  it('keeps the order of packets that only jitter', () => {
    const { seen } = arrivals({ jitterMs: 100, delayMs: 5 }, 500)
    expect(seen.map(({ id }) => id)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it('loses what does not fit the queue', () => {
    const { seen, wire } = arrivals({ bytesPerSecond: 1_000_000, queueBytes: 9500 }, 100)
    expect(seen.length).toBe(10)
    expect(wire.overflowed).toBe(90)
  })
})

describe('simulated network (O-02)', () => {
  it('carries datagrams between addresses and loses those to nobody', () => {
    const clock = new VirtualClock()
    const a = addressOf('10.0.0.1', 1)
    const b = addressOf('10.0.0.2', 2)
    const network = new SimulatedNetwork(clock, new SeededRandom(), () => ({ delayMs: 10 }))
    const seen: unknown[] = []
    const socket = network.bind(a, (from, packet) => seen.push(['a', from, [...packet]]))
    const other = network.bind(b, (from, packet) => {
      seen.push(['b', from, [...packet]])
      other.send(from, Uint8Array.of(2))
    })
    socket.send(b, Uint8Array.of(1))
    socket.send(addressOf('10.0.0.3', 3), Uint8Array.of(9))
    clock.advance(20)
    expect(seen).toEqual([
      ['b', a, [1]],
      ['a', b, [2]],
    ])
    other.close()
    socket.send(b, Uint8Array.of(1))
    clock.advance(20)
    expect(seen.length).toBe(2)
  })

  it('joins two links, and ends both when one is closed', () => {
    const clock = new VirtualClock()
    const seen: unknown[] = []
    const end = (host: string) => ({
      address: addressOf(host, 1),
      onPacket: (_: unknown, packet: Uint8Array) => void seen.push([host, [...packet]]),
      onClose: (_: unknown, reason: string) => void seen.push([host, reason]),
    })
    const [a, b] = simulatedLinks(clock, new SeededRandom(), {}, end('10.0.0.1'), end('10.0.0.2'), 4)
    a.send(Uint8Array.of(1, 2, 3, 4), 7)
    a.send(new Uint8Array(5), 7)
    b.send(Uint8Array.of(9), 7)
    clock.advance(1)
    expect(seen).toEqual([
      ['10.0.0.2', [1, 2, 3, 4]],
      ['10.0.0.1', [9]],
    ])
    expect(a.refused).toBe(1)
    b.close('shutdown')
    b.close('shutdown')
    a.send(Uint8Array.of(1), 7)
    clock.advance(1)
    expect(seen.slice(2)).toEqual([
      ['10.0.0.2', 'shutdown'],
      ['10.0.0.1', 'lost'],
    ])
  })
})
