import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { messagePacket } from './control.ts'
import { Town, type TownKeeper, townAddress } from './keeper.fixture.ts'
import { KEEPER_SETTINGS, NEIGHBOUR_SETTINGS, PRIORITIES } from './keeper-limits.ts'
import { KEYS, wirePair } from './neighbour.fixture.ts'

const { reconnectMs, retryDelayMs, restMs, maxLinks, betterMs } = KEEPER_SETTINGS

/** One keeper that knows all others, by one priority; none of the others dials. */
async function started(count: number, priority: number = PRIORITIES.discovered, settings = {}) {
  const clock = new VirtualClock()
  const town = new Town(clock)
  const hub = town.add(settings)
  for (let i = 0; i < count; i++) hub.knows(town.add(), priority)
  hub.keeper.start()
  await clock.advanceAsync(5_000)
  return { clock, town, hub, others: town.keepers.slice(1) as readonly TownKeeper[] }
}

/** The other dials the hub, as a relay that the hub knows or not. */
async function callsIn(
  town: Town,
  other: TownKeeper,
  hub: TownKeeper,
  kinds: ('tcp' | 'websocket')[] = ['tcp'],
) {
  other.knows(hub, PRIORITIES.trusted, kinds)
  other.keeper.start()
  await town.clock.advanceAsync(2_000)
}

