import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Wire } from '../sim/wire.ts'
import { Counters } from '../world/counters.ts'
import { CircuitControl } from './circuit-control.ts'
import { UtpConnection } from './connection.ts'
import { UTP_DEFAULTS } from './constants.ts'
import { UtpHeader } from './header.ts'
import type { Holding } from './holding.ts'
import { ReceiveWindow } from './receive-window.ts'

/** A part of a memory in which there is so much room whatever is taken, and what a connection says of itself. */
class TestHolding implements Holding {
  roomBytes = 1 << 30
  bytes = 0
  waits: number[] = []
  take(bytes: number): void {
    this.bytes = bytes
  }
  wait(bytes: number): void {
    this.waits.push(bytes)
  }
}

/** Two connections; the left one, which connects, shares a memory. */
function pair() {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const holding = new TestHolding()
  const log: string[] = []
  let received = 0
  const header = new UtpHeader()
  const wires: Wire[] = []
  const make = (side: number, more: { holding?: Holding }, events: { data(chunk: Uint8Array): void }) =>
    new UtpConnection({
      clock,
      random,
      counters: new Counters(),
      settings: UTP_DEFAULTS,
      congestion: new CircuitControl(UTP_DEFAULTS.maxPacketBytes),
      events: {
        opened: () => {},
        drained: () => void (side === 0 && log.push('drained')),
        ended: () => void (side === 0 && log.push('ended')),
        closed: (reason) => void (side === 0 && log.push(`closed ${reason}`)),
        ...events,
      },
      send: (packet) => wires[side]?.send(packet),
      released: () => {},
      ...more,
    })
  const left = make(0, { holding }, { data: () => {} })
  const right = make(
    1,
    {},
    {
      data: (chunk) => {
        received += chunk.length
      },
    },
  )
  for (const to of [right, left]) {
    wires.push(
      new Wire(clock, random, { delayMs: 20 }, (packet) => {
        header.read(packet)
        if (to.state === 'idle') to.accept(header)
        else to.receive(packet, header)
      }),
    )
  }
  left.connect(7)
  clock.advance(50)
  return { clock, left, right, holding, log, wires, received: () => received }
}

describe('a connection that shares its memory with others (O-06)', () => {
  it('tells what it takes up, and lets go of it when both sides have ended', () => {
    const { clock, left, right, holding, log } = pair()
    left.write(new Uint8Array(200_000))
    expect(holding.bytes).toBeGreaterThan(262_144)
    right.write(new Uint8Array(200_000))
    left.pause()
    clock.advance(500)
    // What came and was not taken, and the ring for what went.
    expect(holding.bytes).toBeGreaterThan(262_144 + 200_000)
    left.resume()
    expect(holding.bytes).toBeLessThan(262_144 + 10_000)
    clock.advance(11_000)
    expect(holding.bytes).toBeLessThan(10_000)
    left.write(new Uint8Array(100_000))
    left.end()
    right.end()
    clock.advance(500)
    expect([left.state, log, holding.bytes]).toEqual(['lingering', ['ended', 'closed undefined'], 0])
    clock.advance(20_000)
    expect([left.state, holding.bytes]).toEqual(['gone', 0])
  })

  it('lets go of everything when it is ended at once', () => {
    const { left, holding } = pair()
    left.write(new Uint8Array(200_000))
    left.destroy()
    expect(holding.bytes).toBe(0)
  })

  it('asks its writer to wait when it would grow and may not, and never one of whom it holds nothing', () => {
    const { clock, left, holding, log, received } = pair()
    holding.roomBytes = 0
    expect(left.write(new Uint8Array(10_000))).toBe(false)
    expect(holding.waits).toEqual([131_072 - 16_384])
    expect(log).toEqual([])
    clock.advance(100)
    expect([received(), log]).toEqual([10_000, ['drained']])
    // In its ring there is room for as much as is read at once.
    holding.roomBytes = 200_000
    expect(left.write(new Uint8Array(1_000))).toBe(true)
    const taken = holding.bytes
    holding.roomBytes = 0
    left.write(new Uint8Array(65_536))
    expect(holding.bytes).toBe(taken)
  })

  it('goes on when it is told of room, though it hears nothing', () => {
    const { left, holding, log, wires } = pair()
    for (const wire of wires) wire.conditions = { loss: 1 }
    holding.roomBytes = 0
    expect(left.write(new Uint8Array(10_000))).toBe(false)
    left.roomMade()
    expect(log).toEqual([])
    holding.roomBytes = 114_688
    left.roomMade()
    left.roomMade()
    expect(log).toEqual(['drained'])
    // What it may need for that is its own from then on.
    expect(holding.bytes).toBeGreaterThan(131_072)
  })

  it('receives a little however full the memory is, and more only with room', () => {
    let room = 0
    const window = new ReceiveWindow(1 << 20, () => room)
    const packet = new Uint8Array(1_000)
    expect(window.roomBytes).toBe(16_384)
    let index = 1
    while (window.put(index, packet, true) === 'new') index++
    expect(index).toBe(14)
    expect(window.roomBytes).toBeLessThan(1_000)
    // What everything waits for is taken, and what follows can be given.
    expect(window.put(0, packet, true)).toBe('new')
    while (window.take());
    expect(window.roomBytes).toBe(16_384)
    // One packet far ahead would cost 128 KiB.
    expect(window.put(16_000, Uint8Array.of(1), true)).toBe('refused')
    room = 200_000
    expect(window.put(16_000, Uint8Array.of(1), true)).toBe('new')
    expect(window.takenBytes).toBe(131_072 + 256 + 1)
    expect(window.roomBytes).toBe(200_000)
  })

  it('counts what tiny packets and parts cost besides their bytes', () => {
    const window = new ReceiveWindow(1 << 20)
    for (let i = 1; i <= 100; i++) window.put(i, Uint8Array.of(1), true)
    window.putPart(101, 0, 10, Uint8Array.of(1), true)
    window.putPart(101, 1, 10, Uint8Array.of(1), true)
    expect(window.takenBytes).toBe(102 * 257 + 128 * 8)
  })
})
