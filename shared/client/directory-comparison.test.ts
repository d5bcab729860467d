import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { descriptorHead, parseDescriptor, signDescriptor } from '../directory/descriptor.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { KEEP_DIRECTORY_MS } from './constants.ts'
import type { DirectoryStore } from './kept-directory.ts'
import { TestNetwork, type TestRelay } from './network.fixture.ts'
import type { PrivateNetwork, PrivateNetworkOptions } from './private-network.ts'

const MINUTE_MS = 60_000
const names = new Map<Uint8Array, string>()
function nameOf(bytes: Uint8Array): string {
  const name = names.get(bytes) ?? parseDescriptor(bytes).nickname
  names.set(bytes, name)
  return name
}
const not = (pattern: RegExp) => (all: readonly Uint8Array[]) =>
  all.filter((each) => !pattern.test(nameOf(each)))

/** An entry `e0`, honest relays `h…` and `x…` (exits), and, in the entry's word alone, `s…`, exits and entries all. */
function network(honest: number, exits: number, sybils: number) {
  const net = new TestNetwork()
  const entry = net.relay('e0')
  for (let n = 0; n < honest; n++) net.relay(`h${n}`, false, n < 2)
  for (let n = 0; n < exits; n++) net.relay(`x${n}`, true, false)
  for (const relay of net.relays) if (relay !== entry) relay.knows = not(/^s/)
  for (let n = 0; n < sybils; n++) net.relay(`s${n}`, true, true).knows = (all) => all
  return { net, entry }
}

async function started(
  net: TestNetwork,
  entry: TestRelay,
  more: Partial<PrivateNetworkOptions> = {},
  forMs = 40_000,
) {
  const client = net.client(entry, 3, { comparison: {}, ...more })
  client.start()
  await net.clock.advanceAsync(forMs)
  return client
}

const named = (client: PrivateNetwork, name: RegExp) =>
  client.relays().filter((relay) => name.test(relay.name))

