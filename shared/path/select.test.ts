import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/seeded-random.ts'
import { draw } from './draw.ts'
import { canExtendTo, mayShareCircuit, NETWORK_BITS, networkOf, type PathRelay, relayKey } from './relay.ts'
import { keyedRelay, testRelay } from './relays.fixture.ts'
import { drawRendezvousPoint, type Hops, selectPath } from './select.ts'
import { capped } from './shares.ts'

function select(entry: PathRelay, relays: readonly PathRelay[], hops: Hops, more = {}) {
  return selectPath({
    entry,
    hops,
    relays,
    networkBits: NETWORK_BITS,
    factor: () => 1,
    avoid: [],
    random: new SeededRandom(7),
    ...more,
  })
}

describe('path selection (C-03, C-06)', () => {
  const entry = testRelay('entry', '203.0.113.1')
  const middle = testRelay('middle', '198.51.100.1')
  const exit = testRelay('exit', '192.0.2.1', { exit: 'stream' })

  it('puts the entry first and an exit last', () => {
    expect(select(entry, [entry, middle, exit], 3)).toEqual([entry, middle, exit])
    expect(select(entry, [entry, middle, exit], 2)).toEqual([entry, exit])
    expect(select(exit, [entry, middle, exit], 1)).toEqual([exit])
  })

  it('says what is missing', () => {
    expect(select(entry, [entry, middle, exit], 1)).toBe('no-exit')
    expect(select(entry, [entry, middle], 3)).toBe('no-exit')
    expect(select(entry, [entry, exit], 3)).toBe('no-relay')
  })

  it('never takes two relays of one network or one family, whatever the directory', () => {
    const relay = fc.record({
      a: fc.integer({ min: 1, max: 3 }),
      b: fc.integer({ min: 0, max: 2 }),
      family: fc.constantFrom('', 'x', 'y'),
      exit: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(relay, { minLength: 1, maxLength: 10 }), fc.nat(), (specs, seed) => {
        const relays = specs.map((spec, i) =>
          testRelay(`r${i}`, `${spec.a}.${spec.b}.0.${i}`, {
            family: spec.family,
            exit: spec.exit ? 'stream' : 'none',
          }),
        )
        const path = select(relays[0] as PathRelay, relays, 3, { random: new SeededRandom(seed) })
        if (typeof path === 'string') return
        expect(path).toHaveLength(3)
        expect(path[2]?.exit).toBe('stream')
        for (const one of path) {
          for (const other of path) {
            if (one !== other) expect(mayShareCircuit(one, other, NETWORK_BITS)).toBe(true)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('finds the one path there is, even if the first exit it draws leads nowhere', () => {
    const family = 'one operator'
    const last = testRelay('last', '192.0.2.1', { exit: 'stream', family })
    const dead = testRelay('no middle fits', '198.51.100.9', { exit: 'stream', family, bytesPerSecond: 5e7 })
    expect(select(entry, [entry, dead, middle, last], 3)).toEqual([entry, middle, last])
  })

  it('gives a relay that promises little less, and one that promises the world nothing', () => {
    const slow = testRelay('slow', '192.0.3.1', { exit: 'stream', bytesPerSecond: 200_000 })
    const boaster = testRelay('boaster', '192.1.2.1', { exit: 'stream', bytesPerSecond: 0xffff_ffff })
    const honest = Array.from({ length: 3 }, (_, i) =>
      testRelay('honest', `192.${i + 2}.2.1`, { exit: 'stream' }),
    )
    const drawn = drawExits([slow, boaster, ...honest])
    expect(drawn('slow')).toBeGreaterThan(40)
    expect(drawn('slow')).toBeLessThan(150)
    expect(drawn('boaster') / (drawn('honest') / 3)).toBeCloseTo(1, 0)
  })

  it('takes an exit that another circuit uses before a guard for the middle', () => {
    const guard = testRelay('guard', '198.18.0.1')
    const exits = ['192.0.2.1', '192.1.2.1'].map((host) => testRelay(host, host, { exit: 'stream' }))
    for (let seed = 0; seed < 20; seed++) {
      const path = select(entry, [entry, guard, ...exits], 3, {
        random: new SeededRandom(seed),
        avoid: exits,
        guards: [entry, guard],
      })
      expect(path).not.toContain(guard)
    }
    const only = select(entry, [entry, guard, exits[0] as PathRelay], 3, { guards: [entry, guard] })
    expect(only).toContain(guard)
  })

  it('avoids relays of the other circuits while there are others', () => {
    const other = testRelay('other', '192.5.2.1', { exit: 'stream' })
    const random = new SeededRandom(4)
    for (let i = 0; i < 50; i++) {
      expect(select(entry, [entry, exit, other], 2, { random, avoid: [exit] })).toEqual([entry, other])
    }
    expect(select(entry, [entry, exit], 2, { avoid: [exit] })).toEqual([entry, exit])
  })

  it('takes two relays of one IPv6 /32 for neighbours, whichever of their addresses it is', () => {
    const at = (host: string) => ({ kind: 'ipv6', host, port: 7759 }) as const
    const dual = { exit: 'stream', address6: at('2001:db8:1::1') } as const
    const one = testRelay('one', '192.0.2.1', dual)
    const other = testRelay('other', '198.51.100.2', { address6: at('2001:db8:ffff::1') })
    const only6 = testRelay('only IPv6', '2001:db8:7::1')
    const apart = testRelay('apart', '198.51.100.3', { address6: at('2001:db9::1') })
    for (const near of [other, only6]) {
      expect(mayShareCircuit(one, near, NETWORK_BITS)).toBe(false)
      expect(mayShareCircuit(near, one, NETWORK_BITS)).toBe(false)
      expect(select(entry, [entry, near, one], 3)).toBe('no-relay')
    }
    expect(select(entry, [entry, apart, one], 3)).toEqual([entry, apart, one])
  })

  it('masks networks by the bits asked for', () => {
    const bits = { ipv4: 12, ipv6: 32 }
    expect(networkOf(testRelay('a', '10.31.0.1').address!, bits)).toBe('ipv4 0a100000')
    expect(networkOf(testRelay('a', '2001:db8:1::').address!, bits)).toBe(`ipv6 20010db8${'0'.repeat(24)}`)
    expect(networkOf(testRelay('a', '127.0.0.1').address!, { ipv4: 32, ipv6: 128 })).toBe('ipv4 7f000001')
  })
})

/** How often each is the exit of 2,000 paths. */
function drawExits(exits: PathRelay[]): (name: string) => number {
  const entry = testRelay('entry', '203.0.113.1')
  const random = new SeededRandom(3)
  const drawn = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    const path = select(entry, [entry, ...exits], 2, { random })
    const name = typeof path === 'string' ? path : (path[1]?.name as string)
    drawn.set(name, (drawn.get(name) ?? 0) + 1)
  }
  return (name) => drawn.get(name) ?? 0
}

describe("bounds on a relay's share (C-06, D-07)", () => {
  it('cuts the heaviest to two even shares of the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1 }), (weights) => {
        const cut = capped(weights)
        const sum = cut.reduce((all, weight) => all + weight, 0)
        for (const [i, weight] of cut.entries()) {
          expect(weight / sum).toBeLessThanOrEqual(2 / weights.length + 1e-9)
          expect(weight).toBeLessThanOrEqual(weights[i] as number)
          expect(weight).toBeGreaterThan(0)
        }
      }),
    )
    expect(capped([1, 1, 1, 1])).toEqual([1, 1, 1, 1])
    expect(capped([100, 1, 1, 1, 1, 1])[0]).toBeCloseTo(2.5)
  })

  it('gives one steady relay among many bad ones two shares, not all', () => {
    const relays = Array.from({ length: 20 }, (_, i) => testRelay(`r${i}`, `192.${i}.2.1`))
    const random = new SeededRandom(6)
    let times = 0
    for (let i = 0; i < 1_000; i++) {
      const factor = (relay: PathRelay) => (relay === relays[0] ? 1 : 0.02)
      if (draw({ factor, avoid: [], random, networkBits: NETWORK_BITS }, relays) === relays[0]) times++
    }
    expect(times).toBeGreaterThan(70)
    expect(times).toBeLessThan(130)
  })
})

describe('stock peers as hops (C-01, C-07)', () => {
  const stock = (name: string, host: string, tellers: PathRelay[], exit: PathRelay['exit'] = 'none') =>
    testRelay(name, host, { culvert: false, exit, tellers: tellers.map(relayKey) })
  const guards = ['203.0.113.1', '203.1.113.1', '203.2.113.1'].map((host, i) => testRelay(`g${i}`, host))
  const [one, two, three] = guards as [PathRelay, PathRelay, PathRelay]
  const ours = testRelay('ours', '198.51.100.1')

  it('serve as exits only where no other exit is known', () => {
    const theirs = stock('theirs', '192.0.2.1', [two], 'datagram')
    expect(select(one, [one, ours, theirs], 3)).toEqual([one, ours, theirs])
    const exit = testRelay('exit', '192.1.2.1', { exit: 'stream' })
    expect(select(one, [one, ours, theirs, exit], 3)).toEqual([one, ours, exit])
  })

  it('serve in the middle only where none of ours fits', () => {
    const theirs = stock('theirs', '192.0.2.1', [two])
    const exit = testRelay('exit', '192.1.2.1', { exit: 'stream' })
    expect(select(one, [one, theirs, exit], 3)).toEqual([one, theirs, exit])
    expect(select(one, [one, theirs, exit, ours], 3)).toEqual([one, ours, exit])
  })

  it('take the place of ours that have just failed', () => {
    const middle = stock('middle', '192.0.2.1', [two])
    const exit = stock('exit', '192.1.2.1', [two, three], 'datagram')
    const dead = testRelay('dead', '192.2.2.1', { exit: 'stream' })
    const resting = (relay: PathRelay) => relay === ours || relay === dead
    expect(select(one, [one, ours, dead, middle, exit], 3)).toEqual([one, ours, dead])
    expect(select(one, [one, ours, dead, middle, exit], 3, { resting })).toEqual([one, middle, exit])
  })

  it('are in no circuit with the only relay that told of them', () => {
    const exit = stock('exit', '192.0.2.1', [one], 'datagram')
    expect(select(one, [one, ours, exit], 3)).toBe('no-exit')
    expect(select(two, [two, one, exit], 3)).toBe('no-relay')
    const confirmed = stock('exit', '192.0.2.1', [one, two], 'datagram')
    expect(select(one, [one, ours, confirmed], 3)).toEqual([one, ours, confirmed])
  })

  it('are not two in one circuit that one relay alone told of', () => {
    const exit = stock('exit', '192.0.2.1', [one], 'datagram')
    const middle = (tellers: PathRelay[]) => stock('middle', '192.1.2.1', tellers)
    expect(select(three, [three, exit, middle([one])], 3)).toBe('no-relay')
    expect(select(three, [three, exit, middle([two])], 3)).toHaveLength(3)
    expect(select(three, [three, exit, middle([one, two])], 3)).toHaveLength(3)
  })

  it('end a circuit that is to end at them', () => {
    const last = stock('last', '192.0.2.1', [two])
    expect(select(one, [one, ours, last], 3, { last })).toEqual([one, ours, last])
    expect(select(one, [one, last], 2, { last })).toEqual([one, last])
    expect(select(one, [one], 1, { last: one })).toEqual([one])
    expect(select(one, [one, ours, last], 1, { last })).toBe('no-exit')
  })
})

describe('autonomous systems (C-03)', () => {
  it('are in one circuit once, where they are known', () => {
    const entry = testRelay('entry', '203.0.113.1', { as: 64_500 })
    const exit = testRelay('exit', '192.0.2.1', { exit: 'stream', as: 64_500 })
    expect(select(entry, [entry, exit], 2)).toBe('no-exit')
    expect(select(entry, [entry, { ...exit, as: 64_501 }], 2)).toHaveLength(2)
  })
})

describe('relays without a public UDP address, as hops (L-01, C-03)', () => {
  const entry = testRelay('entry', '203.0.113.1')
  const stock = testRelay('stock', '198.51.100.1', { culvert: false })
  const ours = testRelay('ours', '198.18.0.1')
  const exit = testRelay('exit', '192.0.2.1', { exit: 'stream' })
  const hidden = keyedRelay('hidden', ['webrtc'])
  const hiddenExit = keyedRelay('hidden exit', ['tcp'], { exit: 'stream' })

  it('come after a relay of ours, which can know the way, and never after a stock peer', () => {
    expect(select(entry, [entry, hidden, exit], 3)).toEqual([entry, hidden, exit])
    expect(select(entry, [entry, ours, hiddenExit], 3)).toEqual([entry, ours, hiddenExit])
    expect(select(entry, [entry, hiddenExit], 2)).toEqual([entry, hiddenExit])
    expect(select(entry, [entry, stock, hiddenExit], 3)).toBe('no-relay')
    expect(select(stock, [stock, hiddenExit], 2)).toBe('no-exit')
    expect(select(stock, [stock, hidden, exit], 3)).toBe('no-relay')
  })

  it('are one in a circuit at the most, for they may all be of one network', () => {
    expect(select(entry, [entry, hidden, hiddenExit], 3)).toBe('no-relay')
    expect(select(hidden, [hidden, hiddenExit], 2)).toBe('no-exit')
    expect(mayShareCircuit(hidden, hiddenExit, NETWORK_BITS)).toBe(false)
    expect(mayShareCircuit(hidden, exit, NETWORK_BITS)).toBe(true)
  })

  it('are together drawn no more often than one network is', () => {
    const known = Array.from({ length: 10 }, (_, i) => testRelay('known', `192.${i}.2.1`, { exit: 'stream' }))
    const many = Array.from({ length: 30 }, () => keyedRelay('many', ['tcp'], { exit: 'stream' }))
    const random = new SeededRandom(3)
    const drawn = Array.from({ length: 600 }, () => select(entry, [entry, ...known, ...many], 2, { random }))
    const unknown = drawn.filter((path) => typeof path !== 'string' && path[1]?.name === 'many').length
    expect(unknown).toBeGreaterThan(0)
    expect(unknown / drawn.length).toBeLessThan(0.25)
  })

  it('that are onion services alone come after one that has Tor as well', () => {
    const onion = keyedRelay('onion', ['tor'])
    const both = testRelay('both', '198.19.0.1', { kinds: ['tcp', 'tor'] })
    expect(canExtendTo(ours, onion)).toBe(false)
    expect(canExtendTo(both, onion)).toBe(true)
    expect(canExtendTo(ours, keyedRelay('more', ['tor', 'websocket']))).toBe(true)
    expect(canExtendTo(both, keyedRelay('nowhere', []))).toBe(false)
  })
})

describe('where two circuits meet (issue 3: hidden seeding; issue 4: Sybil defence)', () => {
  const others = Array.from({ length: 20 }, (_, i) => testRelay('other', `198.${i}.1.7`))

  /** How many of 500 draws fall on one of `his`, who stand beside twenty others. */
  function drawn(his: readonly PathRelay[], refused: readonly PathRelay[] = []): number {
    const request = {
      networkBits: NETWORK_BITS,
      factor: () => 1,
      avoid: [],
      random: new SeededRandom(9),
      wishes: { refused: (relay: PathRelay) => refused.includes(relay) },
    }
    const draws = Array.from({ length: 500 }, () => drawRendezvousPoint(request, [...his, ...others]))
    return draws.filter((relay) => relay && his.includes(relay)).length
  }

  it('gives a crowd of one network no more than twice the share of one', () => {
    const crowd = Array.from({ length: 80 }, (_, i) => testRelay('his', `203.0.${i}.7`))
    expect(drawn(crowd)).toBeGreaterThan(0)
    expect(drawn(crowd)).toBeLessThan(500 * (2 / 21) * 1.3)
  })

  it('is at nobody who is suspect, told of by one alone, or refused, where there are others', () => {
    const of = (more: Partial<PathRelay>) =>
      Array.from({ length: 20 }, (_, i) => testRelay('his', `203.${i}.1.7`, more))
    expect(drawn(of({}))).toBeGreaterThan(200)
    expect(drawn(of({ standing: 'suspect' }))).toBe(0)
    expect(drawn(of({ unconfirmed: true }))).toBe(0)
    const unwanted = of({})
    expect(drawn(unwanted, unwanted)).toBe(0)
  })
})
