import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { afterPacket, answerControl, retiringPacket } from './control.ts'
import { NEIGHBOUR_SETTINGS } from './keeper-limits.ts'
import { Neighbourhood, type WirePair } from './neighbour.fixture.ts'
import type { WireKind } from './wire.ts'

const KINDS: readonly WireKind[] = ['tcp', 'websocket', 'webrtc']

/** A packet of `size` bytes that carries its flow and its number in it. */
function marked(flow: number, number: number, size: number): Uint8Array {
  const packet = new Uint8Array(Math.max(4, size))
  packet.set([9, flow, number >>> 8, number])
  return packet
}

/** What was sent in one direction, by flow, and whether all of it came once and in order. */
class Ledger {
  private readonly next = new Map<number, number>()

  send(flow: number, size: number): Uint8Array {
    const number = this.next.get(flow) ?? 0
    this.next.set(flow, number + 1)
    return marked(flow, number, size)
  }

  check(received: readonly Uint8Array[]): void {
    const seen = new Map<number, number[]>()
    for (const [, flow = 0, high = 0, low = 0] of received) {
      const numbers = seen.get(flow) ?? []
      numbers.push((high << 8) | low)
      seen.set(flow, numbers)
    }
    for (const [flow, count] of this.next) {
      expect(seen.get(flow)).toEqual(Array.from({ length: count }, (_, i) => i))
    }
  }
}

const action = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('send' as const),
      fromLeft: fc.boolean(),
      flow: fc.integer({ min: 0, max: 5 }),
      size: fc.constantFrom(4, 200, 1_400, 6_000),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('join' as const),
      kind: fc.constantFrom(...KINDS),
      initiator: fc.constantFrom('left' as const, 'right' as const),
      delayMs: fc.integer({ min: 1, max: 120 }),
      bytesPerSecond: fc.constantFrom(1_000_000, 8_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('retire' as const), fromLeft: fc.boolean() }) },
)

describe('replacing the wires of a neighbour (L-04, L-05)', () => {
  it('loses, doubles and overtakes nothing, whatever comes when', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), action), { minLength: 5, maxLength: 80 }),
        (seed, steps) => {
          const clock = new VirtualClock()
          const hood = new Neighbourhood(clock, seed, { maxWires: 100 })
          hood.join()
          clock.advance(100)
          const fromLeft = new Ledger()
          const fromRight = new Ledger()
          for (const [waitMs, step] of steps) {
            clock.advance(waitMs)
            const side = 'fromLeft' in step && step.fromLeft ? hood.left : hood.right
            if (step.type === 'send') {
              const ledger = step.fromLeft ? fromLeft : fromRight
              for (let i = 0; i < step.count; i++) {
                const size = step.flow === 0 ? 30 : step.size
                side.neighbour.send(ledger.send(step.flow, size), step.flow)
              }
            } else if (step.type === 'join') {
              const { kind, initiator, delayMs, bytesPerSecond } = step
              hood.join({ kind, initiator, conditions: { delayMs, bytesPerSecond } })
            } else {
              const oldest = side.neighbour.wires.at(-1)
              if (oldest) side.neighbour.retire(oldest)
            }
          }
          clock.advance(60_000)
          // What a full queue drops is another matter.
          const counts = hood.left.counters
          fc.pre(counts.get('queue-dropped-full') + counts.get('queue-dropped-late') === 0)
          fromLeft.check(hood.right.received)
          fromRight.check(hood.left.received)
          expect(hood.left.counters.get('neighbour-order-given-up')).toBe(0)
          expect(hood.right.counters.get('neighbour-order-given-up')).toBe(0)
        },
      ),
      { numRuns: 80 },
    )
  })

  it('leaves the new wire, and closes the old one at both ends', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const old = hood.join()
    clock.advance(60_000)
    const fresh = hood.join()
    expect(hood.left.neighbour.ageMs(old.left)).toBe(59_980)
    clock.advance(100)
    expect(hood.left.neighbour.wires).toEqual([fresh.left])
    expect(hood.right.neighbour.wires).toEqual([fresh.right])
    expect(old.left.link.open).toBe(true)
    clock.advance(3_000)
    expect([old.left.link.open, old.right.link.open]).toEqual([false, false])
    expect(hood.left.neighbour.ageMs(old.left)).toBeUndefined()
    expect([hood.left.closed, hood.right.closed]).toEqual([[], []])
  })

  it('waits for what is still in the old wire, and only for so long', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const old = hood.join({ conditions: { delayMs: 20, bytesPerSecond: 100_000 } })
    clock.advance(1_000)
    for (let i = 0; i < 100; i++) hood.left.neighbour.send(marked(5, i, 1_400), 5)
    hood.join()
    clock.advance(100)
    hood.left.neighbour.send(marked(5, 100, 4), 5)
    clock.advance(200)
    const numbers = () => hood.right.received.map(([, , high = 0, low = 0]) => (high << 8) | low)
    expect(numbers()).not.toContain(100)
    clock.advance(3_000)
    expect(numbers()).toEqual(Array.from({ length: 101 }, (_, i) => i))

    // What never comes is not waited for: the old wire swallows what it has, and the word that it is done.
    const next = hood.join()
    clock.advance(2_000)
    expect(old.left.link.open).toBe(false)
    next.swallow()
    hood.left.neighbour.send(marked(5, 101, 4), 5)
    hood.join()
    clock.advance(100)
    hood.left.neighbour.send(marked(5, 102, 4), 5)
    clock.advance(5_000)
    expect(numbers().slice(101)).toEqual([102])
    expect(hood.right.counters.get('neighbour-order-given-up')).toBeLessThanOrEqual(1)
  })

  it('does not give up a wire before there is another', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(1_000)
    hood.left.neighbour.retire(pair.left)
    clock.advance(60_000)
    hood.left.neighbour.send(marked(5, 0, 4), 5)
    clock.advance(100)
    expect(hood.right.received).toHaveLength(1)
    expect(pair.left.link.open).toBe(true)
    hood.join()
    clock.advance(5_000)
    expect(pair.left.link.open).toBe(false)
  })
})

