import type { Checks, Standing } from '../../shared/trust/verdict.ts'
import type { CircuitPlace, RelayRow, RelaysView, VerdictView } from '../engine/relays-protocol.ts'

/** Scripted relays, as views.fixture.ts has scripted views. Never part of the built app. */

const passed: Checks = { address: true, port: true, key: true, answer: true, proof: true }

export function verdict(over: Partial<VerdictView> = {}): VerdictView {
  return {
    checks: passed,
    score: 1,
    reputation: 0.82,
    class: 'high',
    standing: 'trusted',
    reasons: ['proved-key', 'circuits-work', 'told-by-others'],
    ageSeconds: 840,
    voices: 3,
    ...over,
  }
}

export function relay(id: number, over: Partial<RelayRow> = {}): RelayRow {
  return {
    id,
    name: `relay ${id}`,
    fingerprint: (0x1a2b3c4d + id * 0x01010101).toString(16).slice(0, 8),
    host: `198.51.${id % 100}.${(id * 7) % 250}`,
    exit: id % 3 === 0 ? 'stream' : 'none',
    country: undefined,
    countryClaimed: false,
    as: undefined,
    family: '',
    contact: '',
    promised: 12_500_000,
    measured: undefined,
    verdict: verdict(),
    confirmedBy: 3,
    hiddenByEntry: false,
    unconfirmed: false,
    mark: undefined,
    circuits: [],
    ...over,
  }
}

const place = (position: number, primary = true): CircuitPlace => ({
  circuit: primary ? 1 : 2,
  position,
  last: position === 2,
  primary,
})

const named: readonly RelayRow[] = [
  relay(1, { name: 'Marram', country: 'NL', as: 1103, circuits: [place(0)], measured: 9_800_000 }),
  relay(2, { name: 'Sallow', country: 'CZ', as: 2852, circuits: [place(1)], measured: 15_300_000 }),
  relay(3, {
    name: 'Osier',
    country: 'CA',
    as: 376,
    circuits: [place(2)],
    measured: 11_100_000,
    contact: 'osier@relays.example',
    family: 'withy',
  }),
  relay(4, { name: 'Alder', country: 'IS', as: 1850, circuits: [place(0, false)] }),
  relay(5, { name: 'Willow', country: 'DE', as: 680, circuits: [place(1, false)] }),
  relay(6, { name: 'Hazel', country: 'CH', as: 559, circuits: [place(2, false)] }),
  relay(7, {
    name: 'Reed',
    country: 'BR',
    as: 1916,
    hiddenByEntry: true,
    verdict: verdict({ standing: 'unproven', reputation: 0.5, reasons: ['few-observations', 'proved-key'] }),
  }),
  relay(8, {
    name: 'Bulrush',
    country: 'US',
    as: 14_061,
    promised: 125_000_000,
    measured: 640_000,
    verdict: verdict({
      standing: 'suspect',
      reputation: 0.21,
      reasons: ['over-promised', 'circuits-fail', 'proved-key'],
    }),
  }),
  relay(9, {
    name: 'Bindweed',
    country: 'US',
    as: 14_061,
    verdict: verdict({
      checks: { ...passed, answer: false, proof: false },
      score: 0.6,
      reputation: 0.1,
      class: 'medium',
      standing: 'blocked',
      reasons: ['altered-data', 'no-answer', 'no-proof'],
    }),
  }),
  relay(10, {
    name: 'Sedge',
    hiddenByEntry: true,
    unconfirmed: true,
    confirmedBy: 1,
    promised: undefined,
    verdict: verdict({
      checks: { ...passed, answer: undefined, proof: undefined },
      score: 0.6,
      reputation: 0.5,
      class: 'unchecked',
      standing: 'unproven',
      reasons: ['not-checked', 'few-observations'],
      ageSeconds: undefined,
      voices: 0,
    }),
  }),
]

const places = [
  'DE',
  'NL',
  'US',
  'FR',
  'FI',
  'JP',
  'SG',
  'AU',
  'ZA',
  'SE',
  'PL',
  'RO',
  'IN',
  'AR',
  'GB',
  'ES',
]
const standings: readonly Standing[] = ['trusted', 'trusted', 'trusted', 'unproven', 'suspect', 'trusted']

/** A network of `count` relays, the named ones among them. */
function network(count: number): readonly RelayRow[] {
  return Array.from({ length: count }, (_, i) => {
    const row = named[i]
    if (row) return row
    const standing = standings[i % standings.length] ?? 'trusted'
    return relay(i + 1, {
      country: places[(i * i + 3 * i) % places.length],
      as: 1_000 + ((i * 37) % 900),
      promised: 1_000_000 * (1 + ((i * 13) % 40)),
      verdict: verdict({ standing, reputation: standing === 'trusted' ? 0.7 : 0.4 }),
    })
  })
}

const nothingFound: RelaysView['search'] = { running: [], results: [], statistics: [] }

export function relaysView(over: Partial<RelaysView> = {}): RelaysView {
  return {
    relays: network(64),
    more: 0,
    comparison: { asked: 3, hidden: 2, unconfirmed: 1 },
    search: nothingFound,
    avoid: { countries: [], strict: false },
    near: false,
    geo: 'here',
    ...over,
  }
}

const inLab = (id: number, name: string, circuits: readonly CircuitPlace[]): RelayRow =>
  relay(id, { name, host: `127.0.0.${10 + id}`, circuits, promised: undefined })

/** What the relays page meets, by name. */
export const relayScenes = {
  world: relaysView(),
  none: relaysView({ relays: [], comparison: { asked: 0, hidden: 0, unconfirmed: 0 }, geo: 'loading' }),
  lab: relaysView({
    relays: [
      inLab(1, 'alder', [place(0)]),
      inLab(2, 'birch', [place(0, false)]),
      inLab(3, 'cedar', [place(1)]),
      inLab(4, 'elder', [place(1, false)]),
      inLab(5, 'hazel', [place(2, false)]),
      inLab(6, 'rowan', [place(2)]),
    ],
    comparison: { asked: 3, hidden: 0, unconfirmed: 0 },
  }),
  thousands: relaysView({ relays: network(2_000), more: 340 }),
  searched: relaysView({
    avoid: { countries: ['US', 'AU'], strict: true },
    near: true,
    search: {
      running: ['tracker'],
      results: [
        { method: 'dht', found: 3, met: 7, seconds: 4.1, success: true, problem: undefined },
        { method: 'bootstrap', found: 0, met: 61, seconds: 0.4, success: true, problem: undefined },
        { method: 'exchange', found: 0, met: 0, seconds: 30, success: false, problem: 'no-answer' },
      ],
      statistics: [
        { method: 'dht', runs: 3, successes: 2, found: 5, meanSeconds: 6.2 },
        { method: 'exchange', runs: 1, successes: 0, found: 0, meanSeconds: 30 },
        { method: 'bootstrap', runs: 1, successes: 1, found: 0, meanSeconds: 0.4 },
      ],
    },
  }),
} as const satisfies Record<string, RelaysView>

export type RelaySceneName = keyof typeof relayScenes
