import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import {
  type ByMethod,
  DISCOVERY_METHODS,
  DISCOVERY_WEIGHTS,
  type DiscoveryMethod,
  type DiscoverySettings,
  type SourceIntervals,
} from './constants.ts'
import { Discovery } from './scheduler.ts'
import type { Candidate, CandidateOutcome, DiscoverySource, RunResult } from './source.ts'

const INTERVALS: SourceIntervals = { firstMs: 1_000, leastMs: 15_000, eagerMs: 60_000, mostMs: 600_000 }

const addressOf = (n: number): IpAddress => ({
  kind: 'ipv4',
  host: `${11 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.1`,
  port: 7_000,
})

/** Sources whose runs the test answers, and a network whose relays it names. */
class Stage {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly runs: DiscoveryMethod[] = []
  readonly results: RunResult[] = []
  readonly looked: IpAddress[] = []
  readonly cancelled: DiscoveryMethod[] = []
  proven = 0
  /** What each run does; by default nobody answers anything. */
  onRun: (method: DiscoveryMethod, report: (found: Candidate[]) => void, done: (ok: boolean) => void) => void
  handle: (candidate: Candidate, done: (outcome: CandidateOutcome) => void) => void
  notBeforeMs = 0
  readonly discovery: Discovery

  constructor(
    weights: ByMethod<number> = DISCOVERY_WEIGHTS,
    settings: Partial<DiscoverySettings> = {},
    methods: readonly DiscoveryMethod[] = DISCOVERY_METHODS,
  ) {
    this.onRun = (_, __, done) => done(true)
    this.handle = (_, done) => done('new')
    const source = (method: DiscoveryMethod): DiscoverySource => ({
      method,
      run: (report, done) => {
        this.runs.push(method)
        this.onRun(method, report, done)
        return { cancel: () => this.cancelled.push(method) }
      },
      notBefore: () => (method === 'tracker' ? this.notBeforeMs : 0),
    })
    this.discovery = new Discovery({
      clock: this.clock,
      random: new SeededRandom(1),
      counters: this.counters,
      sources: methods.map(source),
      weights,
      intervals: { dht: INTERVALS, tracker: INTERVALS, exchange: INTERVALS, bootstrap: INTERVALS },
      handle: (candidate, done) => {
        this.looked.push(candidate.address)
        this.handle(candidate, done)
        return { cancel: () => undefined }
      },
      outside: () => ({
        relaysProven: this.proven,
        dhtNodesKnown: 7,
        trackerAnnounces: 0,
        peerExchanges: 0,
        verificationsAttempted: 0,
        verificationsSuccessful: 0,
        spiesDetected: 0,
      }),
      onRun: (result) => this.results.push(result),
      settings,
    })
  }

  runsOf(method: DiscoveryMethod): number {
    return this.runs.filter((each) => each === method).length
  }
}

describe('scheduling of relay sources (D-01, D-10)', () => {
  it('runs all four at once, and again and again in the shares 40, 30, 20, 10', () => {
    const stage = new Stage()
    stage.discovery.start()
    expect([...stage.runs].sort()).toEqual([...DISCOVERY_METHODS].sort())
    stage.clock.advance(100 * 3_600_000)
    const all = stage.runs.length
    expect(stage.runsOf('dht') / all).toBeCloseTo(0.4, 1)
    expect(stage.runsOf('tracker') / all).toBeCloseTo(0.3, 1)
    expect(stage.runsOf('exchange') / all).toBeCloseTo(0.2, 1)
    expect(stage.runsOf('bootstrap') / all).toBeCloseTo(0.1, 1)
  })

  it('looks often while few relays are known and seldom once enough are and nothing is new', () => {
    const stage = new Stage()
    stage.discovery.start()
    stage.clock.advance(3_600_000)
    const eager = stage.runs.length
    stage.proven = 1_000
    stage.clock.advance(3_600_000)
    const between = stage.runs.length
    stage.clock.advance(3_600_000)
    expect(eager).toBeGreaterThan(150)
    expect(stage.runs.length - between).toBeLessThan(40)
  })

  it('comes back to short intervals when something is new', () => {
    const stage = new Stage(DISCOVERY_WEIGHTS, {}, ['dht'])
    stage.proven = 1_000
    stage.discovery.start()
    stage.clock.advance(4 * 3_600_000)
    const quiet = stage.runs.length
    let n = 0
    stage.onRun = (_, report, done) => {
      report([{ address: addressOf(n++) }])
      done(true)
    }
    stage.clock.advance(3_600_000)
    expect(stage.runs.length - quiet).toBeGreaterThan(100)
  })

  it('gives more to the method that yields more, within half and twice its weight', () => {
    const stage = new Stage()
    let n = 0
    stage.onRun = (method, report, done) => {
      if (method === 'bootstrap') report(Array.from({ length: 30 }, () => ({ address: addressOf(n++) })))
      done(true)
    }
    stage.discovery.start()
    stage.clock.advance(2 * 3_600_000)
    const { methods } = stage.discovery.statistics()
    // Twice 10 among half of 40, 30 and 20.
    expect(methods.bootstrap.share).toBeCloseTo(20 / 65)
    expect(methods.dht.share).toBeCloseTo(20 / 65)
    expect(methods.bootstrap.yield).toBeCloseTo(30, 0)
  })

  it('waits as long as a source asks it to, such as for a tracker (D-03)', () => {
    const stage = new Stage()
    stage.notBeforeMs = 300_000
    stage.discovery.start()
    stage.clock.advance(299_000)
    expect(stage.runsOf('tracker')).toBe(1)
    stage.clock.advance(2_000)
    expect(stage.runsOf('tracker')).toBe(2)
  })

  it('never runs a method without weight by itself, but does by hand', () => {
    const stage = new Stage({ ...DISCOVERY_WEIGHTS, dht: 0 })
    stage.discovery.start()
    stage.clock.advance(3_600_000)
    expect(stage.runsOf('dht')).toBe(0)
    const results: RunResult[] = []
    expect(stage.discovery.runNow('dht', (result) => results.push(result))).toBe(true)
    expect(results).toHaveLength(1)
  })

  it('ends a run after 60 s with what it has found (D-06)', () => {
    const stage = new Stage()
    stage.onRun = (_, report) => report([{ address: addressOf(1) }])
    stage.discovery.runNow('dht', () => undefined)
    stage.clock.advance(59_999)
    expect(stage.results).toEqual([])
    stage.clock.advance(1)
    expect(stage.results).toMatchObject([{ method: 'dht', found: 1, ms: 60_000, success: true }])
    expect(stage.cancelled).toEqual(['dht'])
  })

  it('starts nothing new and tells nobody anything once it is stopped', () => {
    const stage = new Stage()
    const late: ((ok: boolean) => void)[] = []
    stage.onRun = (_, __, done) => late.push(done)
    stage.discovery.start()
    stage.discovery.stop()
    for (const done of late) done(true)
    stage.clock.advance(3_600_000)
    expect(stage.runs).toHaveLength(4)
    expect(stage.discovery.runNow('dht', () => undefined)).toBe(false)
    expect(stage.clock.idle).toBe(true)
  })
})