describe('a neighbour that means ill (L-04)', () => {
  it('cannot have more held back than the bounds, in time, bytes and names', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock, 1, { holdBytes: 50_000 })
    const pair = hood.join()
    clock.advance(1_000)
    for (let nonce = 0; nonce < 500; nonce++) pair.left.link.send(afterPacket(nonce), 5)
    for (let i = 0; i < 30; i++) pair.left.link.send(marked(5, i, 1_400), 5)
    clock.advance(100)
    expect(hood.right.received).toHaveLength(0)
    for (let i = 30; i < 60; i++) pair.left.link.send(marked(5, i, 1_400), 5)
    clock.advance(100)
    expect(hood.right.received.map(([, , , low]) => low)).toEqual(Array.from({ length: 60 }, (_, i) => i))
    expect(hood.right.counters.get('neighbour-order-given-up')).toBe(1)

    pair.left.link.send(afterPacket(7), 5)
    pair.left.link.send(marked(5, 60, 4), 5)
    clock.advance(NEIGHBOUR_SETTINGS.holdMs)
    expect(hood.right.received).toHaveLength(60)
    clock.advance(100)
    expect(hood.right.received).toHaveLength(61)
  })

  it('cannot make a wire retire that is the only one, nor keep one that it has given up', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(1_000)
    for (let nonce = 0; nonce < 200; nonce++) pair.left.link.send(retiringPacket(nonce), 0)
    clock.advance(1_000)
    hood.right.neighbour.send(marked(5, 1, 4), 5)
    clock.advance(100)
    expect(hood.left.received).toHaveLength(1)

    // It dials another wire, and never says that it is done with the second.
    const mute = hood.wire({ kind: 'websocket' })
    hood.right.neighbour.add(mute.right)
    mute.left.handTo({ onPacket: (link, packet) => answerControl(link, packet), onClosed: () => {} })
    clock.advance(NEIGHBOUR_SETTINGS.retireMs + 2_000)
    expect(pair.right.link.open).toBe(false)
    expect(hood.right.neighbour.wires).toEqual([mute.right])
  })
})

describe('both sides dial at once (L-05)', () => {
  it('and one wire of the kind stays, the same at both ends: that of the smaller key', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        (apartMs, leftFirst, delayMs, otherDelayMs) => {
          const clock = new VirtualClock()
          const hood = new Neighbourhood(clock, 1)
          const order = leftFirst ? (['left', 'right'] as const) : (['right', 'left'] as const)
          const pairs: WirePair[] = []
          for (const initiator of order) {
            pairs.push(
              hood.join({ initiator, conditions: { delayMs: pairs.length ? delayMs : otherDelayMs } }),
            )
            clock.advance(apartMs)
          }
          clock.advance(20_000)
          const stays = pairs[leftFirst ? 0 : 1] as WirePair
          expect(hood.left.neighbour.wires).toEqual([stays.left])
          expect(hood.right.neighbour.wires).toEqual([stays.right])
          const open = pairs.flatMap(({ left, right }) => [left.link.open, right.link.open])
          expect(open.filter(Boolean)).toHaveLength(2)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('but long after, whoever dials again is believed', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.join({ initiator: 'left' })
    clock.advance(120_000)
    const second = hood.join({ initiator: 'right' })
    clock.advance(20_000)
    expect(hood.left.neighbour.wires).toEqual([second.left])
    expect(hood.right.neighbour.wires).toEqual([second.right])
  })

  it('and a wire that has fallen silent is not kept for a new one of its kind', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const dead = hood.join({ initiator: 'left' })
    clock.advance(1_000)
    dead.swallow()
    hood.left.neighbour.send(marked(1, 1, 4), 5)
    hood.right.neighbour.send(marked(1, 1, 4), 5)
    clock.advance(3_000)
    expect(hood.left.neighbour.status).toBe('silent')
    const fresh = hood.join({ initiator: 'right' })
    clock.advance(1_000)
    expect(hood.left.neighbour.wires).toEqual([fresh.left])
    expect(hood.right.neighbour.wires).toEqual([fresh.right])
    expect(dead.left.link.open).toBe(false)
  })
})
