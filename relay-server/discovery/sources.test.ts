import { describe, expect, it } from 'vitest'
import { type Address, addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { Directory } from '../../shared/directory/directory.ts'
import { DirectoryExchange } from '../../shared/directory/exchange.ts'
import { descriptorOf, keyOf, NETWORK, NOW_MS } from '../../shared/directory/relays.fixture.ts'
import type { Link } from '../../shared/link/link.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { BootstrapSource } from './bootstrap-source.ts'
import { ExchangeSource } from './exchange-source.ts'
import { Fetches } from './fetches.ts'

const at = (host: string) => addressOf(host, 7_000) as IpAddress
const policy = new ExitPolicy()

/** A directory, and links that note what is sent where and never answer. */
function silentWorld() {
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
      send: () => asked.push(key),
      close: () => undefined,
    }
    links.set(key, link)
    return link
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
    partners: 10,
  })
  return { clock, directory, asked, fetches, source }
}

describe('whom a relay asks for relays (D-04, D-05, O-06)', () => {
  it('are others at public addresses, whatever their descriptors name', () => {
    const { directory, asked, source } = silentWorld()
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
    source.run(
      () => undefined,
      () => undefined,
    )
    expect([...new Set(asked)]).toEqual(['93.184.216.34:7000'])
  })

  it('are ten a round, of as many networks, proven ones first', () => {
    const { directory, asked, source } = silentWorld()
    for (let n = 0; n < 40; n++) {
      // Eight networks of five relays each.
      const udp = at(`93.184.${n % 8}.${n + 1}`)
      directory.add(descriptorOf(n, { udp }))
      if (n >= 35) directory.markProven(keyOf(n).publicKey.mid, udp)
    }
    source.run(
      () => undefined,
      () => undefined,
    )
    const partners = [...new Set(asked)]
    expect(partners).toHaveLength(10)
    expect(new Set(partners.map((each) => each.split('.')[2])).size).toBe(8)
    for (let n = 35; n < 40; n++) expect(partners).toContain(`93.184.${n % 8}.${n + 1}:7000`)
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

  it('are those that the operator names, wherever they are', async () => {
    const { asked, fetches } = silentWorld()
    const relays: string[] = []
    const source = new BootstrapSource({
      relays: ['192.168.1.9:6421', 'no-such-name.invalid:6421'],
      routers: ['127.0.0.9:6881'],
      families: ['ipv4'],
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

describe('the routers of the DHT (D-05)', () => {
  it.each([true, false])('are bootstrap nodes too: the run succeeds if one answers (%s)', async (answers) => {
    const { fetches } = silentWorld()
    const source = new BootstrapSource({
      relays: [],
      routers: ['127.0.0.9:6881'],
      families: ['ipv4'],
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
