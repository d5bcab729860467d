import { describe, expect, it } from 'vitest'
import type { GeoPoint } from '../geo/geo.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { nearness } from './near.ts'
import { isRefused, NO_PREFERENCES, type PathPreferences } from './preferences.ts'
import { NETWORK_BITS, type PathRelay } from './relay.ts'
import { testRelay } from './relays.fixture.ts'
import { selectPath } from './select.ts'

const entry = testRelay('entry', '203.0.113.1', { country: 'NL' })
const middle = testRelay('middle', '198.51.100.1', { country: 'SE' })
const exit = testRelay('exit', '192.0.2.1', { exit: 'stream', country: 'DE' })
const RULE = { entry, hops: 3, networkBits: NETWORK_BITS, factor: () => 1, avoid: [] } as const

function select(relays: readonly PathRelay[], more = {}) {
  return selectPath({ ...RULE, relays, random: new SeededRandom(3), ...more })
}

/** How many of 500 paths have such a hop. */
function timesOf(relays: readonly PathRelay[], counts: (hop: PathRelay) => boolean, more = {}): number {
  const random = new SeededRandom(9)
  let times = 0
  for (let i = 0; i < 500; i++) {
    const path = selectPath({ ...RULE, relays, random, ...more })
    if (typeof path !== 'string' && path.some(counts)) times++
  }
  return times
}

const timesIn = (relays: readonly PathRelay[], relay: PathRelay, more = {}) =>
  timesOf(relays, (hop) => hop === relay, more)

describe('countries to avoid (K-08, issue 4)', () => {
  const avoiding = (avoidCountries: string[], more: Partial<PathPreferences> = {}) => {
    const preferences = { ...NO_PREFERENCES, avoidCountries, ...more }
    return { wishes: { refused: (relay: PathRelay) => isRefused(relay, preferences) } }
  }

  it('have no relay in any circuit, whatever else there is', () => {
    const other = testRelay('other', '192.1.2.1', { exit: 'stream', country: 'FR' })
    const relays = [entry, middle, exit, other]
    expect(timesIn(relays, exit)).toBeGreaterThan(100)
    expect(timesIn(relays, exit, avoiding(['DE']))).toBe(0)
    expect(select([entry, middle, exit], avoiding(['DE']))).toBe('no-exit')
    expect(select([entry, middle, exit], avoiding(['SE']))).toBe('no-relay')
    expect(select([entry, middle, exit], avoiding(['NL']))).toBe('no-relay')
    expect(select([entry, middle, exit], { ...avoiding(['DE']), last: exit })).toBe('no-relay')
  })

  it('count by what a relay says, too, where the table says otherwise', () => {
    const refused = (relay: Partial<PathRelay>) => avoiding(['DE']).wishes.refused({ ...middle, ...relay })
    expect(refused({ country: 'DE', claimed: { country: 'CH' } })).toBe(true)
    expect(refused({ country: 'CH', claimed: { country: 'DE' } })).toBe(true)
    expect(refused({ country: 'CH', claimed: { country: 'CH' } })).toBe(false)
  })

  it('may count relays of no known country among them', () => {
    const lost = testRelay('lost', '198.18.0.1')
    expect(avoiding(['DE']).wishes.refused(lost)).toBe(false)
    expect(avoiding(['DE'], { avoidUnknownCountry: true }).wishes.refused(lost)).toBe(true)
    expect(avoiding([], { avoidUnknownCountry: true }).wishes.refused(lost)).toBe(false)
  })
})

