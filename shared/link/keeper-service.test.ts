import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { messagePacket } from './control.ts'
import { callsIn, started, Town, type TownKeeper } from './keeper.fixture.ts'
import { PRIORITIES } from './keeper-limits.ts'
import { KEYS, wirePair } from './neighbour.fixture.ts'

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

  it('put out no better link when they turn out to be relays, though circuits go over them', async () => {
    const { town, clock, hub, others } = await started(3, PRIORITIES.trusted, { maxLinks: 3 })
    const late = [town.add(), town.add()]
    for (const other of late) {
      await callsIn(town, other, hub, ['websocket'])
      const link = hub.linkTo(other)
      if (link) hub.used.add(link)
      hub.knows(other, PRIORITIES.discovered)
    }
    await clock.advanceAsync(10_000)
    expect(others.slice(0, 3).map((other) => hub.linkTo(other)?.status)).toEqual(['open', 'open', 'open'])
    expect(hub.keeper.status()).toMatchObject({ pages: 2, links: 3 })
    // One better than the worst idle one takes its place.
    hub.knows(late[0] as TownKeeper, PRIORITIES['first-ring'])
    await clock.advanceAsync(10_000)
    expect(hub.keeper.status()).toMatchObject({ pages: 1, links: 3 })
    expect(hub.counters.get('keeper-displaced')).toBe(1)
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
