import { beforeEach, describe, expect, it } from 'vitest'
import type { RelayView } from '../../shared/client/known-relays.ts'
import type { RelayDescriptor } from '../../shared/directory/descriptor.ts'
import { NO_PREFERENCES, type PathPreferences } from '../../shared/path/preferences.ts'
import type { PathRelay } from '../../shared/path/relay.ts'
import { testRelay } from '../../shared/path/relays.fixture.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { NO_CHECKS, type Verdict } from '../../shared/trust/verdict.ts'
import type { SearchMethod } from '../engine/relays-protocol.ts'
import { Desk, type DeskOptions } from './desk.ts'
import type { RelayPreferences } from './preferences.ts'
import { RelayNumbers } from './rows.ts'

const verdict: Verdict = {
  checks: NO_CHECKS,
  score: 0.4,
  reputation: 0.5,
  class: 'unchecked',
  standing: 'unproven',
  reasons: ['not-checked'],
  checkedMs: undefined,
  by: undefined,
  voices: 0,
  byHand: undefined,
}

function viewOf(relay: PathRelay, over: Partial<RelayView> = {}): RelayView {
  return {
    relay,
    descriptor: { contact: 'a@b.example' } as unknown as RelayDescriptor,
    verdict,
    measured: undefined,
    confirmedBy: 2,
    hiddenByEntry: false,
    unconfirmed: false,
    ...over,
  }
}

const [entry, middle, exit, spare] = ['entry', 'middle', 'exit', 'spare'].map((name, i) =>
  testRelay(name, `198.51.10${i}.1`),
) as [PathRelay, PathRelay, PathRelay, PathRelay]

let clock: VirtualClock
let views: RelayView[]
let said: unknown[]
let kept: RelayPreferences[]

function newDesk(): Desk {
  const primary = { number: 3, path: [entry, middle, exit] }
  const standby = { number: 4, path: [entry, spare] }
  const client = {
    relayViews: () => views,
    status: () => ({
      circuits: [primary, standby],
      primary,
      comparison: { asked: 3, hidden: 1, unconfirmed: 2, running: false },
    }),
    trustBook: { markByHand: (mid: Uint8Array, mark: unknown) => said.push(['mark', mid, mark]) },
    trustChanged: () => said.push(['trust-changed']),
    setPreferences: (preferences: PathPreferences) => said.push(['prefer', preferences]),
  }
  return new Desk({
    client: client as unknown as DeskOptions['client'],
    clock,
    geo: { state: 'here' } as DeskOptions['geo'],
    search: {
      run: async (method: SearchMethod) => said.push(['search', method]),
      view: () => ({ running: [], results: [], statistics: [] }),
    } as unknown as DeskOptions['search'],
    preferences: NO_PREFERENCES,
    store: {
      load: async () => undefined,
      save: async (preferences) => {
        kept.push(preferences)
      },
    },
    unkept: () => said.push(['unkept']),
  })
}

beforeEach(() => {
  clock = new VirtualClock()
  views = [entry, middle, exit, spare].map((relay) => viewOf(relay))
  said = []
  kept = []
})

