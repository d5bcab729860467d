import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { callsIn, started, Town, type TownKeeper, townAddress } from './keeper.fixture.ts'
import { KEEPER_SETTINGS, NEIGHBOUR_SETTINGS, PRIORITIES } from './keeper-limits.ts'

const { reconnectMs, retryDelayMs, restMs, maxLinks, betterMs } = KEEPER_SETTINGS

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

  it('keeps no link with one that was blocked, though circuits go over it', async () => {
    const { clock, hub, others } = await started(3, PRIORITIES.trusted)
    const [spy] = others as [TownKeeper]
    const link = hub.linkTo(spy)
    if (link) hub.used.add(link)
    hub.blocked.add(spy)
    hub.known.delete(spy.number)
    await clock.advanceAsync(10_000)
    expect(link?.status).toBe('closed')
    expect(hub.linkTo(spy)).toBeUndefined()
    expect(hub.closed).toEqual(['refused'])
    expect(hub.links).toBe(2)
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

  it('keeps places for relays that are known, however many strangers call and use their links', async () => {
    const town = new Town(new VirtualClock())
    const hub = town.add()
    const strangers = Array.from({ length: 12 }, () => town.add())
    for (const stranger of strangers) {
      await callsIn(town, stranger, hub)
      const link = hub.linkTo(stranger)
      if (link) hub.used.add(link)
    }
    expect(hub.links).toBe(maxLinks - KEEPER_SETTINGS.minLinks)
    const known = town.add()
    hub.knows(known, PRIORITIES.discovered)
    await callsIn(town, known, hub)
    expect(hub.linkTo(known)?.status).toBe('open')
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

  it('is begun once where another’s dial asks for it while the keeper dials both (L-06)', async () => {
    const town = new Town(new VirtualClock())
    const [hub, near, signaller] = [town.add(), town.add(), town.add()]
    hub.knows(near, PRIORITIES['first-ring'])
    hub.knows(signaller, PRIORITIES.trusted)
    town.whenDialled = (to) => {
      if (to === near) hub.keeper.neighbourTo(signaller.publicKey)
    }
    hub.keeper.start()
    const asked = hub.linkTo(signaller)
    expect(town.dials.map(({ to }) => to)).toEqual([near.number, signaller.number])
    await town.clock.advanceAsync(5_000)
    expect(hub.linkTo(signaller)).toBe(asked)
    expect(asked?.status).toBe('open')
    expect(town.openWires()).toHaveLength(2)
  })

  it('is dialled at once where a link has just ended, whoever ended it', async () => {
    const { town, clock, hub, others } = await started(1)
    const [other] = others as [TownKeeper]
    for (const end of [() => town.openWires()[0]?.pair.cut(), () => hub.linkTo(other)?.close('unneeded')]) {
      end()
      await clock.advanceAsync(NEIGHBOUR_SETTINGS.resumeMs + 100)
      expect(hub.linkTo(other)).toBeUndefined()
      expect(hub.keeper.neighbourTo(other.publicKey)?.open).toBe(true)
      await clock.advanceAsync(2_000)
      expect(hub.linkTo(other)?.status).toBe('open')
    }
  })
})
