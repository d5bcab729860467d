import { describe, expect, it } from 'vitest'
import { KeyPair } from '../identity/keys.ts'
import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { EntryLinks, type EntryRelay } from './entry-links.ts'

const random = new SeededRandom(3)
const relays: EntryRelay[] = ['a', 'b', 'c'].map((name) => ({
  publicKey: KeyPair.generate(random).publicKey,
  url: `ws://${name}.example/relay`,
}))

function fakeLink(): Link & { open: boolean } {
  return {
    kind: 'simulated',
    mtu: 1_500,
    address: { kind: 'ipv4', host: '198.51.100.1', port: 1 },
    open: true,
    send: () => {},
    close: () => {},
  }
}

/** An entry over relays that let everyone in; `asked` tells which were tried, `links` what came of it. */
function entryTo(candidates: readonly EntryRelay[], inUse: (link: Link) => boolean = () => false) {
  const clock = new VirtualClock()
  const asked: string[] = []
  const links: Link[] = []
  const entry = new EntryLinks({
    clock,
    count: 1,
    candidates: () => candidates,
    open: async ({ url }) => {
      asked.push(url)
      const link = fakeLink()
      links.push(link)
      return link
    },
    opened: () => {},
    inUse,
    changed: () => {},
  })
  const settle = async (ms: number) => {
    clock.advance(ms)
    for (let i = 0; i < 5; i++) await Promise.resolve()
  }
  const drop = () => entry.closed(links.at(-1) as Link)
  return { entry, asked, links, settle, drop }
}

describe('the link to a first hop (C-05, L-01)', () => {
  it('comes back at once to a relay that served for a while', async () => {
    const { entry, asked, settle, drop } = entryTo(relays)
    entry.want()
    await settle(0)
    await settle(60_000)
    drop()
    await settle(0)
    expect(asked).toHaveLength(2)
    expect(asked[1]).toBe(asked[0])
    expect(entry.state).toBe('open')
  })

  it('goes to the best when the order changes, and leaves the others alone while the old one is in use', async () => {
    const [a, b, c] = relays as [EntryRelay, EntryRelay, EntryRelay]
    const order = [c]
    const { entry, asked, links, settle } = entryTo(order, (link) => link === links[0])
    entry.want()
    await settle(0)
    order.unshift(a, b)
    entry.look()
    await settle(0)
    await settle(0)
    expect(asked).toEqual([c.url, a.url])
    expect(entry.list().map(({ relay }) => relay)).toEqual([a, c])
  })

  it('waits ever longer for one that lets it in only to drop it, and says so', async () => {
    const { entry, asked, settle, drop } = entryTo(relays.slice(0, 1))
    entry.want()
    await settle(0)
    for (const pauseMs of [500, 1_000, 2_000, 5_000, 10_000, 10_000]) {
      const before = asked.length
      drop()
      await settle(pauseMs - 1)
      expect(asked).toHaveLength(before)
      await settle(1)
      expect(asked).toHaveLength(before + 1)
    }
    drop()
    expect(entry.unreachable).toBe(true)
  })

  it('goes to another relay then, if there is one', async () => {
    const { entry, asked, settle, drop } = entryTo(relays)
    entry.want()
    await settle(0)
    drop()
    await settle(500)
    expect(new Set(asked).size).toBe(2)
  })

  it('goes to the first that answers, though many before it let every try run out', async () => {
    const clock = new VirtualClock()
    const asked: string[] = []
    const silent = Array.from({ length: 4 }, (_, i) => ({
      publicKey: KeyPair.generate(random).publicKey,
      url: `ws://silent${i}.example/relay`,
    }))
    const [a] = relays as [EntryRelay]
    const entry = new EntryLinks({
      clock,
      count: 2,
      candidates: () => [...silent, a],
      open: (relay) =>
        new Promise((open, reject) => {
          asked.push(relay.url)
          if (relay === a) open(fakeLink())
          else clock.after(10_000, () => reject(new RangeError('no answer')))
        }),
      opened: () => {},
      changed: () => {},
    })
    entry.want()
    for (let s = 0; s < 21; s++) {
      clock.advance(1_000)
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
    expect(entry.list().map(({ relay }) => relay)).toEqual([a])
    // Nobody was tried twice before everybody was tried once.
    expect(asked.slice(0, 5)).toEqual([...silent, a].map(({ url }) => url))
    entry.stop()
  })

  it('is missed only when the last one that is being tried has failed too', async () => {
    const clock = new VirtualClock()
    const dials: { readonly relay: EntryRelay; open(link: Link): void; fail(): void }[] = []
    const told: [string, boolean][] = []
    const entry = new EntryLinks({
      clock,
      count: 2,
      candidates: () => relays,
      open: (relay) =>
        new Promise((open, reject) =>
          dials.push({ relay, open, fail: () => reject(new RangeError('shut')) }),
        ),
      opened: () => {},
      failed: ({ url }, alone) => told.push([url, alone]),
      changed: () => {},
    })
    const [a, b, c] = relays as [EntryRelay, EntryRelay, EntryRelay]
    const settle = async () => {
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
    entry.want()
    // `a` is refused while `b` may still open, `b` while `c` may.
    for (const dial of [0, 1]) {
      dials[dial]?.fail()
      await settle()
      expect(told).toEqual([])
    }
    expect(dials.map(({ relay }) => relay)).toEqual([a, b, c])
    clock.advance(500)
    await settle()
    // By now `a` is tried again, which says nothing for it.
    expect(dials[3]?.relay).toBe(a)
    dials[2]?.fail()
    await settle()
    expect(told).toEqual([[c.url, true]])
    dials[3]?.open(fakeLink())
    await settle()
    dials[4]?.fail()
    await settle()
    expect(told.slice(1)).toEqual([[b.url, false]])
  })

  it('is left alone once stopped', async () => {
    const { entry, asked, settle, drop } = entryTo(relays)
    entry.want()
    await settle(0)
    entry.stop()
    drop()
    await settle(60_000)
    expect(asked).toHaveLength(1)
    expect(entry.state).toBe('idle')
  })
})
