import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { Dht, NodeAnswer, StoreResult } from './api.ts'
import type { CrawlSettings } from './constants.ts'
import { Crawler, type CrawlFigures } from './crawler.ts'
import { TestDht, type TestNode } from './dht.fixture.ts'
import { DistinctCount } from './distinct-count.ts'

/** A read-only node that knows the first one, and a crawler on it. */
function crawlerIn(
  town: TestDht,
  settings: Partial<CrawlSettings> = {},
): { crawler: Crawler; node: TestNode } {
  const node = town.add({ readOnly: true })
  node.dht.setOwnAddress(node.address)
  node.dht.start([(town.nodes[0] as TestNode).address])
  town.clock.advance(20_000)
  const crawler = new Crawler({
    clock: town.clock,
    random: new SeededRandom(5),
    dht: node.dht,
    family: 'ipv4',
    mayReach: () => true,
    settings,
  })
  return { crawler, node }
}

function crawl(town: TestDht, settings: Partial<CrawlSettings> = {}): CrawlFigures {
  const { crawler } = crawlerIn(town, settings)
  return town.result<CrawlFigures>((done) => crawler.run(done), 700_000)
}

function announce(town: TestDht, count: number): void {
  for (let i = 0; i < count; i++) {
    const infoHash = town.random.bytes(20)
    town.result<StoreResult>((done) =>
      (town.nodes[i % 20] as TestNode).dht.announcePeer(infoHash, 4000, done),
    )
  }
}

describe('a crawl of a small DHT (D-10)', () => {
  it('meets every node, and counts what there is', () => {
    const town = new TestDht({ seed: 3 })
    town.grow(120)
    announce(town, 30)
    expect(crawl(town)).toMatchObject({
      ended: 'whole',
      // All but the first, through which they came in: nobody passes a router on.
      met: 119,
      answered: 119,
      silent: 0,
      fittingIds: 1,
      networks: 119,
      networkSize: 119,
      sampling: 119,
      infoHashes: 30,
      infoHashesExact: true,
    })
  })

  it('tells the silent and those whose ids do not fit apart', () => {
    const town = new TestDht({ seed: 4 })
    town.grow(40)
    for (let i = 0; i < 10; i++) town.add().dht.start([(town.nodes[0] as TestNode).address])
    town.clock.advance(20_000)
    for (const node of town.nodes.slice(5, 15)) town.remove(node)
    const { answered, fittingIds, networkSize, met, silent } = crawl(town)
    expect([answered, networkSize]).toEqual([39, 39])
    // Those ten do not know their address, unless others have told them by now.
    expect(fittingIds).toBeGreaterThanOrEqual(0.75)
    expect(silent).toBe(met - answered)
    expect(silent).toBeGreaterThan(0)
  })

  it('estimates the whole from a part', () => {
    const town = new TestDht({ seed: 6 })
    town.grow(300)
    const { ended, queries, answered, networkSize } = crawl(town, { timeMs: 6_000 })
    expect({ ended, queries }).toEqual({ ended: 'time', queries: 120 })
    expect(answered).toBeLessThan(150)
    expect(networkSize).toBeGreaterThan(200)
    expect(networkSize).toBeLessThan(450)
  })

  it('keeps its rate, and remembers no more nodes than it may', () => {
    const town = new TestDht({ seed: 7 })
    town.grow(60)
    const figures = crawl(town, { nodes: 25, queriesPerSecond: 4 })
    expect(figures).toMatchObject({ ended: 'full', met: 25, answered: 25 })
    expect(figures.queries).toBeGreaterThanOrEqual(25)
    expect(figures.queries).toBeLessThanOrEqual(1 + (4 * figures.tookMs) / 1000)
  })

  it('ends when it is cancelled, without a word', () => {
    const town = new TestDht({ seed: 8 })
    town.grow(30)
    const { crawler } = crawlerIn(town)
    let done = false
    const crawling = crawler.run(() => {
      done = true
    })
    town.clock.advance(500)
    const { queries } = crawler.figures()
    expect(queries).toBeGreaterThan(0)
    crawling.cancel()
    town.clock.advance(100_000)
    expect(done).toBe(false)
    expect(crawler.figures().queries).toBe(queries)
  })
})

/** One question, as the crawler asks it. */
interface Heard {
  readonly host: string
  readonly samples: boolean
  readonly atMs: number
}

/** A DHT of answers made up by the test. */
function scripted(
  answer: (host: string, samples: boolean) => NodeAnswer | 'refused' | undefined,
  settings: Partial<CrawlSettings> = {},
) {
  const clock = new VirtualClock()
  const heard: Heard[] = []
  const dht: Pick<Dht, 'askNode' | 'nodes'> = {
    askNode: ({ host }, { samples }, done) => {
      heard.push({ host, samples, atMs: clock.now() })
      const timer = clock.after(20, () => done(answer(host, samples)))
      return { cancel: () => timer.cancel() }
    },
    nodes: () => [contact(1)],
  }
  const crawler = new Crawler({
    clock,
    random: new SeededRandom(1),
    dht,
    family: 'ipv4',
    mayReach: ({ host }) => !host.startsWith('10.'),
    settings,
  })
  let figures: CrawlFigures | undefined
  crawler.run((result) => {
    figures = result
  })
  clock.runUntil(() => figures !== undefined, 700_000)
  return { figures: figures as CrawlFigures, heard }
}