describe('keeper of links (L-02, L-05)', () => {
  it('dials until it has the fewest that it wants, and no more', async () => {
    const { hub, clock, town } = await started(8)
    expect(hub.links).toBe(3)
    await clock.advanceAsync(200_000)
    expect(hub.links).toBe(3)
    expect(town.dials).toHaveLength(3)
  })

  it('dials all whom the operator named or trusts, up to the most that it may have', async () => {
    for (const priority of [PRIORITIES['first-ring'], PRIORITIES.trusted]) {
      const { hub } = await started(13, priority)
      expect(hub.links).toBe(maxLinks)
    }
    expect((await started(6, PRIORITIES.trusted)).hub.links).toBe(6)
    expect((await started(6, PRIORITIES.verified)).hub.links).toBe(3)
  })

  it('prefers the better ones', async () => {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const hub = town.add({ minLinks: 2 })
    const all = [2, 6, 4, 6, 2].map((priority) => {
      const other = town.add()
      hub.knows(other, priority)
      return other
    })
    hub.keeper.start()
    await clock.advanceAsync(5_000)
    expect(hub.keeper.status().neighbours.map(({ priority }) => priority)).toEqual([6, 6])
    expect(all.map((other) => hub.linkTo(other) !== undefined)).toEqual([false, true, false, true, false])
  })

  it('tries three times, half a minute apart, and then rests', async () => {
    const { town, clock, hub } = await started(0)
    const other = town.add()
    other.isUp = false
    hub.knows(other)
    const begunMs = clock.now()
    await clock.advanceAsync(restMs - 60_000)
    const times = town.dials.map(({ atMs }) => atMs - begunMs)
    expect(times).toHaveLength(3)
    const [first = 0, second = 0, third = 0] = times
    for (const apart of [second - first, third - second]) {
      expect(apart).toBeGreaterThanOrEqual(retryDelayMs)
      expect(apart).toBeLessThan(1.5 * retryDelayMs + 6_000)
    }
    await clock.advanceAsync(restMs)
    expect(town.dials.length).toBeGreaterThan(3)
    expect(hub.keeper.status()).toMatchObject({ links: 0 })
  })

  it('gives up a dial that nobody answers when the time to connect is over', async () => {
    const { town, clock, hub } = await started(0)
    const other = town.add()
    town.dead.add('10.0.0.2 tcp')
    hub.knows(other)
    hub.keeper.look()
    await clock.advanceAsync(NEIGHBOUR_SETTINGS.connectTimeoutMs - 100)
    expect(hub.keeper.status()).toMatchObject({ links: 0, connecting: 1 })
    await clock.advanceAsync(200)
    expect(hub.keeper.status()).toMatchObject({ links: 0, connecting: 0 })
    expect(hub.closed).toEqual(['failed'])
  })

  it('opens a lost link again, not at once and not all at one moment', async () => {
    const { town, clock, hub } = await started(3, PRIORITIES.trusted)
    const before = town.dials.length
    for (const { pair } of town.openWires()) pair.cut()
    const lostMs = clock.now()
    await clock.advanceAsync(100_000)
    expect(hub.links).toBe(3)
    const again = town.dials.slice(before).map(({ atMs }) => atMs - lostMs)
    expect(again).toHaveLength(3)
    for (const ms of again) expect(ms).toBeGreaterThan(reconnectMs)
    expect(new Set(again).size).toBeGreaterThan(1)
  })

  it('dials at once for a link that circuits hang on, which survives', async () => {
    const { town, clock, hub, others } = await started(1, PRIORITIES.trusted)
    const link = hub.linkTo(others[0] as TownKeeper)
    if (!link) throw new Error('no link')
    hub.used.add(link)
    town.openWires()[0]?.pair.cut()
    link.send(Uint8Array.of(9), 5)
    await clock.advanceAsync(2_000)
    expect(link.status).toBe('open')
    expect(others[0]?.received).toEqual([Uint8Array.of(9)])
    expect(hub.closed).toEqual([])
  })

  it('takes those who call, up to the limit', async () => {
    const { town, hub, others } = await started(12, PRIORITIES.discovered, { minLinks: 0 })
    for (const other of others) await callsIn(town, other, hub)
    expect(hub.links).toBe(maxLinks)
    expect(others.filter((other) => other.links > 0)).toHaveLength(maxLinks)
    expect(hub.counters.get('keeper-link-refused')).toBeGreaterThanOrEqual(2)
  })

  it('lets the worst that nobody uses make way for a better one, never one in use', async () => {
    const { town, hub, others } = await started(3, PRIORITIES.discovered, { maxLinks: 2, minLinks: 2 })
    const better = town.add()
    hub.knows(better, PRIORITIES.verified)
    const [first, second] = others.filter((other) => hub.linkTo(other)) as [TownKeeper, TownKeeper]
    const kept = hub.linkTo(first)
    if (kept) hub.used.add(kept)
    await callsIn(town, better, hub)
    expect(hub.links).toBe(2)
    expect(hub.linkTo(first)).toBe(kept)
    expect(hub.linkTo(second)).toBeUndefined()
    expect(hub.linkTo(better)?.status).toBe('open')

    const best = town.add()
    hub.knows(best, PRIORITIES.trusted)
    const link = hub.linkTo(better)
    if (link) hub.used.add(link)
    await callsIn(town, best, hub)
    expect(hub.linkTo(best)).toBeUndefined()
    expect(hub.links).toBe(2)
  })

  it('looks for better ones now and then', async () => {
    const { town, clock, hub } = await started(2, PRIORITIES.discovered, { maxLinks: 2, minLinks: 2 })
    const better = town.add()
    hub.knows(better, PRIORITIES.verified)
    await clock.advanceAsync(betterMs + 10_000)
    expect(hub.linkTo(better)?.status).toBe('open')
    expect(hub.links).toBe(2)
    expect(hub.counters.get('keeper-displaced')).toBe(1)
  })

  it('displaces nobody for one that is no better', async () => {
    const { town, clock, hub } = await started(5, PRIORITIES.discovered, { maxLinks: 2, minLinks: 2 })
    await clock.advanceAsync(3 * betterMs)
    expect(hub.links).toBe(2)
    expect(town.dials).toHaveLength(2)
  })

  it('holds one link to a relay that dials at the same time', async () => {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const [a, b] = [town.add(), town.add()]
    a.knows(b, PRIORITIES.trusted)
    b.knows(a, PRIORITIES.trusted)
    a.keeper.start()
    b.keeper.start()
    await clock.advanceAsync(20_000)
    expect(town.dials).toHaveLength(2)
    expect([a.links, b.links]).toEqual([1, 1])
    expect(town.openWires()).toHaveLength(1)
    expect(town.openWires()[0]?.from).toBe(a)
  })

  it('sleeps when the month is used up: what there is stays, nothing new comes', async () => {
    const { town, clock, hub, others } = await started(3, PRIORITIES.trusted)
    hub.sleeping = true
    const late = town.add()
    hub.knows(late, PRIORITIES['first-ring'])
    await callsIn(town, late, hub)
    await clock.advanceAsync(20_000)
    expect(hub.linkTo(late)).toBeUndefined()
    expect(hub.keeper.neighbourTo(late.publicKey)).toBeUndefined()
    expect(hub.links).toBe(3)
    expect(others.every((other) => hub.linkTo(other))).toBe(true)
    expect(hub.keeper.status().sleeping).toBe(true)
    hub.sleeping = false
    await clock.advanceAsync(20_000)
    expect(hub.links).toBe(4)
  })

  it('closes all when it stops, and takes nobody any more', async () => {
    const { town, clock, hub, others } = await started(3)
    hub.keeper.stop()
    await clock.advanceAsync(1_000)
    expect(others.flatMap(({ closed }) => closed)).toEqual(['shutdown', 'shutdown', 'shutdown'])
    await callsIn(town, others[0] as TownKeeper, hub)
    expect(hub.links).toBe(0)
    expect(hub.keeper.neighbourTo((others[0] as TownKeeper).publicKey)).toBeUndefined()
  })
})

