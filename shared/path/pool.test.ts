import { describe, expect, it } from 'vitest'
import { POOL } from './constants.ts'
import { type FakeCircuit, link, mayEnd, pool, relays, served } from './pool.fixture.ts'
import type { PathRelay } from './relay.ts'

describe('circuit pool (C-05, C-06)', () => {
  it('builds a primary, then a standby through other relays', () => {
    const { it: circuits, made } = pool()
    circuits.nudge()
    expect(made).toHaveLength(1)
    made[0]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[0])
    expect(made).toHaveLength(2)
    made[1]?.succeed()
    expect(made).toHaveLength(2)
    expect(made[1]?.path[1]).not.toBe(made[0]?.path[1])
    expect(made[1]?.path[2]).not.toBe(made[0]?.path[2])
  })

  it('puts the standby in the place of a primary that died, at once, and builds another', () => {
    const { it: circuits, made, world } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    made[0]?.end()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(world.primaryChanges).toBe(2)
    expect(made).toHaveLength(3)
  })

  it('tries again after a failure, backing off, and blames the hop that failed', () => {
    const { it: circuits, made, clock, reliability } = pool()
    circuits.nudge()
    const blamed = made[0]?.path[1] as PathRelay
    made[0]?.fail(1)
    expect(reliability.resting(blamed)).toBe(true)
    expect(made).toHaveLength(1)
    clock.advance(251)
    expect(made).toHaveLength(2)
    expect(made[1]?.path[1]).not.toBe(blamed)
    expect(circuits.problem).toBeUndefined()
  })

  it('begins others beside a slow build, a few at a time, and keeps one more that is ready', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    clock.advance(POOL.hedgeMs - 1)
    expect(made).toHaveLength(1)
    clock.advance(1)
    expect(made).toHaveLength(2)
    clock.advance(60_000)
    expect(made).toHaveLength(POOL.maxBuilding)
    made[1]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
    // And one as standby, in place of the slow ones; whichever is ready first.
    expect(made).toHaveLength(POOL.maxBuilding + 1)
    for (const circuit of made) circuit.succeed()
    clock.advance(POOL.watchMs)
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made.filter(({ state }) => state === 'ready')).toHaveLength(2)
    expect(made).toHaveLength(POOL.maxBuilding + 1)
  })

  it('waits for no relays that are dead before it tries a third time', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    clock.advance(4_900)
    expect(made).toHaveLength(2)
    clock.advance(100)
    expect(made).toHaveLength(3)
    const [first, second, third] = made.map(({ path }) => path[1])
    expect(new Set([first, second, third]).size).toBe(3)
    clock.advance(50)
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
    // The dead ones are told by their own time, and make no difference.
    clock.advance(4_950)
    made[0]?.fail(1)
    expect(circuits.primary?.circuit).toBe(made[2])
  })

  it('uses a slow circuit all the same that is there after 9 s', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    clock.advance(9_000)
    expect(made.map(({ state }) => state)).toEqual(Array(POOL.maxBuilding).fill('extending'))
    made[0]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[0])
    made[1]?.succeed()
    expect(circuits.list().filter(({ circuit }) => circuit.state === 'ready')).toHaveLength(2)
  })

  it('begins another beside a slow standby, too', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    clock.advance(POOL.hedgeMs - 1)
    expect(made).toHaveLength(2)
    clock.advance(1)
    expect(made).toHaveLength(3)
  })

  it('builds through no relay of a silent circuit while there are others', () => {
    const { it: circuits, made } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    made[0]?.fallSilent()
    expect(made[2]?.path[1]).not.toBe(made[0]?.path[1])
    expect(made[2]?.path[2]).not.toBe(made[0]?.path[2])
  })

  it('says why there is no circuit', () => {
    const without = pool({ linked: false })
    without.it.nudge()
    expect(without.it.problem).toBe('no-relay')
    const noExit = pool({ relays: relays.filter((relay) => relay.exit === 'none') })
    noExit.it.nudge()
    expect(noExit.it.problem).toBe('no-exit')
    const failing = pool()
    failing.it.nudge()
    for (let i = 0; i < 3; i++) {
      failing.made[i]?.fail(2)
      failing.clock.advance(5_001)
    }
    expect(failing.it.problem).toBe('no-circuit')
  })

  it('goes on by itself once a link is there', () => {
    const { it: circuits, made, world, clock } = pool({ linked: false })
    circuits.nudge()
    world.linked = true
    clock.advance(300)
    expect(made).toHaveLength(1)
    expect(circuits.problem).toBeUndefined()
  })

  it('keeps the primary until a circuit of the new length is ready', () => {
    const { it: circuits, made } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    circuits.setHops(2)
    expect(made[1]?.state).toBe('closed')
    expect(circuits.primary?.circuit).toBe(made[0])
    expect(made[2]?.path).toHaveLength(2)
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
    expect(made[0]?.state).toBe('closed')
  })

  it('renews from the standby at once, or when the next is ready', () => {
    const { it: circuits, made } = pool()
    circuits.nudge()
    made[0]?.succeed()
    circuits.renew()
    expect(circuits.primary?.circuit).toBe(made[0])
    made[1]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made[0]?.state).toBe('closed')
    made[2]?.succeed()
    circuits.renew()
    expect(circuits.primary?.circuit).toBe(made[2])
    expect(made[1]?.state).toBe('closed')
  })

  it('replaces a standby before it is too old to be of use', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.succeed()
    clock.advance(19 * 60_000)
    expect(made).toHaveLength(2)
    clock.advance(61_000)
    expect(made[1]?.state).toBe('closed')
    expect(circuits.primary?.circuit).toBe(made[0])
    expect(made).toHaveLength(3)
    made[2]?.succeed()
    made[0]?.end()
    expect(circuits.primary?.circuit).toBe(made[2])
  })

  it('ends every circuit when stopped, and builds no more', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    circuits.stop()
    clock.advance(60_000)
    expect(made.every((circuit) => circuit.state === 'closed')).toBe(true)
    expect(made).toHaveLength(2)
  })
})

