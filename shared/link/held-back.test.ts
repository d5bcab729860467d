import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { HeldBack } from './held-back.ts'

function held(holdBytes = 4_096) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const delivered: Uint8Array[] = []
  const deliver = (packet: Uint8Array) => void delivered.push(packet)
  return {
    clock,
    counters,
    delivered,
    back: new HeldBack({ clock, counters, holdMs: 2_000, holdBytes, deliver }),
  }
}

describe('what waits for an older wire (L-03, L-08)', () => {
  it('keeps no more memory than it counts: not the whole message that a small packet came in', () => {
    const { back, delivered } = held()
    back.await(1)
    const message = new Uint8Array(65_536).fill(7)
    back.push(message.subarray(2, 32))
    back.retired(1)
    expect(delivered).toEqual([new Uint8Array(30).fill(7)])
    expect(delivered[0]?.buffer.byteLength).toBe(30)
  })

  it('gives up order where it would hold too much, and after its time, but no packet', () => {
    const { back, clock, counters, delivered } = held(1_000)
    back.await(1)
    for (let i = 0; i < 4; i++) back.push(Uint8Array.of(i))
    expect(delivered.map(([first]) => first)).toEqual([0, 1, 2, 3])
    back.await(2)
    back.push(Uint8Array.of(4))
    clock.advance(2_000)
    expect(delivered.length).toBe(5)
    expect(counters.get('neighbour-order-given-up')).toBe(2)
    expect(clock.idle).toBe(true)
  })
})