describe('discovery by hand (D-01)', () => {
  it('gives method, relays found, time and success', () => {
    const stage = new Stage()
    stage.onRun = (_, report, done) => {
      report([{ address: addressOf(1) }, { address: addressOf(2) }, { address: addressOf(3) }])
      stage.clock.after(2_000, () => done(true))
    }
    const outcomes: CandidateOutcome[] = ['new', 'proven', 'silent']
    stage.handle = (_, done) => done(outcomes.shift() ?? 'silent')
    const results: RunResult[] = []
    stage.discovery.runNow('tracker', (result) => results.push(result))
    stage.clock.advance(10_000)
    expect(results).toMatchObject([
      { method: 'tracker', candidates: 3, found: 2, fresh: 1, ms: 2_000, success: true },
    ])
    expect(stage.runs).toEqual(['tracker'])
  })

  it('waits for the run under way rather than begin another', () => {
    const stage = new Stage()
    let end: (ok: boolean) => void = () => undefined
    stage.onRun = (method, _, done) => {
      if (method === 'dht') end = done
    }
    stage.discovery.start()
    const results: RunResult[] = []
    stage.discovery.runNow('dht', (result) => results.push(result))
    expect(stage.runsOf('dht')).toBe(1)
    end(false)
    expect(results).toMatchObject([{ method: 'dht', success: false, found: 0 }])
  })

  it('says no where there is no such source', () => {
    const stage = new Stage(DISCOVERY_WEIGHTS, {}, ['dht'])
    expect(stage.discovery.runNow('tracker', () => undefined)).toBe(false)
  })
})