describe('circuits whose relays are not wanted any more (K-08, issue 4)', () => {
  function scene() {
    const unwanted = new Set<PathRelay>()
    const { it: circuits, made, clock } = served({ wishes: { refused: (relay) => unwanted.has(relay) } })
    return { circuits, made, clock, unwanted }
  }

  it('give way to a standby at once, and new ones avoid the relay', () => {
    const { circuits, made, unwanted } = scene()
    unwanted.add(made[0]?.path[1] as PathRelay)
    circuits.nudge()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(mayEnd(made[0])).toBe(true)
    made[2]?.succeed()
    for (const circuit of made.slice(2)) expect(circuit.path.some((relay) => unwanted.has(relay))).toBe(false)
  })

  it('serve until another is ready, but not for long', () => {
    const { circuits, made, clock, unwanted } = scene()
    for (const circuit of made) unwanted.add(circuit.path[1] as PathRelay)
    circuits.nudge()
    expect(circuits.primary?.circuit).toBe(made[0])
    expect(mayEnd(made[1])).toBe(true)
    expect(made[2]?.state).toBe('extending')
    clock.advance(POOL.drainMs + 1)
    expect(mayEnd(made[0])).toBe(true)
    expect(circuits.primary).toBeUndefined()
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
  })
})

describe('a new start, for what shall not be tied to what went before (C-05, W-02)', () => {
  const exitOf = (circuit: { readonly path: readonly PathRelay[] } | undefined) => circuit?.path.at(-1)

  it('leaves no primary until a circuit to another exit is ready', () => {
    const { it: circuits, made, world } = pool()
    circuits.nudge()
    made[0]?.succeed()
    made[1]?.end()
    circuits.startAnew()
    expect(circuits.primary).toBeUndefined()
    expect(made[0]?.state).toBe('closed')
    expect(world.primaryChanges).toBe(2)
    expect(made).toHaveLength(3)
    expect(exitOf(made[2])).not.toBe(exitOf(made[0]))
    made[2]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[2])
  })

  it('goes on at once with a standby that never served', () => {
    const { it: circuits, made, world } = served()
    circuits.startAnew()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made[0]?.state).toBe('closed')
    expect(world.primaryChanges).toBe(2)
  })

  it('ends one that was silent as primary, and whatever else is there, and has recovered since', () => {
    const { it: circuits, made } = served()
    made[0]?.fallSilent()
    made[0]?.recover()
    expect(circuits.primary?.circuit).toBe(made[1])
    circuits.startAnew()
    expect(circuits.primary).toBeUndefined()
    expect(made.slice(0, 2).map(({ state }) => state)).toEqual(['closed', 'closed'])
  })

  it('ends a worn primary that drains, and one of another length that still serves', () => {
    const { it: circuits, made, clock } = served()
    ;(made[0] as FakeCircuit).bytesIn = POOL.maxPrimaryBytes
    clock.advance(POOL.watchMs)
    expect(made[0]?.state).toBe('ready')
    circuits.setHops(2)
    expect(circuits.primary?.circuit).toBe(made[1])
    circuits.startAnew()
    expect(circuits.primary).toBeUndefined()
    expect(made.slice(0, 2).map(({ state }) => state)).toEqual(['closed', 'closed'])
  })

  it('ends a standby to the exit of a primary that is gone already', () => {
    const { it: circuits, made } = served()
    // Two exits: the third circuit has that of the first.
    made[0]?.end()
    made[2]?.succeed()
    expect(exitOf(made[2])).toBe(exitOf(made[0]))
    circuits.startAnew()
    expect(circuits.primary).toBeUndefined()
    expect(made[2]?.state).toBe('closed')
  })

  it('goes to a former exit where there is no other', () => {
    const { it: circuits, made } = pool({ relays: relays.filter(({ name }) => name !== 'x2') })
    circuits.nudge()
    made[0]?.succeed()
    circuits.startAnew()
    expect(circuits.primary).toBeUndefined()
    const next = made.at(-1)
    next?.succeed()
    expect(circuits.primary?.circuit).toBe(next)
    expect(exitOf(next)?.name).toBe('x1')
  })

  it('sets the former exit aside for each circuit that may become the primary, and for one hop', () => {
    for (const hops of [1, 2, 3] as const) {
      const exits = relays.filter(({ exit }) => exit !== 'none')
      const entries = exits.map((relay) => ({ link: link(), relay }))
      const { it: circuits, made, clock } = pool(hops === 1 ? { entries } : {})
      circuits.setHops(hops)
      circuits.nudge()
      made[0]?.succeed()
      for (const other of made.slice(1)) other.end()
      circuits.startAnew()
      clock.advance(POOL.hedgeMs + 1_000)
      const since = made.filter(({ state }) => state === 'extending')
      expect(since.length).toBeGreaterThan(0)
      for (const circuit of since) expect(exitOf(circuit)).not.toBe(exitOf(made[0]))
    }
  })

  it('changes nothing where nothing has served', () => {
    const { it: circuits, made, world } = pool()
    circuits.nudge()
    circuits.startAnew()
    expect(made).toHaveLength(1)
    expect(made[0]?.state).toBe('extending')
    expect(world.primaryChanges).toBe(0)
  })
})