describe('several kinds to one relay (L-05, L-07)', () => {
  async function twoKinds() {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const [hub, other] = [town.add(), town.add()]
    hub.knows(other, PRIORITIES.trusted, ['tcp', 'websocket', 'tor'])
    hub.keeper.start()
    await clock.advanceAsync(5_000)
    const link = hub.linkTo(other)
    if (!link) throw new Error('no link')
    hub.used.add(link)
    return { clock, town, hub, other, link }
  }

  it('are two wires in one link, of which either may die', async () => {
    const { clock, town, hub, other, link } = await twoKinds()
    expect(hub.links).toBe(1)
    expect(link.wires.map(({ kind }) => kind).sort()).toEqual(['tcp', 'websocket'])
    const used = town.openWires().find(({ kind }) => kind === link.wires[0]?.kind)
    used?.pair.swallow()
    const beganMs = clock.now()
    const lost = []
    for (let i = 0; i < 30; i++) {
      const before = other.received.length
      link.send(Uint8Array.of(9), 5)
      await clock.advanceAsync(100)
      if (other.received.length === before) lost.push(clock.now() - beganMs)
    }
    expect(Math.max(...lost)).toBeLessThanOrEqual(1_000)
    expect(hub.closed).toEqual([])
    // The third kind, or a fresh wire of the dead kind, fills the place.
    await clock.advanceAsync(60_000)
    expect(link.wires.filter((wire) => !link.isSilent(wire))).toHaveLength(2)
  })

  it('are tried a little apart, and the first that answers is taken', async () => {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const [hub, other] = [town.add({ kindsPerLink: 1 }), town.add()]
    town.dead.add('10.0.0.2 tcp')
    hub.knows(other, PRIORITIES.trusted, ['tcp', 'websocket', 'tor'])
    hub.keeper.start()
    await clock.advanceAsync(1_000)
    expect(town.dials.map(({ kind }) => kind)).toEqual(['tcp'])
    await clock.advanceAsync(4_000)
    expect(town.dials.map(({ kind }) => kind)).toEqual(['tcp', 'websocket'])
    expect(hub.linkTo(other)?.wires.map(({ kind }) => kind)).toEqual(['websocket'])
  })

  it('are renewed when they are old, without an end of the link', async () => {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const [hub, other] = [town.add({ rotateAfterMs: 600_000 }), town.add({ rotateAfterMs: 600_000 })]
    hub.knows(other, PRIORITIES.trusted, ['tcp'])
    hub.keeper.start()
    await clock.advanceAsync(5_000)
    const link = hub.linkTo(other)
    const [old] = link?.wires ?? []
    await clock.advanceAsync(620_000)
    expect(hub.linkTo(other)).toBe(link)
    expect(link?.wires).toHaveLength(1)
    expect(link?.wires[0]).not.toBe(old)
    expect(old?.link.open).toBe(false)
    expect(town.dials).toHaveLength(2)
    expect([hub.closed, other.closed]).toEqual([[], []])
  })
})

