import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { BULK_BURST_BYTES, BULK_SHARE, MESSAGE_BYTES, QUEUE_LIMITS } from './constants.ts'
import { BULK_FLOW, CONTROL_FLOW, FairQueue } from './fair-queue.ts'
import { packFrames } from './framing.ts'

interface Marked {
  readonly flow: number
  readonly length: number
}

function queueOf() {
  const counters = new Counters()
  const queue = new FairQueue<Marked>({ clock: new VirtualClock(), counters, codel: 'off' })
  const push = (flow: number, count: number, length = 1_000) => {
    for (let i = 0; i < count; i++) queue.push({ flow, length }, flow)
  }
  const pop = (count: number) => Array.from({ length: count }, () => queue.pop()?.flow)
  return { counters, queue, push, pop }
}

describe('classes of traffic (L-08)', () => {
  it('go out as control, circuits, bulk', () => {
    const { push, pop } = queueOf()
    push(BULK_FLOW, 2)
    push(7, 2)
    push(CONTROL_FLOW, 2)
    expect(pop(7)).toEqual([0, 0, 7, 7, BULK_FLOW, BULK_FLOW, undefined])
  })

  it('give bulk all that the others leave', () => {
    const { push, pop } = queueOf()
    push(BULK_FLOW, 5)
    push(7, 1)
    expect(pop(4)).toEqual([7, BULK_FLOW, BULK_FLOW, BULK_FLOW])
    push(7, 1)
    expect(pop(3)).toEqual([7, BULK_FLOW, BULK_FLOW])
  })

  it('give bulk its small share of a link that is never idle, and the circuits all the rest', () => {
    const { queue, push } = queueOf()
    let bulk = 0
    let streams = 0
    push(7, 50)
    push(8, 50)
    push(BULK_FLOW, 50)
    for (let i = 0; i < 20_000; i++) {
      const flow = queue.pop()?.flow ?? 0
      push(flow, 1)
      if (flow === BULK_FLOW) bulk++
      else streams++
    }
    expect(bulk / streams).toBeGreaterThan(BULK_SHARE * 0.9)
    expect(bulk / streams).toBeLessThan(BULK_SHARE * 1.1)
  })

  it('let a flood of control starve neither of the others', () => {
    const { queue, push } = queueOf()
    const carried = new Map<number, number>()
    for (let i = 0; i < 20_000; i++) {
      push(CONTROL_FLOW, 1, 100)
      if (queue.packets < 100 || i % 10 === 0) {
        push(7, 2)
        push(BULK_FLOW, 1)
      }
      const packet = queue.pop()
      if (packet) carried.set(packet.flow, (carried.get(packet.flow) ?? 0) + packet.length)
    }
    expect(carried.get(7)).toBeGreaterThan(1_000_000)
    expect(carried.get(BULK_FLOW)).toBeGreaterThan(30_000)
  })

  it('drop bulk before anything else where the queue is full', () => {
    const { counters, queue, push, pop } = queueOf()
    push(BULK_FLOW, 100)
    for (let flow = 1; queue.bytes < QUEUE_LIMITS.bytes && counters.get('queue-dropped-full') < 100; flow++) {
      push(flow, 1)
    }
    expect(counters.get('queue-dropped-full')).toBe(100)
    expect(pop(queue.packets)).not.toContain(BULK_FLOW)
  })

  it('leave only control where a rate holds back the rest', () => {
    const { queue, push, pop } = queueOf()
    push(7, 1)
    push(BULK_FLOW, 1)
    push(CONTROL_FLOW, 1)
    queue.controlOnly = true
    expect(queue.ready).toBe(true)
    expect(pop(2)).toEqual([CONTROL_FLOW, undefined])
    expect(queue.ready).toBe(false)
    expect(queue.packets).toBe(2)
    queue.controlOnly = false
    expect(pop(3)).toEqual([7, BULK_FLOW, undefined])
  })

  it('never keep a packet for ever that fits a message, whatever its class and size', () => {
    const packet = fc.record({
      flow: fc.constantFrom(CONTROL_FLOW, 1, 2, 3, BULK_FLOW),
      length: fc.integer({ min: 1, max: MESSAGE_BYTES - 2 }),
    })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), (packets) => {
        const queue = new FairQueue({ clock: new VirtualClock(), counters: new Counters(), codel: 'off' })
        for (const { flow, length } of packets) queue.push(new Uint8Array(length), flow)
        for (let i = 0; i <= packets.length; i++) packFrames(queue)
        expect(queue.packets).toBe(0)
        expect(queue.bytes).toBe(0)
      }),
      { numRuns: 50 },
    )
    expect(BULK_BURST_BYTES).toBeGreaterThanOrEqual(MESSAGE_BYTES - 2)
  })
})
