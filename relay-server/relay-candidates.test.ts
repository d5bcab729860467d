import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../shared/bytes/address.ts'
import { Directory, type DirectoryEntry } from '../shared/directory/directory.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from '../shared/directory/relays.fixture.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY } from '../shared/ipv8/constants.ts'
import { PeerRecord } from '../shared/ipv8/peer-record.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { TrustBook } from '../shared/trust/trust-book.ts'
import { Counters } from '../shared/world/counters.ts'
import { candidatesOf, nearFirst, offerJudge, provenAddresses } from './relay-candidates.ts'

const random = new SeededRandom(3)
const directory = new Directory({ network: 'test', clock: new VirtualClock(), counters: new Counters() })

function peer(n: number, flags: number, failures = 0) {
  const record = new PeerRecord()
  for (let i = 0; i < failures; i++) record.failure(i * 10_000)
  const address: IpAddress = { kind: 'ipv4', host: `198.51.100.${n}`, port: 7000 }
  return { publicKey: KeyPair.generate(random).publicKey, address, flags, successRate: record.successRate }
}

describe('candidates for owners that let a hop choose the next (N-12, C-01)', () => {
  const relay = FLAG_RELAY
  const exit = FLAG_RELAY | FLAG_EXIT_BITTORRENT
  const peers = [
    peer(1, relay, 3),
    peer(2, relay),
    peer(3, exit, 3),
    peer(4, exit),
    peer(5, relay),
    peer(6, 0),
  ]
  const draws = Array.from({ length: 50 }, () => candidatesOf(peers, directory, random))
  const last = (address: IpAddress) => Number(address.host.split('.').at(-1))

  it('are relays and exits apart, without those that do not relay', () => {
    for (const { relays, exits } of draws) {
      expect(relays.map(({ address }) => last(address)).sort()).toEqual([1, 2, 5])
      expect(exits.map(({ address }) => last(address)).sort()).toEqual([3, 4])
    }
  })

  it('come in an order of chance, unreliable ones behind all others', () => {
    expect(new Set(draws.map(({ relays }) => last(relays[0]!.address)))).toEqual(new Set([2, 5]))
    for (const { relays, exits } of draws) {
      expect(last(relays.at(-1)!.address)).toBe(1)
      expect(exits.map(({ address }) => last(address))).toEqual([4, 3])
    }
  })
})

describe('candidates of the directory (N-12, D-06)', () => {
  const clock = new VirtualClock(NOW_MS)
  const known = new Directory({ network: NETWORK, clock, counters: new Counters() })
  for (let n = 0; n < 6; n++) known.add(descriptorOf(n, { flags: FLAG_RELAY }))
  for (const n of [1, 4]) known.markProven(keyOf(n).publicKey.mid, addressOfRelay(n))
  // One who claims the address of a proven relay.
  const liar = keyOf(9).publicKey
  known.add(descriptorOf(9, { flags: FLAG_RELAY, udp: addressOfRelay(1) }))
  const failing = peer(8, FLAG_RELAY, 3)
  const draws = (verifies: boolean) =>
    Array.from({ length: 50 }, () => candidatesOf([failing], known, random, { verifies }).relays)

  it('come proven ones first, and those that have only their own word behind them', () => {
    const proven = [1, 4].map((n) => addressOfRelay(n).host)
    for (const relays of draws(true)) {
      expect(relays.map(({ address }) => proven.includes(address.host)).slice(0, 2)).toEqual([true, true])
      expect(relays).toHaveLength(7)
      expect(relays.at(-1)?.address).toEqual(failing.address)
      expect(relays.some(({ publicKey }) => publicKey.equals(liar))).toBe(false)
    }
  })

  it('come in an order of chance alone where nobody is asked for proofs', () => {
    expect(new Set(draws(false).map(([first]) => first?.address.host)).size).toBe(6)
  })
})

describe('candidates by trust and country (D-06, K-08)', () => {
  const peers = [1, 2, 3, 4, 5].map((n) => peer(n, FLAG_RELAY))
  const mids = peers.map(({ publicKey }) => publicKey.mid)
  const is = (n: number, who: Uint8Array | IpAddress) => who === mids[n - 1] || who === peers[n - 1]?.address
  const book = new TrustBook({ clock: new VirtualClock() })
  const judge = offerJudge({
    book: {
      isBlocked: (who) => is(1, who),
      verdict: (mid) => ({ ...book.verdict(mid), standing: is(2, mid) ? 'suspect' : 'unproven' }),
    },
    geo: {
      lookup: ({ host }) => ({ country: host === peers[2]?.address.host ? 'DE' : 'NL' }),
      centre: () => undefined,
    },
    avoidCountries: ['DE', 'FR'],
  })

  it('leave out the blocked and the avoided, and put suspects last', () => {
    for (let i = 0; i < 20; i++) {
      const { relays } = candidatesOf(peers, directory, random, { judge })
      const numbers = relays.map(({ address }) => Number(address.host.split('.').at(-1)))
      expect(numbers.slice(0, -1).sort()).toEqual([4, 5])
      expect(numbers.at(-1)).toBe(2)
    }
  })

  it('come near ones first where that is wanted, by weights, and all of them', () => {
    // 1 is in NL, where we are; 2 in DE, 1,000 km away; the others lie nowhere.
    const countries = ['NL', 'DE']
    const weight = nearFirst(
      {
        lookup: ({ host }) => {
          const country = countries[peers.findIndex(({ address }) => address.host === host)]
          return country ? { country } : undefined
        },
        centre: (country) =>
          country === 'NL' ? { latitude: 0, longitude: 0 } : { latitude: 9, longitude: 0 },
      },
      () => peers[0]?.address,
    )
    const firsts = Array.from({ length: 2_000 }, () => {
      const { relays } = candidatesOf(peers, directory, random, { weight })
      expect(relays).toHaveLength(5)
      return Number(relays[0]?.address.host.split('.').at(-1))
    })
    const share = (n: number) => firsts.filter((each) => each === n).length / firsts.length
    // 1, 1/2 and three times 1/9.
    expect(share(1)).toBeCloseTo(0.545, 1)
    expect(share(2)).toBeCloseTo(0.273, 1)
    expect(share(5)).toBeLessThan(0.1)
    expect(nearFirst(undefined, () => undefined)).toBeUndefined()
  })

  it('take a relay at its word where that speaks against it', () => {
    const { publicKey, address } = peers[3]!
    expect(judge({ publicKey, address })).toBe('offered')
    expect(judge({ publicKey, address, claimedCountry: 'FR' })).toBe('never')
    expect(judge({ publicKey: peers[2]!.publicKey, address: peers[2]!.address, claimedCountry: 'NL' })).toBe(
      'never',
    )
  })
})

describe('where proven relays are (N-06, D-01)', () => {
  it('is where they proved themselves; others do not count', () => {
    const list = [true, false, true].map((proven, n) => ({
      proven,
      descriptor: { udp: n === 2 ? undefined : peer(n + 1, FLAG_RELAY).address },
    })) as unknown as DirectoryEntry[]
    expect(provenAddresses({ list: () => list }).map(({ host }) => host)).toEqual(['198.51.100.1'])
  })
})
