import { describe, expect, it } from 'vitest'
import { type Address, addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { DescriptorFields } from '../../shared/directory/descriptor.ts'
import { Directory } from '../../shared/directory/directory.ts'
import { DirectoryExchange } from '../../shared/directory/exchange.ts'
import { descriptorOf, keyOf, NETWORK, NOW_MS } from '../../shared/directory/relays.fixture.ts'
import type { Link } from '../../shared/link/link.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { BootstrapSource } from './bootstrap-source.ts'
import { ExchangeSource, type ExchangeSourceOptions } from './exchange-source.ts'
import { Fetches } from './fetches.ts'

const at = (host: string) => addressOf(host, 7_000) as IpAddress
const policy = new ExitPolicy()

/** A directory, and links that note what is sent where and never answer, unless the test says who does. */
function silentWorld(options: Partial<ExchangeSourceOptions> = {}) {
  const clock = new VirtualClock(NOW_MS)
  const random = new SeededRandom(9)
  const counters = new Counters()
  const directory = new Directory({ network: NETWORK, clock, counters })
  const exchange = new DirectoryExchange({ directory, own: () => undefined, clock, random, counters })
  const asked: string[] = []
  const links = new Map<string, Link>()
  const linkTo = (address: Address): Link => {
    const key = formatAddress(address)
    const link: Link = links.get(key) ?? {
      kind: 'udp',
      address,
      mtu: 1_472,
      open: true,
      send: (packet) => {
        asked.push(key)
        answers.get(key)?.(link, packet)
      },
      close: () => undefined,
    }
    links.set(key, link)
    return link
  }
  /** Those who answer, by where they are. */
  const answers = new Map<string, (link: Link, packet: Uint8Array) => void>()
  /** Relay `n` comes to the directory, proven at its address. */
  const proven = (n: number, host: string, fields: Partial<DescriptorFields> = {}) => {
    directory.add(descriptorOf(n, { udp: at(host), ...fields }))
    directory.markProven(keyOf(n).publicKey.mid, fields.udp ?? at(host))
  }
  /** Relay `n` answers, as one that has just dropped these. */
  const awake = (n: number, host: string, dropped: readonly number[] = []) => {
    const own = descriptorOf(n, { udp: at(host) })
    const known = new Directory({ network: NETWORK, clock, counters })
    for (const each of dropped) {
      known.add(descriptorOf(each))
      known.drop(keyOf(each).publicKey.mid)
    }
    const teller = new DirectoryExchange({
      ...{ directory: known, own: () => own, clock, random, counters, tellsDrops: true },
    })
    answers.set(formatAddress(at(host)), (link, packet) => {
      const back: Link = {
        ...link,
        send: (answer) => void clock.after(10, () => exchange.receive(link, answer)),
      }
      clock.after(10, () => teller.receive(back, packet))
    })
  }
  const fetches = new Fetches({ exchange, linkTo })
  const mayReach = (address: IpAddress) => policy.judge(address, 'udp') === 'allowed'
  const source = new ExchangeSource({
    directory,
    exchange,
    fetches,
    clock,
    random,
    linkTo,
    mayReach,
    neighbours: () => [],
    onlyProven: true,
    partners: 10,
    ...options,
  })
  const run = () => {
    asked.length = 0
    source.run(
      () => undefined,
      () => undefined,
    )
    clock.advance(60_000)
    return new Set(asked)
  }
  /** Who is known to be silent. */
  const silent = () =>
    directory
      .list()
      .flatMap((entry) => (entry.silent ? [Number(entry.descriptor.nickname.slice(6))] : []))
      .sort((a, b) => a - b)
  return { clock, directory, asked, fetches, source, linkTo, proven, awake, run, silent }
}

describe('whom a relay asks for relays (D-04, D-05, O-06)', () => {
  it('are others at public addresses, whatever their descriptors name', () => {
    const { directory, run } = silentWorld({ onlyProven: false })
    const named = [
      '93.184.216.34',
      '10.0.0.5',
      '127.0.0.1',
      '169.254.169.254',
      '224.0.0.1',
      '::ffff:10.0.0.5',
    ]
    named.forEach((host, n) => {
      expect(directory.add(descriptorOf(n, { udp: at(host) }))).toBe('new')
    })
    expect([...run()]).toEqual(['93.184.216.34:7000'])
  })

  it('are ten a round, of as many networks as there are', () => {
    const { proven, run } = silentWorld()
    // Eight networks of five relays each.
    for (let n = 0; n < 40; n++) proven(n, `93.184.${n % 8}.${n + 1}`)
    const partners = [...run()]
    expect(partners).toHaveLength(10)
    expect(new Set(partners.map((each) => each.split('.')[2])).size).toBe(8)
  })

  it('are those that have proved themselves, and nobody whom others name', () => {
    const { directory, proven, run } = silentWorld()
    directory.add(descriptorOf(1, { udp: at('93.184.216.34') }))
    for (let round = 0; round < 20; round++) expect(run().size).toBe(0)
    proven(2, '93.184.217.34')
    expect([...run()]).toEqual(['93.184.217.34:7000'])
  })

  it('are silent ones in three places of a round, until they answer with whatever they have, and are asked last', () => {
    const { proven, awake, run, silent } = silentWorld()
    for (let n = 1; n <= 20; n++) proven(n, `93.184.${n}.1`)
    for (let n = 1; n <= 10; n++) awake(n, `93.184.${n}.1`)
    // Three of who is away, and seven or more of the ten who answer.
    for (let round = 0; round < 20; round++) run()
    expect(silent()).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    for (let round = 0; round < 20; round++) {
      const asked = [...run()].map((each) => Number(each.split('.')[2]))
      expect(asked).toHaveLength(10)
      expect(asked.filter((n) => n > 10)).toEqual(asked.slice(-3))
    }
    for (let n = 11; n <= 20; n++) awake(n, `93.184.${n}.1`)
    for (const left of [7, 4, 1, 0]) {
      run()
      expect(silent()).toHaveLength(left)
    }
  })

  it('are three silent ones when nobody else is known, and few of them in small rounds', () => {
    const few = silentWorld()
    for (let n = 1; n <= 6; n++) {
      few.proven(n, `93.184.${n}.1`)
      few.directory.markSilent(at(`93.184.${n}.1`))
    }
    for (let round = 0; round < 20; round++) expect(few.run().size).toBe(3)
    for (const [partners, again] of [
      [1, 0],
      [3, 1],
      [8, 2],
    ]) {
      const small = silentWorld({ ...(partners && { partners }) })
      for (let n = 1; n <= 12; n++) small.proven(n, `93.184.${n}.1`)
      for (let n = 1; n <= 6; n++) small.directory.markSilent(at(`93.184.${n}.1`))
      const asked = [...small.run()].map((each) => Number(each.split('.')[2]))
      expect([asked.length, asked.filter((n) => n <= 6).length]).toEqual([partners, again])
    }
  })

  it('are not called silent where none of a round answers: our own network was away', () => {
    const linked: Link[] = []
    const { proven, awake, run, linkTo, directory, silent } = silentWorld({ neighbours: () => linked })
    for (let n = 1; n <= 9; n++) proven(n, `93.184.${n}.1`)
    for (let round = 0; round < 3; round++) expect(run().size).toBe(9)
    for (let n = 1; n <= 5; n++) linked.push(linkTo(at(`93.184.${n}.1`)))
    run()
    linked.length = 0
    expect(silent()).toEqual([])
    expect(directory.served()).toHaveLength(9)
    awake(4, '93.184.4.1')
    run()
    expect(silent()).toEqual([1, 2, 3, 5, 6, 7, 8, 9])
    expect(directory.served()).toHaveLength(1)
  })

  it('are called silent also where one alone is known, and asked again', () => {
    const { proven, awake, run, silent } = silentWorld()
    proven(1, '93.184.1.1')
    run()
    expect(silent()).toEqual([1])
    awake(1, '93.184.1.1')
    run()
    expect(silent()).toEqual([])
  })

  it('are ten in all, with those who are linked and have no address', () => {
    const linked: Link[] = []
    const { proven, run, linkTo } = silentWorld({ neighbours: () => linked })
    for (let n = 1; n <= 30; n++) linked.push(linkTo(at(`93.185.${n}.1`)))
    expect(run().size).toBe(10)
    for (let n = 1; n <= 3; n++) proven(n, `93.184.${n}.1`)
    const few = [...run()]
    expect(few).toHaveLength(10)
    expect(few.filter((each) => each.startsWith('93.184.'))).toHaveLength(3)
    for (let n = 1; n <= 20; n++) proven(n, `93.184.${n}.1`, { published: NOW_MS / 1000 + 1 })
    const both = [...run()]
    expect(both).toHaveLength(10)
    expect(both.filter((each) => each.startsWith('93.184.'))).toHaveLength(5)
  })

  it('says that nobody could be asked when all are silent, and names who has proved nothing', () => {
    const { clock, directory, source } = silentWorld()
    directory.add(descriptorOf(1, { udp: at('93.184.216.34') }))
    const reported: string[] = []
    const ends: boolean[] = []
    source.run(
      (candidates) => reported.push(...candidates.map(({ address }) => formatAddress(address))),
      (success) => ends.push(success),
    )
    clock.advance(60_000)
    expect(ends).toEqual([false])
    expect(new Set(reported)).toEqual(new Set(['93.184.216.34:7000']))
  })

  it.each([
    // Tellers in two networks; in one; nobody.
    [['93.184.1.1', '93.184.2.1'], true],
    [['93.184.1.1', '93.184.1.2'], false],
    [[], false],
  ])('tell whom they have dropped: %s do, and it is asked itself: %s', (warning, isAsked) => {
    const { proven, awake, run, directory, source, asked, clock } = silentWorld()
    const tellers = ['93.184.1.1', '93.184.1.2', '93.184.2.1']
    tellers.forEach((host, n) => {
      proven(n, host)
      awake(n, host, warning.includes(host) ? [9] : [])
    })
    run()
    source.run(
      () => undefined,
      () => undefined,
    )
    // Not among those that this round asks anyway.
    proven(9, '93.184.3.9')
    clock.advance(60_000)
    expect(asked.includes('93.184.3.9:7000')).toBe(isAsked)
    // It did not answer either: now it counts as silent here, too.
    expect(directory.find(keyOf(9).publicKey.mid)?.silent).toBe(isAsked)
  })

  it('are those that the operator names, wherever they are', async () => {
    const { asked, fetches, clock } = silentWorld()
    const relays: string[] = []
    const source = new BootstrapSource({
      relays: ['192.168.1.9:6421', 'no-such-name.invalid:6421'],
      routers: ['127.0.0.9:6881'],
      families: ['ipv4'],
      clock,
      fetches,
      onRelays: (addresses) => relays.push(...addresses.map(formatAddress)),
      onRouters: (addresses) => relays.push(...addresses.map(formatAddress)),
      askRouter: () => Promise.resolve(false),
      unproven: () => [],
    })
    source.run(
      () => undefined,
      () => undefined,
    )
    for (let turn = 0; turn < 100_000 && asked.length === 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect([...new Set(asked)]).toEqual(['192.168.1.9:6421'])
    expect(relays.sort()).toEqual(['127.0.0.9:6881', '192.168.1.9:6421'])
  })
})

describe('names that lead elsewhere later (D-02, D-05, O-06)', () => {
  const HOURS_MS = 3_600_000

  function named(relays: readonly string[]) {
    const { asked, fetches, clock } = silentWorld()
    const told: string[][][] = []
    const leads = new Map<string, string>()
    let lookUps = 0
    const tell = (...lists: (readonly IpAddress[])[]) =>
      void told.push(lists.map((list) => list.map(({ host }) => host)))
    const source = new BootstrapSource({
      relays,
      routers: ['router:6881'],
      families: ['ipv4'],
      clock,
      fetches,
      onRelays: tell,
      onRouters: tell,
      askRouter: () => Promise.resolve(false),
      unproven: () => [],
      resolve: (endpoint) => {
        lookUps++
        const host = leads.get(endpoint)
        return Promise.resolve(host === undefined ? undefined : at(host))
      },
    })
    return { asked, clock, told, leads, source, lookUps: () => lookUps }
  }

  it('are looked up again after some hours, and what they led to before is replaced', async () => {
    const { clock, told, leads, source, lookUps, asked } = named(['home:6421'])
    leads.set('home:6421', '93.184.216.34').set('router:6881', '93.184.1.1')
    await source.resolve()
    await source.resolve()
    expect(told.splice(0).sort()).toEqual([
      [['93.184.1.1'], []],
      [['93.184.216.34'], []],
    ])
    expect(lookUps()).toBe(2)
    leads.set('home:6421', '93.184.216.35').set('router:6881', '93.184.1.2')
    clock.advance(2 * HOURS_MS)
    await source.resolve()
    expect(told).toEqual([])
    clock.advance(HOURS_MS)
    await source.resolve()
    expect(told.splice(0).sort()).toEqual([
      [['93.184.1.2'], ['93.184.1.1']],
      [['93.184.216.35'], ['93.184.216.34']],
    ])
    clock.advance(3 * HOURS_MS)
    await source.resolve()
    expect([told, lookUps()]).toEqual([[], 6])
    source.run(
      () => undefined,
      () => undefined,
    )
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(new Set(asked)).toEqual(new Set(['93.184.216.35:7000']))
  })

  it('lead where they did while they are not found, and are looked up in each run until they are', async () => {
    const { clock, told, leads, source, lookUps } = named(['home:6421'])
    leads.set('home:6421', '93.184.216.34')
    await source.resolveRelays()
    leads.clear()
    clock.advance(3 * HOURS_MS)
    for (let i = 0; i < 3; i++) await source.resolveRelays()
    expect([told.length, lookUps()]).toEqual([1, 4])
    leads.set('home:6421', '93.184.216.35')
    await source.resolveRelays()
    expect(told.at(-1)).toEqual([['93.184.216.35'], ['93.184.216.34']])
  })

  it('do not replace an address that another name leads to', async () => {
    const { clock, told, leads, source } = named(['home:6421', 'other:6421'])
    leads.set('home:6421', '93.184.216.34').set('other:6421', '93.184.216.34')
    await source.resolveRelays()
    leads.set('home:6421', '93.184.216.35')
    clock.advance(3 * HOURS_MS)
    await source.resolveRelays()
    expect(told.at(-1)).toEqual([['93.184.216.35', '93.184.216.34'], []])
  })
})

describe('the routers of the DHT (D-05)', () => {
  it.each([true, false])('are bootstrap nodes too: the run succeeds if one answers (%s)', async (answers) => {
    const { fetches, clock } = silentWorld()
    const source = new BootstrapSource({
      relays: [],
      routers: ['127.0.0.9:6881'],
      families: ['ipv4'],
      clock,
      fetches,
      onRelays: () => undefined,
      onRouters: () => undefined,
      askRouter: () => Promise.resolve(answers),
      unproven: () => [],
    })
    expect(await new Promise((done) => source.run(() => undefined, done))).toBe(answers)
  })
})

describe('fetches of descriptors (D-07)', () => {
  it('of one address are one, for whoever asks', () => {
    const { clock, fetches, asked } = silentWorld()
    const ends: boolean[] = []
    fetches.fetch(at('93.184.216.34'), (answered) => ends.push(answered))
    fetches.fetch(at('93.184.216.34'), (answered) => ends.push(answered))
    expect(asked).toHaveLength(1)
    clock.advance(60_000)
    expect(ends).toEqual([false, false])
    expect(fetches.answered).toBe(0)
  })
})