describe('a link on demand (L-02)', () => {
  it('is dialled for whoever asks, and takes packets at once', async () => {
    const { town, clock, hub } = await started(0)
    const other = town.add()
    hub.knows(other)
    hub.keeper.stop()
    const fresh = town.add()
    fresh.knows(other, PRIORITIES.untrusted)
    const link = fresh.keeper.neighbourTo(other.publicKey)
    link?.send(Uint8Array.of(9), 5)
    expect(link?.status).toBe('connecting')
    expect(fresh.keeper.neighbourTo(other.publicKey)).toBe(link)
    await clock.advanceAsync(2_000)
    expect(other.received).toEqual([Uint8Array.of(9)])
    expect(link?.status).toBe('open')
  })

  it('is not to be had without an address, without room, to oneself, or to one that does not answer', async () => {
    const { town, clock, hub, others } = await started(4, PRIORITIES.discovered, { maxLinks: 3 })
    const stranger = town.add()
    expect(hub.keeper.neighbourTo(stranger.publicKey)).toBeUndefined()
    hub.known.set(stranger.number, {
      publicKey: stranger.publicKey,
      addresses: [{ kind: 'udp', at: townAddress(stranger.number).at }],
      priority: 4,
    })
    expect(hub.keeper.neighbourTo(stranger.publicKey)).toBeUndefined()
    expect(hub.keeper.neighbourTo(hub.publicKey)).toBeUndefined()

    const free = others.find((other) => !hub.linkTo(other)) as TownKeeper
    for (const neighbour of hub.keeper.relays()) hub.used.add(neighbour)
    expect(hub.keeper.neighbourTo(free.publicKey)).toBeUndefined()
    expect(hub.counters.get('keeper-full')).toBe(1)
    hub.used.clear()
    const link = hub.keeper.neighbourTo(free.publicKey)
    if (link) hub.used.add(link)
    await clock.advanceAsync(2_000)
    expect(link?.status).toBe('open')
    expect(hub.links).toBe(3)

    free.isUp = false
    const away = town.add()
    away.isUp = false
    hub.knows(away)
    for (let i = 0; i < 3; i++) {
      expect(hub.keeper.neighbourTo(away.publicKey)?.open).toBe(true)
      await clock.advanceAsync(2_000)
    }
    expect(hub.keeper.neighbourTo(away.publicKey)).toBeUndefined()
  })
})

describe('pages at a keeper (L-02)', () => {
  function callOfPage(town: Town, hub: TownKeeper, number: number) {
    const page = KEYS[15 - number] as (typeof KEYS)[0]
    const { clock, random } = town
    const pair = wirePair({ clock, random, left: page, right: hub.publicKey, kind: 'websocket' })
    hub.keeper.accept(pair.right)
    return pair
  }

  it('have a limit of their own, and take no relay’s place', async () => {
    const { town, clock, hub } = await started(3, PRIORITIES.trusted, { maxPages: 2, maxLinks: 3 })
    const pairs = [0, 1, 2].map((number) => callOfPage(town, hub, number))
    await clock.advanceAsync(100)
    expect(hub.keeper.pages).toBe(2)
    expect(hub.links).toBe(3)
    expect(pairs.map(({ left }) => left.link.open)).toEqual([true, true, false])
    expect(hub.counters.get('keeper-page-refused')).toBe(1)
    expect(hub.keeper.status()).toMatchObject({ pages: 2, maxPages: 2 })
    expect(hub.keeper.status({ withAddresses: true }).neighbours).toHaveLength(3)
    expect(hub.keeper.broadcast(Uint8Array.of(1))).toBe(3)
  })

  it('are those whose key nobody knows; one that turns out to be a relay counts as one', async () => {
    const { town, clock, hub } = await started(0)
    const other = town.add()
    await callsIn(town, other, hub, ['websocket'])
    expect(hub.keeper.status()).toMatchObject({ pages: 1, links: 0 })
    hub.knows(other)
    await clock.advanceAsync(10_000)
    expect(hub.keeper.status()).toMatchObject({ pages: 0, links: 1 })
  })

  it('leave nothing behind when they go', async () => {
    const { town, clock, hub } = await started(3, PRIORITIES.trusted)
    const before = town.dials.length
    for (let i = 0; i < 5; i++) callOfPage(town, hub, i).left.link.close('unneeded')
    await clock.advanceAsync(100_000)
    expect(hub.keeper.pages).toBe(0)
    expect(hub.closed).toEqual(Array(5).fill('unneeded'))
    expect(town.dials).toHaveLength(before)
  })

  it('cannot send messages that are for relays', async () => {
    const { town, clock, hub } = await started(0)
    const pair = callOfPage(town, hub, 0)
    pair.left.link.send(messagePacket(new Uint8Array(16), Uint8Array.of(1)), 0)
    await clock.advanceAsync(100)
    expect(hub.messages).toEqual([])
    expect(hub.counters.get('keeper-message-of-page')).toBe(1)
  })
})

