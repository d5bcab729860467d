import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { NEIGHBOUR_SETTINGS } from './keeper-limits.ts'
import { Neighbourhood } from './neighbour.fixture.ts'

/** A clock whose timers can all be late, as where the process has no turn. */
class StallingClock extends VirtualClock {
  private untilMs = 0

  stall(ms: number): void {
    this.untilMs = this.now() + ms
  }

  override after(delayMs: number, run: () => void) {
    const late = () => {
      if (this.now() < this.untilMs) inner = super.after(this.untilMs - this.now(), run)
      else run()
    }
    let inner = super.after(delayMs, late)
    return { cancel: () => inner.cancel() }
  }
}

/** A clock whose timers are all a little late, as those of any machine. */
class LateClock extends VirtualClock {
  override after(delayMs: number, run: () => void) {
    return super.after(delayMs === 0 ? 0 : delayMs + 0.7, run)
  }
}

function numbered(number: number): Uint8Array {
  return Uint8Array.of(9, number >>> 16, number >>> 8, number)
}

function numbersOf(packets: readonly Uint8Array[]): number[] {
  return packets.map(([, a = 0, b = 0, c = 0]) => (a << 16) | (b << 8) | c)
}

describe('failover of a neighbour (L-07)', () => {
  /** Two wires, of which flow 5 keeps to one; packets go both ways meanwhile. */
  function underTraffic(answers: boolean, delayMs = 20, clock = new VirtualClock()) {
    const hood = new Neighbourhood(clock)
    const pairs = [
      hood.join({ conditions: { delayMs } }),
      hood.join({ kind: 'websocket', conditions: { delayMs: delayMs + 5 } }),
    ]
    clock.advance(2_000)
    let sent = 0
    const sentMs: number[] = []
    const step = () => {
      sentMs.push(clock.now())
      hood.left.neighbour.send(numbered(sent++), 5)
      if (answers) hood.right.neighbour.send(numbered(0), 5)
      clock.advance(10)
    }
    for (let i = 0; i < 100; i++) step()
    const used = hood.left.neighbour.health().wires.findIndex(({ messagesOut }) => messagesOut > 90)
    const pair = pairs[used]
    if (!pair) throw new Error('no wire has carried the flow')
    return { clock, hood, step, sentMs, pair, numbers: () => numbersOf(hood.right.received) }
  }

  const cases = [true, false].flatMap((answers) => [2, 20, 75, 170].map((delayMs) => ({ answers, delayMs })))
  for (const { answers, delayMs } of cases) {
    const traffic = `packets ${answers ? 'two ways' : 'one way'} on a path of ${delayMs} ms`
    it(`takes a second at most when a wire swallows all, with ${traffic}`, () => {
      const { clock, hood, step, sentMs, pair, numbers } = underTraffic(answers, delayMs)
      const swallowedMs = clock.now()
      pair.swallow()
      for (let i = 0; i < 300; i++) step()
      clock.advance(200)
      const arrived = new Set(numbers())
      expect(arrived.size).toBe(numbers().length)
      const lostMs = sentMs.filter((_, number) => !arrived.has(number))
      expect(lostMs.length).toBeGreaterThan(0)
      expect(Math.max(...lostMs) - swallowedMs).toBeLessThan(1_000)
      expect(hood.left.neighbour.health().wires.map(({ status }) => status)).toContain('silent')
      expect(hood.left.neighbour.status).toBe('open')
    })
  }

  it('does not depend on timers that are on time', () => {
    const { clock, hood, step, sentMs, pair } = underTraffic(false, 20, new LateClock())
    const swallowedMs = clock.now()
    pair.swallow()
    for (let i = 0; i < 200; i++) step()
    clock.advance(200)
    const arrived = new Set(numbersOf(hood.right.received))
    const lostMs = sentMs.filter((_, number) => !arrived.has(number))
    expect(Math.max(...lostMs) - swallowedMs).toBeLessThan(1_000)
  })

  it('does not happen to a wire that is only slow to be asked', () => {
    const { clock, hood, step } = underTraffic(false)
    for (let i = 0; i < 1_000; i++) step()
    clock.advance(100)
    expect(hood.right.received).toHaveLength(1_100)
    expect(hood.left.neighbour.health().wires.map(({ status }) => status)).toEqual(['open', 'open'])
  })

  it('does not happen because this side stood still for a while, busy or asleep', () => {
    const clock = new StallingClock()
    const hood = new Neighbourhood(clock)
    hood.join()
    hood.join({ kind: 'websocket' })
    clock.advance(2_000)
    for (let i = 0; i < 20; i++) {
      hood.left.neighbour.send(numbered(i), i)
      clock.advance(255)
      // What is due meanwhile comes late, timers before packets.
      clock.stall(60_000)
      clock.advance(60_300)
    }
    expect(hood.left.neighbour.health().wires.map(({ status }) => status)).toEqual(['open', 'open'])
    expect(hood.right.received).toHaveLength(20)
    expect(hood.left.changes).toBe(2)
  })

  it('is over for a wire that answers again; one that does not is closed', () => {
    const { clock, hood, step, pair } = underTraffic(true)
    pair.swallow()
    for (let i = 0; i < 200; i++) step()
    expect(hood.left.neighbour.wires).toHaveLength(2)
    pair.heal()
    clock.advance(2_000)
    expect(hood.left.neighbour.health().wires.map(({ status }) => status)).toEqual(['open', 'open'])
    pair.swallow()
    clock.advance(NEIGHBOUR_SETTINGS.heartbeatMs + NEIGHBOUR_SETTINGS.lostMs + 5_000)
    expect(hood.left.neighbour.wires).toHaveLength(1)
    expect(hood.left.neighbour.wires[0]).not.toBe(pair.left)
    expect(hood.left.closed).toEqual([])
  })

  it.each([
    ['udp', 'silent'],
    ['tcp', 'open'],
  ] as const)(
    'takes bare packets for signs of life, but over UDP, where anybody sends them: %s',
    (kind, status) => {
      const clock = new VirtualClock()
      const hood = new Neighbourhood(clock)
      const pair = hood.join({ kind })
      clock.advance(2_000)
      pair.swallow()
      const forged = numbered(7)
      for (let i = 0; i < 30; i++) {
        hood.right.neighbour.send(numbered(i), 5)
        pair.inject(Uint8Array.of(0, forged.length, ...forged))
        clock.advance(100)
      }
      expect(hood.right.received).toHaveLength(30)
      expect(hood.right.neighbour.status).toBe(status)
    },
  )

  it('asks once more over UDP where packets come that may be the neighbour’s, and the answers are lost', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join({ kind: 'udp' })
    clock.advance(2_000)
    pair.swallow()
    const sinceMs = clock.now()
    while (hood.right.neighbour.status === 'open' && clock.now() - sinceMs < 5_000) {
      hood.right.neighbour.send(numbered(1), 5)
      pair.inject(Uint8Array.of(0, 4, ...numbered(7)))
      clock.advance(10)
    }
    const noisyMs = clock.now() - sinceMs
    expect(noisyMs).toBeGreaterThan(3 * NEIGHBOUR_SETTINGS.silenceMs)
    expect(noisyMs).toBeLessThan(1_300)
  })

  it('goes on with a silent wire where there is no other', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    const pair = hood.join()
    clock.advance(1_000)
    pair.swallow()
    hood.left.neighbour.send(numbered(1), 5)
    clock.advance(3_000)
    expect(hood.left.neighbour.status).toBe('silent')
    pair.heal()
    hood.left.neighbour.send(numbered(2), 5)
    clock.advance(1_000)
    expect(numbersOf(hood.right.received)).toEqual([2])
    expect(hood.left.neighbour.status).toBe('open')
  })

  it('notices an idle neighbour that is gone by its heartbeat', () => {
    const clock = new VirtualClock()
    const hood = new Neighbourhood(clock)
    hood.left.inUse = false
    hood.right.inUse = false
    const pair = hood.join()
    clock.advance(10 * NEIGHBOUR_SETTINGS.heartbeatMs)
    const { messagesOut } = hood.left.neighbour.health()
    expect(messagesOut).toBeGreaterThan(8)
    expect(messagesOut).toBeLessThan(25)
    pair.swallow()
    const { heartbeatMs, lostMs, resumeMs } = NEIGHBOUR_SETTINGS
    clock.advance(heartbeatMs + lostMs + resumeMs + 10_000)
    expect(hood.left.closed).toEqual(['lost'])
    expect(hood.right.closed).toEqual(['lost'])
  })
})