describe('standing of relays in path selection (D-06, C-06)', () => {
  it('keeps blocked relays out for good', () => {
    const blocked = { ...exit, standing: 'blocked' as const }
    expect(isRefused(blocked, NO_PREFERENCES)).toBe(true)
    expect(isRefused({ ...exit, standing: 'suspect' }, NO_PREFERENCES)).toBe(false)
  })

  it('takes suspects only where nobody else fits: not before a stock exit, nor before one that has just failed', () => {
    const suspect = testRelay('suspect', '192.1.2.1', { exit: 'stream', standing: 'suspect' })
    const stock = testRelay('stock', '192.2.2.1', { exit: 'datagram', culvert: false })
    expect(timesIn([entry, middle, exit, suspect], suspect)).toBe(0)
    expect(timesIn([entry, middle, stock, suspect], suspect)).toBe(0)
    const resting = (relay: PathRelay) => relay === exit
    expect(timesIn([entry, middle, exit, suspect], suspect, { resting })).toBe(0)
    expect(select([entry, middle, suspect])).toEqual([entry, middle, suspect])
  })

  it('takes exits that only one source knows of where there are no others, and such middles like all others', () => {
    const alone = testRelay('alone', '192.1.2.1', { exit: 'stream', unconfirmed: true })
    expect(timesIn([entry, middle, exit, alone], alone)).toBe(0)
    expect(select([entry, middle, alone])).toEqual([entry, middle, alone])
    const other = testRelay('other', '192.2.2.1', { unconfirmed: true })
    expect(timesIn([entry, middle, exit, other], other)).toBeGreaterThan(200)
  })

  it('weighs by trust, and gives all that are not proven a fifth together', () => {
    const exits = (count: number, more: Partial<PathRelay>) =>
      Array.from({ length: count }, (_, i) =>
        testRelay('x', `192.${20 + i}.2.1`, { exit: 'stream', ...more }),
      )
    const half = testRelay('half', '192.2.2.1', { exit: 'stream', trust: 0.5 })
    const whole = exits(9, { trust: 1 })
    expect(timesIn([entry, middle, half, ...whole], half) / 500).toBeCloseTo(0.5 / 9.5, 1)
    const proven = exits(10, { standing: 'trusted' })
    const crowd = Array.from({ length: 50 }, (_, i) =>
      testRelay('c', `193.${i}.2.1`, { exit: 'stream', standing: 'unproven' }),
    )
    const times = timesOf([entry, middle, ...proven, ...crowd], (last) => crowd.includes(last))
    expect(times / 500).toBeGreaterThan(0.15)
    expect(times / 500).toBeLessThan(0.25)
    const first = proven.slice(0, 1)
    const alone = timesOf([entry, middle, ...first, ...crowd], (last) => first.includes(last))
    expect(alone / 500).toBeLessThan(0.15)
  })
})

describe('autonomous systems by table and by claim (C-03)', () => {
  it('set relays of one system apart, whatever they claim', () => {
    const path = (a: Partial<PathRelay>, b: Partial<PathRelay>) =>
      select([
        { ...middle, ...a },
        { ...exit, ...b },
      ])
    expect(path({ as: 64_500 }, { as: 64_500, claimed: { as: 64_501 } })).toBe('no-relay')
    expect(path({ as: 64_500 }, { as: 64_501, claimed: { as: 64_500 } })).toBe('no-relay')
    expect(path({ as: 64_500 }, { as: 64_501, claimed: { as: 64_501 } })).toHaveLength(3)
    expect(path({}, {})).toHaveLength(3)
  })
})

describe('near first (K-08)', () => {
  const centres: Record<string, GeoPoint> = {
    NL: { latitude: 52, longitude: 5 },
    DE: { latitude: 51, longitude: 10 },
    AU: { latitude: -25, longitude: 134 },
  }
  const near = nearness({ centre: (country) => centres[country] })

  it('weighs by distance, and what lies nowhere as if it were far', () => {
    const at = (country?: string) => testRelay('r', '192.9.2.1', country ? { country } : {})
    expect(near(at('NL'), at('NL'))).toBe(1)
    expect(near(at('NL'), at('DE'))).toBeCloseTo(1_000 / 1_360, 1)
    expect(near(at('DE'), at('NL'))).toBe(near(at('NL'), at('DE')))
    expect(near(at('NL'), at('AU'))).toBeLessThan(0.07)
    expect(near(at('NL'), at())).toBeCloseTo(1 / 9)
    expect(near(at('NL'), at('XX'))).toBeCloseTo(1 / 9)
  })

  it('draws near hops more often, far ones still', () => {
    const exits = ['DE', 'DE', 'AU', 'AU'].map((country, i) =>
      testRelay(country, `192.${i}.2.1`, { exit: 'stream', country }),
    )
    const far = exits[2] as PathRelay
    const relays = [entry, middle, ...exits]
    expect(timesIn(relays, far)).toBeGreaterThan(90)
    const times = timesIn(relays, far, { wishes: { refused: () => false, near } })
    expect(times).toBeGreaterThan(5)
    expect(times).toBeLessThan(50)
  })
})
