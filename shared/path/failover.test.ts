import { describe, expect, it } from 'vitest'
import { POOL } from './constants.ts'
import { entry, type FakeCircuit, link, mayEnd, pool, second, served } from './pool.fixture.ts'
import type { Entry } from './pool.ts'
import type { PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'

describe('a primary that falls silent (C-04, C-05)', () => {
  const twoGuards = () => [
    { link: link(), relay: entry },
    { link: link(), relay: second },
  ]

  it('gives way to the standby at once, and its streams are told', () => {
    const { it: circuits, made, world } = served()
    made[0]?.fallSilent()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(world.abandoned).toEqual([made[0]])
    expect(mayEnd(made[0])).toBe(false)
    // Another standby is built meanwhile.
    expect(made).toHaveLength(3)
  })

  it('has its streams told as well where its link is known to be silent before it is', () => {
    const { it: circuits, made, world } = served({ entries: twoGuards() })
    const [first, other] = made as [FakeCircuit, FakeCircuit]
    world.silent.push(first.link)
    circuits.nudge()
    expect(circuits.primary?.circuit).toBe(other)
    expect(world.abandoned).toEqual([first])
  })

  it('is replaced at once over another link where what was begun over its own has not come', () => {
    const entries = twoGuards()
    const [own, other] = entries as [Entry, Entry]
    entries.pop()
    const { it: circuits, made, world } = pool({ entries })
    circuits.nudge()
    made[0]?.succeed()
    made[0]?.fallSilent()
    expect(made[1]?.link).toBe(own.link)
    world.silent.push(own.link)
    entries.splice(0, 1, other)
    circuits.nudge()
    expect(made[2]?.link).toBe(other.link)
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
  })

  it('has the streams that it still serves told when it was worn and replaced before', () => {
    const { it: circuits, made, world, clock } = served()
    const [first, other] = made as [FakeCircuit, FakeCircuit]
    first.bytesIn = POOL.maxPrimaryBytes
    clock.advance(POOL.watchMs)
    expect([circuits.primary?.circuit === other, world.abandoned]).toEqual([true, []])
    first.fallSilent()
    expect(world.abandoned).toEqual([first])
  })

  it('may recover and stand by, but is the first to go when there are enough', () => {
    const { it: circuits, made, clock } = served()
    made[0]?.fallSilent()
    made[0]?.recover()
    expect(circuits.primary?.circuit).toBe(made[1])
    made[2]?.succeed()
    clock.advance(POOL.watchMs)
    expect(mayEnd(made[0])).toBe(true)
    expect(made.filter((circuit) => circuit.state === 'ready')).toEqual([made[1], made[2]])
  })

  it('serves on while no other is ready, and gives way to the first that is', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[0]?.fallSilent()
    expect(circuits.primary?.circuit).toBe(made[0])
    clock.advance(POOL.hedgeMs)
    made[1]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
  })

  it('is not replaced by another silent one', () => {
    const { it: circuits, made } = served()
    made[1]?.fallSilent()
    made[0]?.fallSilent()
    expect(circuits.primary?.circuit).toBe(made[0])
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
  })

  it('has its standby behind another guard, so that the death of a guard is one of one circuit', () => {
    const { made } = served({ entries: twoGuards() })
    expect(made[0]?.path[0]).toBe(entry)
    expect(made[1]?.path[0]).toBe(second)
    expect(made[0]?.link).not.toBe(made[1]?.link)
  })

  it('moves the standby to a second guard as soon as there is one', () => {
    const entries = twoGuards()
    const [late] = entries.splice(1) as [Entry]
    const { it: circuits, made, clock } = served({ entries })
    expect(made[1]?.path[0]).toBe(entry)
    entries.push(late)
    circuits.nudge()
    expect(made[2]?.path[0]).toBe(second)
    made[2]?.succeed()
    clock.advance(POOL.watchMs)
    expect(mayEnd(made[1])).toBe(true)
    expect(circuits.primary?.circuit).toBe(made[0])
  })
})

