import { describe, expect, it } from 'vitest'
import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { POOL } from './constants.ts'
import type { PoolCircuit } from './member.ts'
import { CircuitPool, type Entry, type PoolEvents } from './pool.ts'
import type { PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { Reliability } from './reliability.ts'

class FakeCircuit implements PoolCircuit {
  state: PoolCircuit['state'] = 'extending'
  suspect = false
  latencyMs: number | undefined
  bytesIn = 0
  bytesOut = 0
  readonly hops: { state: string }[]
  started = false
  readonly path: readonly PathRelay[]
  readonly link: Link
  readonly events: PoolEvents

  constructor(path: readonly PathRelay[], link: Link, events: PoolEvents) {
    this.path = path
    this.link = link
    this.events = events
    this.hops = path.map(() => ({ state: 'waiting' }))
  }

  pings = 0

  start() {
    this.started = true
  }

  ping() {
    this.pings++
  }

  succeed() {
    this.state = 'ready'
    this.events.ready()
  }

  fallSilent() {
    this.suspect = true
    this.events.suspected()
  }

  recover() {
    this.suspect = false
    this.events.changed()
  }

  fail(hop: number) {
    const failed = this.hops[hop]
    if (failed) failed.state = 'failed'
    this.end()
  }

  destroy() {
    this.end()
  }

  end() {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.events.closed()
  }
}

const entry = testRelay('entry', '203.0.113.1')
const second = testRelay('second', '203.1.113.1')
const relays = [
  entry,
  testRelay('m1', '198.51.100.1'),
  testRelay('m2', '198.52.100.1'),
  testRelay('m3', '198.53.100.1'),
  testRelay('x1', '192.0.2.1', { exit: 'stream' }),
  testRelay('x2', '192.1.2.1', { exit: 'stream' }),
]

function link(): Link {
  return { open: true } as Link
}

function pool(
  more: { linked?: boolean; relays?: PathRelay[]; entries?: Entry[]; guards?: PathRelay[] } = {},
) {
  const clock = new VirtualClock()
  const made: FakeCircuit[] = []
  const world = { linked: more.linked ?? true, primaryChanges: 0, abandoned: [] as FakeCircuit[] }
  const reliability = new Reliability(clock)
  const it = new CircuitPool<FakeCircuit>({
    clock,
    random: new SeededRandom(2),
    reliability,
    networkBits: { ipv4: 16, ipv6: 32 },
    entries: () => (world.linked ? (more.entries ?? [{ link: link(), relay: entry }]) : []),
    relays: () => more.relays ?? relays,
    guards: () => more.guards ?? [],
    circuit: (path, over, events) => {
      const circuit = new FakeCircuit(path, over, events)
      made.push(circuit)
      return circuit
    },
    primaryChanged: () => world.primaryChanges++,
    abandoned: (circuit) => world.abandoned.push(circuit),
    changed: () => undefined,
    hops: 3,
  })
  return { it, clock, made, world, reliability }
}

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
    made[0]?.succeed()
    expect(circuits.primary?.circuit).toBe(made[1])
    expect(made).toHaveLength(2)
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

const mayEnd = (circuit: FakeCircuit | undefined) => circuit?.state === 'closed'

/** A primary and a standby, ready. */
function served(more: Parameters<typeof pool>[0] = {}) {
  const scene = pool(more)
  scene.it.nudge()
  scene.made[0]?.succeed()
  scene.made[1]?.succeed()
  return scene
}

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
    clock.advance(60 * 60_000)
    expect(circuits.primary?.circuit).toBe(made[0])
    made.at(-1)?.succeed()
    expect(circuits.primary?.circuit).toBe(made.at(-1))
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
})