describe('the comparison of directories (D-04, K-06, C-03)', { timeout: 120_000 }, () => {
  it('asks relays of other networks through circuits, and finds an honest network in agreement', async () => {
    const { net, entry } = network(6, 3, 0)
    const client = await started(net, entry)
    const { comparison } = client.status()
    expect(comparison).toMatchObject({ hidden: 0, unconfirmed: 0, running: false })
    expect(comparison.asked).toBeGreaterThanOrEqual(4)
    expect(net.counters.get('client-comparisons')).toBe(1)
    // Every one of them was asked through a circuit of three hops, none over a link.
    expect(net.opened.length).toBeLessThanOrEqual(2)
    expect(
      client.relayViews().every(({ unconfirmed, confirmedBy }) => !unconfirmed && confirmedBy >= 2),
    ).toBe(true)
  })

  it('finds what the entry keeps back, and uses it', async () => {
    const { net, entry } = network(8, 4, 0)
    entry.knows = not(/^(h[4-7]|x[23])$/)
    const client = await started(net, entry)
    expect(named(client, /^(h[4-7]|x[23])$/)).toHaveLength(6)
    expect(named(client, /^x/).every(({ exit }) => exit === 'stream')).toBe(true)
    // It may not have heard of them yet.
    expect(client.status().comparison.hidden).toBe(0)
    await net.clock.advanceAsync(5 * MINUTE_MS)
    expect(client.status().comparison.hidden).toBe(6)
    expect(net.counters.get('client-entry-hides')).toBe(1)
    const hidden = client.relayViews().filter(({ hiddenByEntry }) => hiddenByEntry)
    expect(hidden.map(({ relay }) => relay.name).sort()).toEqual(['h4', 'h5', 'h6', 'h7', 'x2', 'x3'])
  })

  it('does not take a relay or two that the entry does not know for an attack', async () => {
    const { net, entry } = network(8, 4, 0)
    entry.knows = not(/^(h7|x3)$/)
    const client = await started(net, entry, {}, 4 * MINUTE_MS + 30_000)
    expect(client.status().comparison.hidden).toBe(0)
    expect(named(client, /^(h7|x3)$/)).toHaveLength(2)
  })

  it('makes neither exits nor guards of twenty relays that the entry has made up', async () => {
    const { net, entry } = network(8, 3, 20)
    const client = await started(net, entry, {}, 90_000)
    const { comparison } = client.status()
    expect(comparison.asked).toBeGreaterThanOrEqual(3)
    expect(comparison.unconfirmed).toBe(20)
    const invented = named(client, /^s/)
    expect(invented).toHaveLength(20)
    expect(invented.every(({ exit, unconfirmed }) => exit === 'none' && unconfirmed)).toBe(true)
    const pastExits = new Set<string>()
    const pastEntries = new Set<string>()
    for (let n = 0; n < 6; n++) {
      client.renew()
      await net.clock.advanceAsync(5_000)
      for (const { path } of client.pooled()) {
        pastEntries.add(path[0]?.name ?? '')
        pastExits.add(path[2]?.name ?? '')
      }
    }
    expect([...pastExits].filter((name) => name.startsWith('s'))).toEqual([])
    expect([...pastEntries].filter((name) => name.startsWith('s'))).toEqual([])
    expect(pastExits.size).toBeGreaterThan(1)
  })

  it('keeps whom others confirmed, though the entry makes up more of his network than there is room for', async () => {
    const { net, entry } = network(8, 3, 0)
    const client = await started(net, entry, {}, 90_000)
    const honest = net.relays.find(({ name }) => name === 'h5') as TestRelay
    const { bytes: _, ...fields } = parseDescriptor(net.descriptorOf(honest) as Uint8Array)
    const random = new SeededRandom(5)
    const published = Math.floor(net.clock.wall() / 1_000)
    const made = Array.from({ length: 12 }, (_each, n) => {
      const udp = { ...honest.address, port: 20_000 + n }
      const own = { ...fields, nickname: `f${n}`, published, udp, websocket: undefined }
      return signDescriptor(own, KeyPair.generate(random), 'test')
    })
    entry.knows = (all) => [...all, ...made]
    await net.clock.advanceAsync(15 * MINUTE_MS)
    expect(named(client, /^f/).length).toBeGreaterThan(0)
    expect(named(client, /^h5$/)).toHaveLength(1)
  })

  it('takes them up when others tell of them too', async () => {
    const { net, entry } = network(8, 2, 1)
    const client = await started(net, entry)
    expect(named(client, /^s0/).map(({ exit }) => exit)).toEqual(['none'])
    for (const relay of net.relays) relay.knows = (all) => all
    await net.clock.advanceAsync(15 * MINUTE_MS)
    expect(named(client, /^s0/).map(({ exit, unconfirmed }) => [exit, unconfirmed])).toEqual([
      ['stream', undefined],
    ])
  })

  it('uses what one alone tells of where there is nothing else', async () => {
    const { net, entry } = network(1, 1, 0)
    for (const relay of net.relays) if (relay !== entry) relay.knows = () => []
    const client = await started(net, entry, {}, 3 * MINUTE_MS)
    expect(client.status().comparison.unconfirmed).toBe(2)
    expect(client.status().primary?.path.map(({ name }) => name)).toEqual(['e0', 'h0', 'x0'])
  })

  it('goes on without those that do not answer', async () => {
    const { net, entry } = network(8, 3, 0)
    for (const relay of net.relays) if (/^h[0-5]/.test(relay.name)) net.freeze(relay)
    const client = await started(net, entry, {}, 20 * MINUTE_MS)
    expect(client.status().comparison.asked).toBeGreaterThanOrEqual(3)
    expect(client.status().comparison.running).toBe(false)
  })

  it('comes again after a minute while too few answer, then after two', async () => {
    const { net, entry } = network(1, 1, 0)
    await started(net, entry, {}, 75_000)
    expect(net.counters.get('client-comparisons')).toBe(2)
    await net.clock.advanceAsync(MINUTE_MS)
    expect(net.counters.get('client-comparisons')).toBe(2)
    await net.clock.advanceAsync(MINUTE_MS)
    expect(net.counters.get('client-comparisons')).toBe(3)
  })

  it('is done by hand too, and only one at a time', async () => {
    const { net, entry } = network(6, 3, 0)
    const client = await started(net, entry)
    net.relay('h9', false, false)
    const found: number[] = []
    client.compareNow((added) => found.push(added))
    client.compareNow((added) => found.push(added))
    expect(found).toEqual([0])
    await net.clock.advanceAsync(30_000)
    expect(found).toEqual([0, 1])
    client.compareNow((added) => found.push(added))
    client.stop()
    expect(found).toHaveLength(3)
  })
})