describe('messages among relays (L-06)', () => {
  it('go to one, if there is a link to it', async () => {
    const { town, clock, hub, others } = await started(3)
    const [other] = others as [TownKeeper]
    expect(hub.keeper.send(other.publicKey.mid, Uint8Array.of(1, 2))).toBe(true)
    expect(hub.keeper.send(town.add().publicKey.mid, Uint8Array.of(1))).toBe(false)
    await clock.advanceAsync(1_000)
    expect(others.map(({ messages }) => messages.length)).toEqual([1, 0, 0])
    expect(other.messages[0]?.body).toEqual(Uint8Array.of(1, 2))
    expect(other.messages[0]?.from.publicKey.equals(hub.publicKey)).toBe(true)
  })

  it('go to all, each once, over however many wires, and no further', async () => {
    const clock = new VirtualClock()
    const town = new Town(clock)
    const hub = town.add()
    for (let i = 0; i < 5; i++) {
      const other = town.add()
      hub.knows(other, PRIORITIES.trusted, ['tcp', 'websocket'])
      for (const each of town.keepers.slice(1)) {
        if (each === other) continue
        each.knows(other)
        other.knows(each)
      }
    }
    for (const { keeper } of town.keepers) keeper.start()
    await clock.advanceAsync(10_000)
    expect(hub.keeper.broadcast(Uint8Array.of(7))).toBe(5)
    await clock.advanceAsync(5_000)
    for (const { messages } of town.keepers.slice(1)) expect(messages).toHaveLength(1)
  })

  it('that come again are counted, not heard; nobody can use up another’s id', async () => {
    const { town, clock, hub, others } = await started(2, PRIORITIES.trusted, { messageIds: 4 })
    const id = (n: number) => new Uint8Array(16).fill(n)
    const [one, two] = others.map((other) => other.linkTo(hub)) as NonNullable<
      ReturnType<TownKeeper['linkTo']>
    >[]
    one?.sendMessage(id(1), Uint8Array.of(1))
    one?.sendMessage(id(1), Uint8Array.of(1))
    two?.sendMessage(id(1), Uint8Array.of(2))
    await clock.advanceAsync(1_000)
    expect(hub.messages.map(({ body }) => body[0]).sort()).toEqual([1, 2])
    expect(hub.counters.get('keeper-message-repeated')).toBe(1)
    expect(town.dials).toHaveLength(2)
  })
})

describe('status of a keeper (L-07)', () => {
  it('tells of every link, and neither keys nor addresses unless asked', async () => {
    const { clock, hub, others } = await started(3, PRIORITIES.verified)
    await clock.advanceAsync(1_000)
    const status = hub.keeper.status()
    expect(status).toMatchObject({ links: 3, connecting: 0, minLinks: 3, maxLinks: 10, sleeping: false })
    for (const link of status.neighbours) {
      expect(link).toMatchObject({ status: 'open', priority: 6, kinds: ['tcp'], authenticated: true })
      expect(link.latencyMs).toBeGreaterThan(0)
      expect(link.messagesIn).toBeGreaterThan(0)
      expect(link.bytesOut).toBeGreaterThan(0)
      expect(link.lastSeenMs).toBeLessThan(61_000)
    }
    expect(JSON.stringify(status)).not.toMatch(/10\.0\.0|"id"/)
    const full = JSON.stringify(hub.keeper.status({ withAddresses: true }))
    expect(full).toContain('tcp://10.0.0.')
    expect(full).toContain('"id"')
    expect(others).toHaveLength(3)
  })
})