describe('candidates (D-07, D-10)', () => {
  it('looks at each once though all sources name it, and counts it for each run', () => {
    const stage = new Stage()
    stage.onRun = (_, report, done) => {
      report([{ address: addressOf(1) }])
      done(true)
    }
    stage.discovery.start()
    expect(stage.looked).toHaveLength(1)
    expect(stage.results.map(({ found }) => found)).toEqual([1, 1, 1, 1])
    expect(stage.discovery.statistics()).toMatchObject({ relaysDiscovered: 1, cacheHits: 3 })
  })

  it('looks at a silent one again after five minutes, then after ten', () => {
    const stage = new Stage()
    stage.handle = (_, done) => done('silent')
    const offer = () => stage.discovery.offer('dht', [{ address: addressOf(1) }])
    offer()
    stage.clock.advance(299_000)
    offer()
    expect(stage.looked).toHaveLength(1)
    stage.clock.advance(1_000)
    offer()
    expect(stage.looked).toHaveLength(2)
    stage.clock.advance(300_000)
    offer()
    expect(stage.looked).toHaveLength(2)
    stage.clock.advance(300_000)
    offer()
    expect(stage.looked).toHaveLength(3)
  })

  it('looks early at a silent one that has a descriptor now, once in forty minutes whoever signs one', () => {
    const MINUTE_MS = 60_000
    const stage = new Stage()
    stage.handle = (_, done) => done('silent')
    const offer = () => stage.discovery.offer('exchange', [{ address: addressOf(1) }])
    const claim = () => {
      stage.discovery.hasten(addressOf(1))
      offer()
    }
    // Nothing is known of it: that takes no turn.
    stage.discovery.hasten(addressOf(1))
    offer()
    stage.clock.advance(MINUTE_MS)
    offer()
    expect(stage.looked).toHaveLength(1)
    claim()
    expect(stage.looked).toHaveLength(2)
    // As long as after the first look: a lie puts nobody off.
    stage.clock.advance(5 * MINUTE_MS - 1)
    for (let i = 0; i < 100; i++) claim()
    expect(stage.looked).toHaveLength(2)
    stage.clock.advance(1)
    offer()
    expect(stage.looked).toHaveLength(3)
    // 10, 20 and 40 minutes between looks, and one more in each 40.
    const before = stage.looked.length
    for (let minute = 0; minute < 400; minute++) {
      stage.clock.advance(MINUTE_MS)
      claim()
    }
    expect(stage.looked.length - before).toBeLessThanOrEqual(22)
  })

  it('does not look early at one that proved to be a relay', () => {
    const stage = new Stage()
    const offer = () => stage.discovery.offer('dht', [{ address: addressOf(1) }])
    offer()
    stage.discovery.hasten(addressOf(1))
    offer()
    expect(stage.looked).toHaveLength(1)
  })

  it('handles 16 at once, and no more than 8 of one network wait', () => {
    const stage = new Stage()
    const open: ((outcome: CandidateOutcome) => void)[] = []
    stage.handle = (_, done) => open.push(done)
    const flood = Array.from({ length: 200 }, (_, i) => ({
      address: { kind: 'ipv4' as const, host: `11.0.0.${i + 1}`, port: 7_000 },
    }))
    stage.discovery.offer('dht', flood)
    expect(open).toHaveLength(8)
    expect(stage.counters.get('discovery-candidate-dropped')).toBe(192)
    stage.discovery.offer(
      'dht',
      Array.from({ length: 50 }, (_, i) => ({ address: addressOf(0x10000 + i * 256) })),
    )
    expect(open).toHaveLength(16)
    open[0]?.('silent')
    expect(open).toHaveLength(17)
    expect(stage.discovery.statistics().candidatesWaiting).toBe(57)
  })

  it('serves the methods in their shares while more wait than can be looked at', () => {
    const stage = new Stage(DISCOVERY_WEIGHTS, { handledAtOnce: 1 })
    const order: string[] = []
    let release: () => void = () => undefined
    stage.handle = (candidate, done) => {
      order.push(candidate.address.host.split('.')[0] ?? '')
      release = () => done('refused')
    }
    for (const [i, method] of DISCOVERY_METHODS.entries()) {
      stage.discovery.offer(
        method,
        Array.from({ length: 100 }, (_, n) => ({ address: addressOf((i << 16) + n * 256 + 1) })),
      )
    }
    while (order.length < 100) release()
    const share = (first: string) => order.filter((each) => each === first).length / 100
    expect(share('11')).toBeCloseTo(0.4, 1)
    expect(share('12')).toBeCloseTo(0.3, 1)
    expect(share('13')).toBeCloseTo(0.2, 1)
    expect(share('14')).toBeCloseTo(0.1, 1)
  })

  it('looks at 512 of a hostile source that names a million, and at no address that is none', () => {
    const stage = new Stage(DISCOVERY_WEIGHTS, { waitingPerMethod: 10_000 }, ['tracker'])
    stage.handle = (_, done) => done('silent')
    stage.onRun = (_, report, done) => {
      report([{ address: { kind: 'ipv4', host: '255.255.255.255', port: 9 } }])
      report(Array.from({ length: 5_000 }, (__, i) => ({ address: addressOf(i) })))
      done(true)
    }
    stage.discovery.runNow('tracker', () => undefined)
    expect(stage.looked).toHaveLength(511)
    expect(stage.counters.get('discovery-candidate-invalid')).toBe(1)
  })

  it('looks at as many as wait one after the other, not one within the other', () => {
    const stage = new Stage()
    const open: (() => void)[] = []
    let depth = 0
    let deepest = 0
    stage.handle = (candidate, done) => {
      deepest = Math.max(deepest, ++depth)
      if (candidate.address.port === 9) done('refused')
      else open.push(() => done('silent'))
      depth--
    }
    stage.discovery.offer(
      'dht',
      Array.from({ length: 16 }, (_, i) => ({ address: addressOf(256 * i) })),
    )
    for (const [i, method] of DISCOVERY_METHODS.entries()) {
      const of = (n: number) => ({ address: { ...addressOf(((i + 1) << 16) + n), port: 9 } })
      stage.discovery.offer(
        method,
        Array.from({ length: 256 }, (_, n) => of(n)),
      )
    }
    expect(stage.looked).toHaveLength(16)
    open[0]?.()
    expect(stage.looked).toHaveLength(16 + 4 * 256)
    expect(deepest).toBe(1)
  })
})