describe('verdicts of relays, as a client hears them (D-06)', { timeout: 120_000 }, () => {
  const suspicious = (mid: Uint8Array) => ({ mid, checks: 0x27, score: 60, reputation: 10, age: 5 })
  const good = (mid: Uint8Array) => ({ mid, checks: 0x1f, score: 100, reputation: 80, age: 5 })

  it('come to a median in its book; one that lies changes nothing', async () => {
    const { net, entry } = network(8, 3, 0)
    const mids = new Map(net.relays.map(({ name, keyPair }) => [name, keyPair.publicKey.mid]))
    const of = (name: string) => mids.get(name) as Uint8Array
    for (const relay of net.relays) {
      relay.verdicts = net.relays.map(({ name }) => (name === 'x2' ? suspicious : good)(of(name)))
    }
    // One relay runs all others down, and praises the bad one.
    entry.verdicts = net.relays.map(({ name }) => (name === 'x2' ? good : suspicious)(of(name)))
    const client = await started(net, entry)
    const verdict = (name: string) => client.trustBook.verdict(of(name))
    expect(verdict('x1')).toMatchObject({ score: 1, by: 'others', standing: 'trusted' })
    expect(verdict('x2')).toMatchObject({ by: 'others', standing: 'suspect' })
    expect(verdict('x1').voices).toBeGreaterThanOrEqual(3)
    expect(named(client, /^x2/)[0]?.standing).toBe('suspect')
    for (let n = 0; n < 4; n++) {
      client.renew()
      await net.clock.advanceAsync(3_000)
      expect(client.status().primary?.path[2]?.name).not.toBe('x2')
    }
  })

  it('are asked for again soon where a network was too young to have any, then seldom', async () => {
    const { net, entry } = network(6, 3, 0)
    const client = await started(net, entry)
    expect(client.status().comparison.unconfirmed).toBe(0)
    const judged = () => client.relayViews().filter(({ verdict }) => verdict.by === 'others').length
    expect(judged()).toBe(0)
    const found = net.relays.map(({ keyPair }) => good(keyPair.publicKey.mid))
    for (const relay of net.relays) relay.verdicts = found
    await net.clock.advanceAsync(40_000)
    expect(judged()).toBe(net.relays.length)
    expect(net.counters.get('client-comparisons')).toBe(2)
    await net.clock.advanceAsync(40 * MINUTE_MS)
    expect(net.counters.get('client-comparisons')).toBe(2)
  })

  it('are asked for ever more seldom where nobody judges', async () => {
    const { net, entry } = network(6, 3, 0)
    await started(net, entry, {}, 20 * MINUTE_MS)
    // After 1, 2, 4 and 8 minutes, less up to a fifth.
    expect(net.counters.get('client-comparisons')).toBe(5)
  })

  it('do not move a relay that is blocked by hand into a path again', async () => {
    const { net, entry } = network(6, 2, 0)
    const client = await started(net, entry)
    const exit = client.status().primary?.path[2]
    client.trustBook.markByHand(exit?.publicKey.mid as Uint8Array, 'blocked')
    client.trustChanged()
    await net.clock.advanceAsync(5_000)
    expect(client.relays().map(({ name }) => name)).not.toContain(exit?.name)
    expect(client.status().primary?.path[2]?.name).not.toBe(exit?.name)
    expect(client.status().primary).toBeDefined()
    // It is shown still, so that it can be taken back.
    const view = client.relayViews().find(({ relay }) => relay.name === exit?.name)
    expect(view?.verdict).toMatchObject({ byHand: 'blocked', standing: 'blocked' })
  })
})