describe('limits on the use of one circuit (C-05)', () => {
  it('replaces a primary within 50 minutes, once another is ready, and lets its streams drain', () => {
    const { it: circuits, made, clock } = served()
    let built = 2
    const minutes = () => clock.now() / 60_000
    while (circuits.primary?.circuit === made[0] && minutes() < 60) {
      clock.advance(1_000)
      for (; built < made.length; built++) made[built]?.succeed()
    }
    expect(minutes()).toBeGreaterThanOrEqual(30)
    expect(minutes()).toBeLessThanOrEqual(51)
    expect(circuits.primary?.circuit.state).toBe('ready')
    expect(made[0]?.state).toBe('ready')
    clock.advance(POOL.drainMs)
    expect(made[0]?.state).toBe('closed')
  })

  it('replaces a primary that has carried much', () => {
    const { it: circuits, made, clock } = served()
    const first = made[0] as FakeCircuit
    first.bytesIn = POOL.maxPrimaryBytes
    clock.advance(POOL.watchMs)
    expect(circuits.primary?.circuit).toBe(made[1])
    clock.advance(POOL.drainMs)
    expect(first.state).toBe('closed')
  })

  it('keeps a worn primary until another is ready', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    for (let built = 1; clock.now() < 60 * 60_000; ) {
      clock.advance(1_000)
      for (; built < made.length; built++) made[built]?.fail(1)
    }
    expect(circuits.primary?.circuit).toBe(made[0])
    clock.advance(10_000)
    const next = made.at(-1)
    next?.succeed()
    expect(circuits.primary?.circuit).toBe(next)
  })
})

describe('circuits that may end together (C-05)', () => {
  it('asks the others for a sign of life when one falls silent', () => {
    const { it: circuits, made } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    made[0]?.fallSilent()
    expect(made[1]?.pings).toBe(1)
    expect(made[0]?.pings).toBe(0)
  })

  it('replaces one through what has become the guard of another, without a gap', () => {
    const guards = [entry]
    const { it: circuits, made, clock } = pool({ guards })
    circuits.nudge()
    made[0]?.succeed()
    const middle = made[0]?.path[1] as PathRelay
    guards.push(middle)
    clock.advance(POOL.watchMs)
    expect(circuits.primary?.circuit).toBe(made[0])
    made[1]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made[1]?.path).not.toContain(middle)
    expect(made[0]?.state).toBe('ready')
    clock.advance(POOL.drainMs)
    expect(made[0]?.state).toBe('closed')
  })

  it('ends one through a new guard that never served, and builds no more than it needs', () => {
    const guards = [entry]
    const { it: circuits, made, clock } = pool({ guards })
    circuits.nudge()
    // Before it is ready, its middle has become a guard.
    guards.push(made[0]?.path[1] as PathRelay)
    for (let built = 0; clock.now() < 60_000; ) {
      for (; built < made.length; built++) made[built]?.succeed()
      clock.advance(1_000)
    }
    expect(made[0]?.state).toBe('closed')
    expect(made).toHaveLength(3)
    expect(circuits.list().map(({ circuit }) => circuit)).toEqual([made[1], made[2]])
  })

  it('keeps one through a guard that there was when it was built: it had no choice', () => {
    const few = [entry, second, testRelay('x1', '192.0.2.1', { exit: 'stream' })]
    const { it: circuits, made, clock } = pool({ relays: few, guards: [entry, second] })
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    expect(made[0]?.path).toContain(second)
    const built = made.length
    clock.advance(60_000)
    expect(circuits.primary?.circuit).toBe(made[0])
    expect(made).toHaveLength(built)
  })

  it('begins few circuits, whatever becomes of them', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    for (let built = 0; clock.now() < 600_000; ) {
      for (; built < made.length; built++) {
        made[built]?.succeed()
        made[built]?.end()
      }
      clock.advance(100)
    }
    expect(made.length).toBeLessThanOrEqual(POOL.buildBurst + 600 * POOL.buildsPerSecond)
    expect(circuits.primary).toBeUndefined()
  })
})
