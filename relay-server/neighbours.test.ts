import { describe, expect, it } from 'vitest'
import { addressOf, formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import { Directory } from '../shared/directory/directory.ts'
import { DirectoryExchange } from '../shared/directory/exchange.ts'
import { descriptorOf, NETWORK, NOW_MS } from '../shared/directory/relays.fixture.ts'
import { ExitPolicy } from '../shared/onion/exit-policy.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { Counters } from '../shared/world/counters.ts'
import { Neighbours } from './neighbours.ts'

const at = (host: string) => addressOf(host, 7_000) as IpAddress

describe('whom a relay asks for relays (D-04, O-06)', () => {
  it('are the configured ones, and others at public addresses, whatever their descriptors name', async () => {
    const clock = new VirtualClock(NOW_MS)
    const random = new SeededRandom(9)
    const counters = new Counters()
    const directory = new Directory({ network: NETWORK, clock, counters })
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
    const policy = new ExitPolicy()
    const asked: string[] = []
    const neighbours = new Neighbours({
      directory,
      exchange: new DirectoryExchange({ directory, own: () => undefined, clock, random, counters }),
      clock,
      random,
      bootstrap: ['192.168.1.9:6421'],
      families: ['ipv4'],
      linkTo: (address) => {
        asked.push(formatAddress(address))
        return undefined
      },
      mayReach: (address) => policy.judge(address, 'udp') === 'allowed',
      intervalMs: 60_000,
      onResolved: () => {},
    })
    neighbours.start()
    for (let i = 0; i < 20; i++) await Promise.resolve()
    neighbours.stop()
    expect(asked.sort()).toEqual(['192.168.1.9:6421', '93.184.216.34:7000'])
  })
})
