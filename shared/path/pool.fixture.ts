import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { PoolCircuit } from './member.ts'
import { CircuitPool, type Entry, type PoolEvents } from './pool.ts'
import type { PathWishes } from './preferences.ts'
import type { PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { Reliability } from './reliability.ts'

/** A circuit that does what its test says. */
export class FakeCircuit implements PoolCircuit {
  state: PoolCircuit['state'] = 'extending'
  suspect = false
  refusedByPrevious = false
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

export const entry = testRelay('entry', '203.0.113.1')
export const second = testRelay('second', '203.1.113.1')
export const relays = [
  entry,
  testRelay('m1', '198.51.100.1'),
  testRelay('m2', '198.52.100.1'),
  testRelay('m3', '198.53.100.1'),
  testRelay('x1', '192.0.2.1', { exit: 'stream' }),
  testRelay('x2', '192.1.2.1', { exit: 'stream' }),
]

export function link(): Link {
  return { open: true } as Link
}

interface Scene {
  readonly linked?: boolean
  readonly relays?: PathRelay[]
  readonly entries?: Entry[]
  readonly guards?: PathRelay[]
  readonly wishes?: PathWishes
}

export function pool(more: Scene = {}) {
  const clock = new VirtualClock()
  const made: FakeCircuit[] = []
  const world = {
    linked: more.linked ?? true,
    primaryChanges: 0,
    abandoned: [] as FakeCircuit[],
    silent: [] as Link[],
  }
  const reliability = new Reliability(clock)
  const it = new CircuitPool<FakeCircuit>({
    clock,
    random: new SeededRandom(2),
    reliability,
    networkBits: { ipv4: 16, ipv6: 32 },
    entries: () => (world.linked ? (more.entries ?? [{ link: link(), relay: entry }]) : []),
    relays: () => more.relays ?? relays,
    guards: () => more.guards ?? [],
    wishes: more.wishes,
    circuit: (path, over, events) => {
      const circuit = new FakeCircuit(path, over, events)
      made.push(circuit)
      return circuit
    },
    isSilent: (over) => world.silent.includes(over),
    primaryChanged: () => world.primaryChanges++,
    abandoned: (circuit) => world.abandoned.push(circuit),
    changed: () => undefined,
    hops: 3,
  })
  return { it, clock, made, world, reliability }
}

export const mayEnd = (circuit: FakeCircuit | undefined) => circuit?.state === 'closed'

/** A primary and a standby, ready. */
export function served(more: Scene = {}) {
  const scene = pool(more)
  scene.it.nudge()
  scene.made[0]?.succeed()
  scene.made[1]?.succeed()
  return scene
}
