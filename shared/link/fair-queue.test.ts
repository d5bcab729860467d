import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { CONTROL_BURST_BYTES, CONTROL_SHARE, PACKET_OVERHEAD_BYTES, QUANTUM_BYTES } from './constants.ts'
import { FairQueue, type FairQueueLimits } from './fair-queue.ts'

const WIDE: FairQueueLimits = {
  bytes: 10_000_000,
  flowBytes: 10_000_000,
  controlBytes: 10_000_000,
  flows: 100,
}

interface Numbered {
  readonly length: number
  readonly flow: number
  readonly order: number
}

function numberedQueue(limits: FairQueueLimits, codel: 'on' | 'off' = 'off') {
  const clock = new VirtualClock()
  const counters = new Counters()
  const queue = new FairQueue<Numbered>({ clock, counters, limits, ...(codel === 'off' && { codel }) })
  let order = 0
  const push = (flow: number, length = 1_400, count = 1) => {
    for (let i = 0; i < count; i++) queue.push({ length, flow, order: order++ }, flow)
  }
  const popAll = () => {
    const all: Numbered[] = []
    for (let packet = queue.pop(); packet; packet = queue.pop()) all.push(packet)
    return all
  }
  return { clock, counters, queue, push, popAll }
}

type Step =
  | { do: 'push'; flow: number; length: number }
  | { do: 'pop'; room: number }
  | { do: 'wait'; ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      flow: fc.nat(8),
      length: fc.integer({ min: 1, max: 2_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pop' as const), room: fc.constantFrom(50, 1_400, 99_999) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(900) }) },
)

describe('fair queue: bounds (L-08, O-06)', () => {
  it('keeps its bounds, its order and its books whatever is done to it', () => {
    const limits: FairQueueLimits = { bytes: 12_000, flowBytes: 7_000, controlBytes: 3_000, flows: 4 }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { clock, queue, push, counters } = numberedQueue(limits, 'on')
        let pushed = 0
        let bytes = 0
        const popped: Numbered[] = []
        const queuedPerFlow = new Map<number, number>()
        for (const each of steps) {
          if (each.do === 'wait') clock.advance(each.ms)
          if (each.do === 'push') {
            push(each.flow, each.length)
            pushed++
          }
          if (each.do === 'pop') {
            const packet = queue.pop(each.room)
            if (packet) {
              expect(packet.length).toBeLessThanOrEqual(each.room)
              popped.push(packet)
            }
          }
          expect(queue.bytes + queue.packets * PACKET_OVERHEAD_BYTES).toBeLessThanOrEqual(limits.bytes)
          expect(queue.packets + queue.dropped + popped.length).toBe(pushed)
          bytes = queue.bytes
        }
        expect(counters.get('queue-dropped-full') + counters.get('queue-dropped-late')).toBe(queue.dropped)
        // What is left comes out, each flow at most its bound; then the queue is as new.
        let left = 0
        for (let packet = queue.pop(); packet; packet = queue.pop()) {
          popped.push(packet)
          left += packet.length
          queuedPerFlow.set(packet.flow, (queuedPerFlow.get(packet.flow) ?? 0) + packet.length)
        }
        expect(left).toBeLessThanOrEqual(bytes)
        for (const [flow, sum] of queuedPerFlow) {
          expect(sum).toBeLessThanOrEqual(flow === 0 ? limits.controlBytes : limits.flowBytes)
        }
        expect([queue.packets, queue.bytes]).toEqual([0, 0])
        expect(popped.length + queue.dropped).toBe(pushed)
        for (let flow = 0; flow <= 8; flow++) {
          const orders = popped.filter((packet) => packet.flow === flow).map((packet) => packet.order)
          expect(orders).toEqual([...orders].sort((a, b) => a - b))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('drops the oldest of the longest flow when full, never the small one', () => {
    const { queue, push, popAll, counters } = numberedQueue({
      ...WIDE,
      bytes: 20 * (1_400 + PACKET_OVERHEAD_BYTES),
    })
    push(1, 1_400, 5)
    push(2, 1_400, 40)
    const all = popAll()
    expect(all.filter((packet) => packet.flow === 1).map((packet) => packet.order)).toEqual([0, 1, 2, 3, 4])
    expect(all.filter((packet) => packet.flow === 2).map((packet) => packet.order)).toEqual(
      Array.from({ length: 15 }, (_, i) => 30 + i),
    )
    expect(counters.get('queue-dropped-full')).toBe(25)
    expect(queue.dropped).toBe(25)
  })

  it('counts many tiny packets as the memory that they take', () => {
    const { queue, push } = numberedQueue({ ...WIDE, bytes: 100 * PACKET_OVERHEAD_BYTES })
    push(1, 1, 5_000)
    expect(queue.packets).toBe(99)
  })

  it('refuses a packet that no bound would let in, and keeps the others', () => {
    const { queue, push } = numberedQueue({ ...WIDE, flowBytes: 4_000 })
    push(1, 1_000, 2)
    push(1, 5_000)
    expect([queue.packets, queue.dropped]).toEqual([2, 1])
  })

  it('lets flows beyond its number share one place', () => {
    const { push, popAll, counters } = numberedQueue({ ...WIDE, flows: 3 })
    for (let flow = 1; flow <= 50; flow++) push(flow, 100, 2)
    expect(popAll()).toHaveLength(100)
    expect(counters.get('queue-flows-shared')).toBe(94)
    // Once all have gone, there is place again.
    push(77, 100)
    expect(counters.get('queue-flows-shared')).toBe(94)
  })

  it('tells how much of one flow waits', () => {
    const { queue, push } = numberedQueue(WIDE)
    push(1, 1_000, 3)
    push(2, 500)
    queue.pop()
    expect([1, 2, 3].map((key) => queue.bytesOf(key))).toEqual([2_000, 500, 0])
  })

  it('forgets everything when cleared, and works on', () => {
    const { queue, push, popAll } = numberedQueue(WIDE)
    for (const flow of [0, 1, 2]) push(flow, 500, 10)
    queue.clear()
    expect([queue.packets, queue.bytes, queue.pop()]).toEqual([0, 0, undefined])
    push(5, 10)
    expect(popAll()).toHaveLength(1)
  })
})

describe('fair queue: turns (L-08)', () => {
  it('serves flows that have enough to say equally, within a quantum and a packet', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 40, max: 3_000 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        (lengths, pops) => {
          const { queue, push } = numberedQueue(WIDE)
          lengths.forEach((length, i) => {
            push(i + 1, length, Math.ceil(600_000 / length))
          })
          const served = new Map(lengths.map((_, i) => [i + 1, 0]))
          for (let i = 0; i < pops; i++) {
            const packet = queue.pop()
            if (packet) served.set(packet.flow, served.get(packet.flow)! + packet.length)
          }
          const amounts = [...served.values()]
          const longest = Math.max(...lengths)
          expect(Math.max(...amounts) - Math.min(...amounts)).toBeLessThanOrEqual(QUANTUM_BYTES + longest)
        },
      ),
    )
  })

  it('lets a flow that just began go before those that have stood long', () => {
    const { queue, push } = numberedQueue(WIDE)
    push(1, 1_400, 50)
    push(2, 1_400, 50)
    for (let i = 0; i < 10; i++) queue.pop()
    push(3, 60)
    expect(queue.pop()?.flow).toBe(3)
  })

  it('lets control go first', () => {
    const { queue, push } = numberedQueue(WIDE)
    push(1, 1_400, 3)
    push(0, 100, 2)
    expect([queue.pop()?.flow, queue.pop()?.flow, queue.pop()?.flow]).toEqual([0, 0, 1])
  })

  it('does not let control starve circuits', () => {
    const { queue, push } = numberedQueue(WIDE)
    push(0, 1_000, 1_000)
    push(1, 1_000, 1_000)
    let control = 0
    let data = 0
    for (let i = 0; i < 1_000; i++) {
      if (queue.pop()?.flow === 0) control += 1_000
      else data += 1_000
    }
    expect(data).toBeGreaterThan(700_000)
    expect(control).toBeLessThanOrEqual(data * CONTROL_SHARE + CONTROL_BURST_BYTES + 2_000)
  })

  it('gives control all that nobody else wants', () => {
    const { push, popAll } = numberedQueue(WIDE)
    push(0, 1_000, 500)
    expect(popAll()).toHaveLength(500)
  })

  it('leaves what does not fit for the next time', () => {
    const { queue, push } = numberedQueue(WIDE)
    push(1, 900)
    expect(queue.pop(899)).toBeUndefined()
    expect(queue.packets).toBe(1)
    expect(queue.pop(900)?.length).toBe(900)
  })
})

describe('fair queue: standing delay (N-14)', () => {
  /** Serves one packet a millisecond for 5 s, with `inFlight` always queued; gives the packets dropped. */
  function dropsOfStandingQueue(inFlight: number, codel: 'on' | 'off' = 'on'): number {
    const { clock, queue, push } = numberedQueue(WIDE, codel)
    push(1, 1_400, inFlight)
    for (let ms = 0; ms < 5_000; ms++) {
      clock.advance(1)
      queue.pop()
      push(1, 1_400, Math.max(0, inFlight - queue.packets))
    }
    return queue.dropped
  }

  it('does not hurt a sender that keeps one bandwidth-delay product of 150 ms queued', () => {
    expect(dropsOfStandingQueue(150)).toBe(0)
  })

  it('drops from a queue that stands for longer, gently at first', () => {
    const drops = dropsOfStandingQueue(400)
    expect(drops).toBeGreaterThan(5)
    expect(drops).toBeLessThan(200)
  })

  it('does not take a single packet for a queue, however large it is and however long it waits', () => {
    const { clock, queue, push } = numberedQueue(WIDE, 'on')
    for (let i = 0; i < 10; i++) {
      push(1, 16_368)
      clock.advance(1_000)
      expect(queue.pop()?.length).toBe(16_368)
    }
    expect(queue.dropped).toBe(0)
  })

  it('can be switched off', () => {
    expect(dropsOfStandingQueue(400, 'off')).toBe(0)
  })

  it('leaves the other flows alone', () => {
    const { clock, queue, push } = numberedQueue(WIDE, 'on')
    push(1, 1_400, 1_500)
    let served = 0
    for (let ms = 0; ms < 1_000; ms++) {
      clock.advance(1)
      if (ms % 10 === 0) push(2, 200)
      if (queue.pop()?.flow === 2) served++
    }
    expect(queue.dropped).toBeGreaterThan(0)
    expect(served).toBe(100)
  })
})
