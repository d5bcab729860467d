import { describe, expect, it } from 'vitest'
import { POOL } from './constants.ts'
import { mayEnd, pool, relays, served } from './pool.fixture.ts'
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

  it('gives a slow build one rival', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    clock.advance(2_900)
    expect(made).toHaveLength(1)
    clock.advance(200)
    expect(made).toHaveLength(2)
    clock.advance(20_000)
    expect(made).toHaveLength(2)
    made[1]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
    // And one as standby, in place of the slow one; whichever is ready first.
    expect(made).toHaveLength(3)
    made[0]?.succeed()
    made[2]?.succeed()
    clock.advance(POOL.watchMs)
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made.filter(({ state }) => state === 'ready')).toHaveLength(2)
    expect(made).toHaveLength(3)
  })

  it('gives a slow standby a rival, too', () => {
    const { it: circuits, made, clock } = pool()
    circuits.nudge()
    made[0]?.succeed()
    clock.advance(2_900)
    expect(made).toHaveLength(2)
    clock.advance(200)
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
