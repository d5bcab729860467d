import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { isVirtualHost } from './hidden-peer.ts'
import { lookupKey, nearestRelays } from './lookup.ts'

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

  it('tells virtual addresses from real ones', () => {
    expect(isVirtualHost('240.1.2.3')).toBe(true)
    for (const host of ['24.0.1.2', '2400::1', '45.0.5.179', '240.1.2.example', '1.240.2.3']) {
      expect(isVirtualHost(host)).toBe(false)
    }
  })
})