describe('what a client keeps of the directory (D-06, W-02)', { timeout: 120_000 }, () => {
  function store(): DirectoryStore & { bytes: Uint8Array | undefined; saves: number } {
    return {
      bytes: undefined,
      saves: 0,
      load(): Promise<Uint8Array | undefined> {
        return Promise.resolve(this.bytes)
      },
      save(bytes: Uint8Array): Promise<void> {
        this.bytes = bytes
        this.saves++
        return Promise.resolve()
      },
    }
  }

  it('is there again in the next run, before the entry says a word', async () => {
    const { net, entry } = network(8, 3, 0)
    const directoryStore = store()
    const first = await started(net, entry, { directoryStore }, 2 * KEEP_DIRECTORY_MS)
    const marked = net.relays.find(({ name }) => name === 'x1')?.keyPair.publicKey.mid as Uint8Array
    first.trustBook.markByHand(marked, 'blocked')
    first.trustChanged()
    await net.clock.advanceAsync(1_000)
    first.stop()
    expect(directoryStore.saves).toBeLessThanOrEqual(4)
    // In the next run the entry keeps back half of them, and makes up one.
    entry.knows = not(/^(h[4-7])$/)
    const next = net.client(entry, 3, { comparison: {}, directoryStore })
    next.start()
    await net.clock.advanceAsync(2_000)
    expect(named(next, /^h[4-7]$/)).toHaveLength(4)
    expect(named(next, /^x/)).toHaveLength(2)
    expect(next.trustBook.isBlocked(marked)).toBe(true)
  })

  it('is nothing if it is damaged, or the store fails', async () => {
    const { net, entry } = network(4, 2, 0)
    const damaged = store()
    damaged.bytes = new Uint8Array([1, 0, 0, 0, 9, 1])
    const client = await started(net, entry, { directoryStore: damaged }, 3_000)
    expect(client.status().relays).toBe(7)
    expect(net.counters.get('client-kept-codec-short')).toBe(1)
    const broken: DirectoryStore = {
      load: () => Promise.reject(new RangeError('no database')),
      save: () => Promise.reject(new RangeError('no database')),
    }
    const other = await started(net, entry, { directoryStore: broken }, KEEP_DIRECTORY_MS + 5_000)
    expect(other.status().relays).toBe(7)
    expect(net.counters.get('client-kept-unreadable')).toBe(1)
    expect(net.counters.get('client-kept-unwritable')).toBeGreaterThan(0)
  })
})

describe('relays found through circuits (D-02, D-03)', { timeout: 120_000 }, () => {
  it('are learnt, and are no more than the word of the exit they came through', async () => {
    const { net, entry } = network(6, 3, 0)
    const stranger = net.relay('found', true, false)
    for (const relay of net.relays) relay.knows = not(/^found/)
    const client = await started(net, entry)
    const bytes = net.descriptorOf(stranger)
    expect(client.learn(bytes as Uint8Array, 'dht')).toBe('new')
    expect(client.learn(bytes as Uint8Array, 'dht')).toBe('known')
    expect(client.learn(new Uint8Array([1, 2]), 'dht')).toBe('refused')
    const mid = toHex(stranger.keyPair.publicKey.mid)
    const view = client.relayViews().find(({ relay }) => toHex(relay.publicKey.mid) === mid)
    expect(view).toMatchObject({ confirmedBy: 1, unconfirmed: true })
    expect(descriptorHead(bytes as Uint8Array).publicKey).toEqual(stranger.keyPair.publicKey.bytes)
  })

  it('come from the entries as well, when they are asked by hand', async () => {
    const { net, entry } = network(6, 2, 0)
    const client = await started(net, entry)
    net.relay('h9', false, false)
    const found: number[] = []
    client.askEntries((added) => found.push(added))
    await net.clock.advanceAsync(2_000)
    expect(found).toEqual([1])
    expect(named(client, /^h9/)).toHaveLength(1)
  })
})