const idOf = (n: number) => new SeededRandom(n).bytes(20)
const contact = (n: number, host = `20.${n}.0.1`) => ({
  id: idOf(n),
  address: { kind: 'ipv4', host, port: 6881 } satisfies IpAddress,
})

describe('the manners of a crawl (D-10)', () => {
  const samples = { infoHashes: [idOf(100)], total: 2, intervalMs: 90_000 }

  it('asks a node again only when its interval is over, and only if it has more', () => {
    const more = scripted(() => ({ id: idOf(1), nodes: [], samples }), { timeMs: 200_000 })
    expect(more.heard.map(({ atMs }) => Math.floor(atMs / 1000))).toEqual([0, 90, 180])
    expect(more.figures).toMatchObject({ answered: 1, sampling: 1, infoHashes: 1 })
    const hasty = scripted(() => ({ id: idOf(1), nodes: [], samples: { ...samples, intervalMs: 0 } }), {
      timeMs: 70_000,
    })
    expect(hasty.heard.map(({ atMs }) => Math.floor(atMs / 1000))).toEqual([0, 30, 60])
    const all = scripted(() => ({ id: idOf(1), nodes: [], samples: { ...samples, total: 1 } }))
    expect(all.heard).toHaveLength(1)
    expect(all.figures.ended).toBe('whole')
  })

  it('asks for nodes alone where samples are refused, or met with silence', () => {
    for (const instead of ['refused', undefined] as const) {
      const { heard, figures } = scripted((_, sampled) =>
        sampled ? instead : { id: idOf(1), nodes: [], samples: undefined },
      )
      expect(heard.map(({ samples }) => samples)).toEqual([true, false])
      expect(figures).toMatchObject({ ended: 'whole', answered: 1, silent: 0, sampling: 0, met: 1 })
    }
    const dead = scripted(() => undefined)
    expect(dead.heard).toHaveLength(2)
    expect(dead.figures).toMatchObject({ ended: 'whole', answered: 0, silent: 1, met: 1 })
  })

  it('asks nobody out of reach, of the other family, twice, or too many of one network', () => {
    const named = [
      contact(1),
      contact(2, '10.0.0.1'),
      contact(3, '0.0.0.0'),
      { id: idOf(4), address: { kind: 'ipv6', host: '2001:db8::1', port: 6881 } satisfies IpAddress },
      ...[5, 6, 7, 8].map((n) => contact(n, `30.0.0.${n}`)),
    ]
    const { heard } = scripted(
      (host) => ({ id: idOf(host.length), nodes: named, samples: { ...samples, total: 1 } }),
      {
        nodesPerNetwork: 3,
      },
    )
    expect(heard.map(({ host }) => host).sort()).toEqual(['20.1.0.1', '30.0.0.5', '30.0.0.6', '30.0.0.7'])
  })

  it('is not held up by nodes that are made up nearer and nearer', () => {
    let made = 10
    const { figures, heard } = scripted(
      (host) => ({
        id: contact(1).id,
        nodes:
          host === '20.1.0.1'
            ? [contact(2), contact(3)]
            : [contact(made, `40.${made % 250}.${made++ % 249}.1`)],
        samples: undefined,
      }),
      { timeMs: 20_000, queriesPerPoint: 4 },
    )
    expect(figures.ended).toBe('time')
    expect(heard.map(({ host }) => host)).toEqual(expect.arrayContaining(['20.2.0.1', '20.3.0.1']))
  })
})

describe('counting without keeping (D-10, N-13)', () => {
  it('is exact while few, and near the truth of many', () => {
    const random = new SeededRandom(9)
    const counted = new DistinctCount(1_024, random)
    const few = Array.from({ length: 1_500 }, () => random.bytes(20))
    for (const id of [...few, ...few]) counted.add(id)
    expect([counted.count, counted.isExact]).toEqual([1_500, true])
    for (let i = 0; i < 48_500; i++) counted.add(random.bytes(20))
    expect(counted.isExact).toBe(false)
    expect(Math.abs(counted.count - 50_000)).toBeLessThan(5_000)
  })
})

describe('one question to one node (K-04, D-10)', () => {
  it('gives id, nodes and samples, and tells a silent node', () => {
    const town = new TestDht({ seed: 2 })
    town.grow(20)
    announce(town, 3)
    const [first, second] = town.nodes as [TestNode, TestNode]
    const ask = (address: IpAddress, samples: boolean) =>
      town.result<NodeAnswer | 'refused' | undefined>((done) =>
        first.dht.askNode(address, { target: town.random.bytes(20), samples }, done),
      )
    const answer = ask(second.address, true) as NodeAnswer
    expect(answer.id).toEqual(second.dht.status().nodeId)
    expect(answer.nodes.length).toBeGreaterThanOrEqual(8)
    expect(answer.samples).toMatchObject({ total: answer.samples?.infoHashes.length, intervalMs: 60_000 })
    expect(ask(second.address, false)).toMatchObject({ samples: undefined })
    expect(town.nodes.map(({ address }) => formatAddress(address))).toContain(
      formatAddress((ask(second.address, false) as NodeAnswer).nodes[0]?.address as IpAddress),
    )
    expect(ask({ kind: 'ipv4', host: '99.9.9.9', port: 1 }, true)).toBeUndefined()
  })
})