describe('what the relays page is shown (D-06, D-08, K-08)', () => {
  it('has each relay with its places in the circuits of now', () => {
    const { relays } = newDesk().view()
    expect(relays.map(({ name }) => name)).toEqual(['entry', 'middle', 'exit', 'spare'])
    expect(relays.map(({ circuits }) => circuits)).toEqual([
      [
        { circuit: 3, position: 0, last: false, primary: true },
        { circuit: 4, position: 0, last: false, primary: false },
      ],
      [{ circuit: 3, position: 1, last: false, primary: true }],
      [{ circuit: 3, position: 2, last: true, primary: true }],
      [{ circuit: 4, position: 1, last: true, primary: false }],
    ])
  })

  it('says where a country is only the relay’s own word', () => {
    views = [
      viewOf({ ...entry, country: 'NL', as: 1_103, claimed: { country: 'SE' } }),
      viewOf({ ...middle, claimed: { country: 'SE', as: 7 } }),
      viewOf(exit),
    ]
    const places = newDesk()
      .view()
      .relays.map(({ country, countryClaimed, as }) => [country, countryClaimed, as])
    expect(places).toEqual([
      ['NL', false, 1_103],
      ['SE', true, 7],
      [undefined, false, undefined],
    ])
  })

  it('tells whose word a verdict is, and how old', () => {
    clock.advance(60_000)
    const checkedMs = clock.wall() - 30_000
    views = [
      viewOf(entry, { verdict: { ...verdict, checkedMs, by: 'others', voices: 4 } }),
      viewOf(middle, { verdict: { ...verdict, checkedMs, by: 'self', voices: 4, byHand: 'trusted' } }),
      viewOf(exit),
    ]
    const rows = newDesk().view().relays
    expect(rows.map((row) => [row.verdict.ageSeconds, row.verdict.voices, row.mark])).toEqual([
      [30, 4, undefined],
      [30, 0, 'trusted'],
      [undefined, 0, undefined],
    ])
  })

  it('shows families as text where they are text', () => {
    views = [viewOf({ ...entry, family: '6f7361' }), viewOf({ ...middle, family: 'ff00' }), viewOf(exit)]
    expect(
      newDesk()
        .view()
        .relays.map(({ family }) => family),
    ).toEqual(['osa', 'ff00', ''])
  })

  it('shows at most two thousand, those of the circuits among them', () => {
    const other = testRelay('other', '203.0.113.1')
    const many = Array.from({ length: 2_100 }, () => viewOf(other))
    views = [...many, viewOf(entry), viewOf(exit)]
    const { relays, more } = newDesk().view()
    expect(relays).toHaveLength(2_000)
    expect(more).toBe(102)
    expect(relays.filter(({ name }) => name === 'exit')).toHaveLength(1)
  })
})

describe('what a visitor does about relays (D-06, K-08)', () => {
  it('marks the relay that has the number, and no other', () => {
    const desk = newDesk()
    const row = desk.view().relays.find(({ name }) => name === 'exit')
    desk.receive({ type: 'mark-relay', id: row?.id ?? -1, mark: 'blocked' })
    expect(said).toEqual([['mark', exit.publicKey.mid, 'blocked'], ['trust-changed']])
    desk.receive({ type: 'mark-relay', id: 999, mark: 'blocked' })
    expect(said).toHaveLength(2)
  })

  it('keeps numbers while relays come and go', () => {
    const desk = newDesk()
    const before = desk.view().relays.at(-1)?.id
    views = views.slice(-1)
    expect(desk.view().relays[0]?.id).toBe(before)
  })

  it('gives no number twice, however many relays strangers make up', () => {
    const numbers = new RelayNumbers(3)
    const first = numbers.of(entry)
    expect([middle, exit, spare].map((relay) => numbers.of(relay))).toEqual([2, 3, 4])
    expect(numbers.relay(first)).toBeUndefined()
    expect(numbers.relay(4)).toBe(spare)
    expect(numbers.of(entry)).toBe(5)
  })

  it('prefers, keeps what is preferred, and shows it', () => {
    const desk = newDesk()
    desk.receive({ type: 'avoid-countries', avoid: { countries: ['US', 'DE'], strict: true } })
    desk.receive({ type: 'near-first', on: true })
    const wanted = { avoidCountries: ['DE', 'US'], avoidUnknownCountry: true, near: true }
    expect(said.at(-1)).toEqual(['prefer', wanted])
    expect(kept.at(-1)).toEqual(wanted)
    expect(desk.view()).toMatchObject({ avoid: { countries: ['DE', 'US'], strict: true }, near: true })
  })

  it('looks for relays', () => {
    newDesk().receive({ type: 'find-relays', method: 'tracker' })
    expect(said).toEqual([['search', 'tracker']])
  })
})
