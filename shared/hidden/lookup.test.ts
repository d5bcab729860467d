import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { isVirtualHost } from './hidden-peer.ts'
import { type ListedRelay, lookupKey, nearestRelays } from './lookup.ts'

const HASH = fromHex('f988cef42c2807456d1b8cd0bc9e16479593eab7')

describe('where a hidden swarm is looked up (issue 3: hidden seeding)', () => {
  it('names the swarm as Tribler does: SHA-1 of its tag and the info hash in hex', () => {
    // sha1(b"tribler anonymous download" + hexlify(info_hash)), computed with Python's hashlib
    expect(toHex(lookupKey(HASH))).toBe('13db2d0de42311cb9def428df30d8492ac0870dd')
  })

  it('comes to the same relays from directories in any order, and moves little when one relay goes', () => {
    const random = new SeededRandom(3)
    const relays = Array.from({ length: 40 }, () => ({ publicKey: KeyPair.generate(random).publicKey }))
    const key = lookupKey(HASH)
    const near = nearestRelays(key, relays, 3)
    expect(nearestRelays(key, [...relays].reverse(), 3)).toEqual(near)
    const without = relays.filter((relay) => relay !== near[0])
    expect(nearestRelays(key, without, 3).slice(0, 2)).toEqual(near.slice(1))
    const places = new Set(
      Array.from({ length: 20 }, (_, i) =>
        toHex((nearestRelays(lookupKey(Uint8Array.of(i)), relays, 1)[0] as (typeof relays)[0]).publicKey.mid),
      ),
    )
    expect(places.size).toBeGreaterThan(8)
  })

  const key = lookupKey(HASH)
  const ip = (host: string): IpAddress => ({ kind: host.includes(':') ? 'ipv6' : 'ipv4', host, port: 7000 })
  const alone = (i: number) => ({ address: ip(`198.${i}.1.7`) })

  /** Relays by their distance from the swarm's place, listed as `of` has it. */
  function ranked(count: number, of: (rank: number) => Omit<ListedRelay, 'publicKey'>): ListedRelay[] {
    const random = new SeededRandom(4)
    const keys = Array.from({ length: count }, () => ({ publicKey: KeyPair.generate(random).publicKey }))
    return nearestRelays(key, keys, count).map((relay, i) => ({ ...relay, ...of(i) }))
  }

  it.each<[string, (i: number) => Omit<ListedRelay, 'publicKey'>]>([
    ['one network', (i) => ({ address: ip(`203.0.${i}.7`) })],
    ['one network of their second addresses', (i) => ({ ...alone(i), address6: ip(`2001:db8:${i + 1}::7`) })],
    ['one family', (i) => ({ ...alone(i), family: 'c0ffee' })],
  ])('takes one of many relays of %s, however near they are', (_, owner) => {
    const relays = ranked(20, (i) => (i < 8 ? owner(i) : { ...alone(i), family: `${i}` }))
    const near = [0, 8, 9, 10, 11, 12].map((i) => relays[i])
    expect(nearestRelays(key, relays, 6)).toEqual(near)
    expect(nearestRelays(key, [...relays].reverse(), 3)).toEqual(near.slice(0, 3))
    // No neighbour of one that does not serve moves up to its place.
    expect(nearestRelays(key, relays, 2, (relay) => relay !== relays[0])).toEqual(near.slice(1, 3))
  })

  it('takes the next of each where there are too few networks, and by distance alone where there is one', () => {
    const two = ranked(8, (i) => ({ address: ip(i < 6 ? `203.0.${i}.7` : `198.51.${i}.7`) }))
    expect(nearestRelays(key, two, 5)).toEqual([0, 6, 1, 7, 2].map((i) => two[i]))
    const one = ranked(8, (i) => ({ address: ip(`127.0.0.${i + 1}`), family: 'c0ffee' }))
    expect(nearestRelays(key, one, 5)).toEqual(one.slice(0, 5))
  })

  it('tells virtual addresses from real ones', () => {
    expect(isVirtualHost('240.1.2.3')).toBe(true)
    for (const host of ['24.0.1.2', '2400::1', '45.0.5.179', '240.1.2.example', '1.240.2.3']) {
      expect(isVirtualHost(host)).toBe(false)
    }
  })
})
