import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { GUARDS } from './constants.ts'
import { type GuardCandidate, Guards } from './guards.ts'

const DAY_MS = 86_400_000
const seeded = new SeededRandom(8)
const relays: GuardCandidate[] = Array.from({ length: 40 }, (_, i) => ({
  publicKey: KeyPair.generate(seeded).publicKey,
  url: `ws://relay${i}.example/relay`,
}))

async function guardsOf(seed = 1, kept?: Uint8Array, clock = new VirtualClock()) {
  const random = new SeededRandom(seed)
  const store = { kept, saves: 0 }
  const guards = new Guards({
    clock,
    random,
    store: {
      load: async () => store.kept,
      save: async (bytes) => {
        store.kept = bytes
        store.saves++
      },
    },
    choose: (candidates) => candidates[random.bytes(1)[0] as number],
  })
  await guards.load()
  const names = () => guards.list().map(({ url }) => url)
  return { guards, clock, store, names }
}

describe('guards kept for weeks (issue 3, C-05)', () => {
  it('are sampled once, and the same in the next run', async () => {
    const first = await guardsOf(1)
    while (first.names().length < GUARDS.sampled) first.guards.update(relays)
    const names = first.names()
    first.guards.update(relays)
    expect(first.names()).toEqual(names)
    const second = await guardsOf(2, first.store.kept, first.clock)
    expect(second.names()).toEqual(names)
    second.guards.update(relays)
    expect(second.names()).toEqual(names)
    expect(second.store.saves).toBe(0)
  })

  it('stay for 30 days and are gone after 60', async () => {
    const { guards, clock, names } = await guardsOf(3)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const first = names()
    for (let day = 0; day < 29; day++) {
      clock.advance(DAY_MS)
      guards.update(relays)
    }
    expect(names()).toEqual(first)
    for (let day = 0; day < 32; day++) {
      clock.advance(DAY_MS)
      guards.update(relays)
    }
    for (const name of first) expect(names()).not.toContain(name)
  })

  it('go when lists have lacked them for a week, not before', async () => {
    const { guards, clock, names } = await guardsOf(4)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const [lost] = names()
    const others = relays.filter(({ url }) => url !== lost)
    clock.advance(DAY_MS)
    guards.update(others)
    clock.advance(6 * DAY_MS)
    guards.update(others)
    expect(names()[0]).toBe(lost)
    guards.update(relays)
    clock.advance(3 * DAY_MS)
    guards.update(others)
    expect(names()[0]).toBe(lost)
    clock.advance(8 * DAY_MS)
    guards.update(others)
    expect(names()).not.toContain(lost)
  })

  it('are the same for who comes once a fortnight', async () => {
    let visit = await guardsOf(10)
    while (visit.names().length < GUARDS.sampled) visit.guards.update(relays)
    const first = visit.names()
    visit.guards.unreached(visit.guards.list()[2] as GuardCandidate)
    visit.clock.advance(14 * DAY_MS)
    visit = await guardsOf(11, visit.store.kept, visit.clock)
    visit.guards.update(relays)
    expect(visit.names()).toEqual(first)
    // Missing at the end of one visit, and there again in the next.
    visit.guards.update(relays.filter(({ url }) => url !== first[0]))
    visit.clock.advance(14 * DAY_MS)
    visit = await guardsOf(12, visit.store.kept, visit.clock)
    visit.guards.update(relays)
    expect(visit.names()).toEqual(first)
  })

  it('are remembered as missing from one visit to the next', async () => {
    const before = await guardsOf(13)
    while (before.names().length < GUARDS.sampled) before.guards.update(relays)
    const [lost] = before.names()
    const others = relays.filter(({ url }) => url !== lost)
    before.guards.update(others)
    before.clock.advance(8 * DAY_MS)
    const after = await guardsOf(14, before.store.kept, before.clock)
    expect(after.names()[0]).toBe(lost)
    after.guards.update(others)
    expect(after.names()).not.toContain(lost)
  })

  it('are read as they were kept when the day of the last list was kept with them', async () => {
    const { guards, clock, store, names } = await guardsOf(15)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const first = names()
    const kept = store.kept as Uint8Array
    const old = new Uint8Array([1, ...kept.slice(1)])
    const listedAt = 2 + 74 + 2 + (first[0] as string).length + 4
    new DataView(old.buffer).setUint32(listedAt, clock.wall() / 1_000)
    clock.advance(20 * DAY_MS)
    const next = await guardsOf(16, old, clock)
    expect(next.names()).toEqual(first)
    next.guards.update(relays.filter(({ url }) => url !== first[0]))
    expect(next.names()).toEqual(first)
  })

  it('are not replaced for a failure of the day, but after two weeks of failures', async () => {
    const { guards, clock, names } = await guardsOf(5)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const [down, up] = guards.list() as [GuardCandidate, GuardCandidate]
    guards.unreached(down)
    guards.unreached(up)
    clock.advance(10 * DAY_MS)
    guards.unreached(down)
    guards.reached(up)
    guards.update(relays)
    expect(names().slice(0, 2)).toEqual([down.url, up.url])
    clock.advance(6 * DAY_MS)
    guards.update(relays)
    expect(names()[0]).toBe(down.url)
    guards.unreached(up)
    guards.unreached(down)
    guards.update(relays)
    expect(names()).not.toContain(down.url)
    expect(names()[0]).toBe(up.url)
  })

  it('have another beside them when they are neither listed nor reached, and serve again when they come back', async () => {
    const { guards, clock, names } = await guardsOf(4)
    const fill = (candidates: GuardCandidate[]) => {
      for (let tries = 0; tries < 100; tries++) guards.update(candidates)
    }
    fill(relays)
    const first = names()
    const gone = guards.list().slice(0, 2)
    const others = relays.filter((relay) => !gone.some(({ url }) => url === relay.url))
    clock.advance(21 * DAY_MS)
    // Missing alone, or a failure alone, changes nothing.
    fill(others)
    expect(names()).toEqual(first)
    for (const guard of gone) guards.unreached(guard)
    fill(others)
    expect(names().slice(0, GUARDS.sampled)).toEqual(first)
    expect(names()).toHaveLength(GUARDS.sampled + 2)
    // A guard for each that is gone, and no more.
    fill(others)
    for (const guard of gone) guards.reached(guard)
    fill(relays)
    expect(names()).toHaveLength(GUARDS.sampled + 2)
    expect(names().slice(0, GUARDS.sampled)).toEqual(first)
  })

  it('grow in number slowly and to a limit when none can be reached', async () => {
    const { guards, clock, names } = await guardsOf(6)
    while (names().length < GUARDS.sampled) guards.update(relays)
    for (let i = 0; i < 50; i++) guards.grow(relays)
    expect(names().length).toBeLessThanOrEqual(GUARDS.sampled + 1)
    for (let i = 0; i < 200; i++) {
      clock.advance(GUARDS.growEveryMs)
      guards.grow(relays)
    }
    expect(names().length).toBe(GUARDS.maxSampled)
    expect(new Set(names()).size).toBe(GUARDS.maxSampled)
  })

  it('are chosen anew if what was kept is damaged, whatever it is', async () => {
    const { guards, store, names } = await guardsOf(7)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const whole = store.kept as Uint8Array
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 300 }), async (at, noise) => {
        for (const bytes of [whole.slice(0, at), noise, new Uint8Array([9, ...whole.slice(1)])]) {
          expect((await guardsOf(8, bytes)).names()).toEqual([])
        }
      }),
      { numRuns: 30 },
    )
    const failing = new Guards({
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      store: {
        load: () => Promise.reject(new RangeError('no')),
        save: () => Promise.reject(new RangeError()),
      },
      choose: (candidates) => candidates[0],
    })
    await failing.load()
    failing.update(relays)
    expect(failing.list()).toHaveLength(GUARDS.sampled)
  })

  it('do not live on because a clock was set back', async () => {
    const late = new VirtualClock(Date.UTC(2030, 0))
    const { guards, store, names } = await guardsOf(9, undefined, late)
    while (names().length < GUARDS.sampled) guards.update(relays)
    const back = await guardsOf(9, store.kept, new VirtualClock(Date.UTC(2029, 0)))
    expect(back.names()).toEqual([])
  })
})

describe('guards that their owner does not want now (K-08, issue 4)', () => {
  it('stay in the list while others serve in their place, up to the limit of the list', async () => {
    const unwanted = new Set<string>()
    const clock = new VirtualClock()
    const guards = new Guards({
      clock,
      random: new SeededRandom(3),
      choose: (candidates) => candidates[0],
      serves: ({ url }) => !unwanted.has(url),
    })
    const urls = () => guards.list().map(({ url }) => url)
    guards.update(relays)
    const [first] = urls()
    expect(urls()).toHaveLength(GUARDS.sampled)
    unwanted.add(first as string)
    guards.update(relays)
    expect(urls()).toHaveLength(GUARDS.sampled + 1)
    expect(urls()[0]).toBe(first)
    for (const { url } of relays) unwanted.add(url)
    guards.update(relays)
    expect(urls()).toHaveLength(GUARDS.maxSampled)
  })
})
