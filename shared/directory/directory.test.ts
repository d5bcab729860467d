import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import type { DirectorySettings } from './constants.ts'
import { Directory, type DirectoryOptions } from './directory.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from './relays.fixture.ts'

const NOW_S = NOW_MS / 1000

function make(settings: Partial<DirectorySettings> = {}, more: Partial<DirectoryOptions> = {}) {
  const clock = new VirtualClock(NOW_MS)
  const counters = new Counters()
  const self = keyOf(99).publicKey
  const directory = new Directory({ network: NETWORK, clock, counters, self, settings, ...more })
  const names = () => directory.list().map(({ descriptor }) => descriptor.nickname)
  return { clock, counters, directory, names }
}

describe('the directory of relays (D-04, D-06, K-06)', () => {
  it('keeps the newest of each relay, and never goes back', () => {
    const { directory } = make()
    expect(directory.add(descriptorOf(1, { published: NOW_S, bandwidth: 1 }))).toBe('new')
    expect(directory.add(descriptorOf(1, { published: NOW_S, bandwidth: 1 }))).toBe('known')
    expect(directory.add(descriptorOf(1, { published: NOW_S, bandwidth: 2 }))).toBe('known')
    expect(directory.add(descriptorOf(1, { published: NOW_S + 5, bandwidth: 3 }))).toBe('renewed')
    expect(directory.add(descriptorOf(1, { published: NOW_S + 4, bandwidth: 4 }))).toBe('known')
    expect(directory.list().map(({ descriptor }) => descriptor.bandwidth)).toEqual([3])
    expect(directory.find(keyOf(1).publicKey.mid)?.descriptor.bandwidth).toBe(3)
  })

  it('refuses and counts what is forged, old, of another network, or no descriptor', () => {
    const { directory, counters } = make()
    const forged = descriptorOf(1)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    expect(directory.add(forged)).toBe('refused')
    expect(directory.add(descriptorOf(1, {}, 'other'))).toBe('refused')
    expect(directory.add(descriptorOf(1, { published: NOW_S - 4_000 }))).toBe('refused')
    expect(directory.add(descriptorOf(1, { published: NOW_S + 700 }))).toBe('refused')
    expect(directory.add(new Uint8Array([1, 2, 3]))).toBe('refused')
    expect(counters.get('directory-refused-descriptor-forged')).toBe(2)
    expect(counters.get('directory-refused-descriptor-expired')).toBe(1)
    expect(counters.get('directory-refused-descriptor-future')).toBe(1)
    expect(counters.get('directory-refused-codec-short')).toBe(1)
    expect(directory.size).toBe(0)
  })

  it('does not list itself', () => {
    const { directory } = make()
    expect(directory.add(descriptorOf(99))).toBe('known')
    expect(directory.size).toBe(0)
  })

  it('forgets what has expired', () => {
    const { directory, clock, names } = make()
    directory.add(descriptorOf(1, { lifetime: 60 }))
    directory.add(descriptorOf(2, { lifetime: 600 }))
    clock.advance(61_000)
    expect(names()).toEqual(['relay 2'])
    expect(directory.size).toBe(1)
  })

  it('admits few of one network, by UDP address or WebSocket host', () => {
    const { directory, counters } = make({ maxPerNetwork: 2 })
    const of24 = (n: number) => descriptorOf(n, { udp: { ...addressOfRelay(7), port: 7000 + n } })
    const websocket = (n: number) =>
      descriptorOf(n, { udp: undefined, websocket: `ws://a.example:${n}/relay` })
    for (const n of [1, 2]) expect(directory.add(of24(n))).toBe('new')
    for (const n of [11, 12]) expect(directory.add(websocket(n))).toBe('new')
    for (const n of [1, 2, 11, 12]) directory.markHeard(keyOf(n).publicKey.mid)
    expect([of24(3), websocket(13)].map((each) => directory.add(each))).toEqual(['refused', 'refused'])
    expect(counters.get('directory-refused-directory-network')).toBe(2)
    expect(directory.add(descriptorOf(1, { udp: addressOfRelay(7), published: NOW_S + 1 }))).toBe('renewed')
  })

  it('closes no network to its own because others claim addresses of it', () => {
    const { directory, names } = make({ maxPerNetwork: 2 })
    const of24 = (n: number) => descriptorOf(n, { udp: { ...addressOfRelay(7), port: 7000 + n } })
    for (const liar of [1, 2]) directory.add(of24(liar))
    expect(directory.add(of24(3))).toBe('new')
    directory.markHeard(keyOf(3).publicKey.mid)
    for (const liar of [4, 5, 6]) directory.add(of24(liar))
    expect(names()).toContain('relay 3')
    expect(directory.size).toBe(2)
  })

  it('when full, lets what was never heard give way, and what was heard stay', () => {
    const { directory, names } = make({ maxDescriptors: 3 })
    for (const n of [1, 2, 3]) directory.add(descriptorOf(n))
    directory.markHeard(keyOf(1).publicKey.mid)
    expect(directory.add(descriptorOf(4))).toBe('new')
    expect(names()).toEqual(['relay 1', 'relay 3', 'relay 4'])
    directory.markHeard(keyOf(3).publicKey.mid)
    directory.markHeard(keyOf(4).publicKey.mid)
    expect(directory.add(descriptorOf(5))).toBe('refused')
    expect(names()).toEqual(['relay 1', 'relay 3', 'relay 4'])
  })

  it('lets nothing give way that is to be kept, though it was never heard', () => {
    const kept = new Set([toHex(keyOf(1).publicKey.mid), toHex(keyOf(2).publicKey.mid)])
    const { directory, names } = make({ maxDescriptors: 3 }, { isKept: (mid) => kept.has(mid) })
    for (let n = 1; n <= 9; n++) directory.add(descriptorOf(n))
    expect(names()).toEqual(['relay 1', 'relay 2', 'relay 9'])
  })

  it('serves in the order of learning what is not known to be silent', () => {
    const { directory, clock } = make()
    for (const n of [1, 2, 3]) directory.add(descriptorOf(n))
    const served = (after = 0, withinMs = Number.POSITIVE_INFINITY) =>
      directory.served(after, withinMs).map(({ descriptor }) => descriptor.nickname)
    expect(served()).toEqual(['relay 1', 'relay 2', 'relay 3'])
    const last = directory.served().at(-1)?.sequence
    clock.advance(10_000)
    directory.add(descriptorOf(1, { published: NOW_S + 5 }))
    expect(served()).toEqual(['relay 2', 'relay 3', 'relay 1'])
    expect(served(last)).toEqual(['relay 1'])
    expect(served(0, 5_000)).toEqual(['relay 1'])
    directory.markSilent(addressOfRelay(3))
    directory.markSilent(addressOfRelay(77))
    expect(served()).toEqual(['relay 2', 'relay 1'])
    expect(directory.list().length).toBe(3)
    // Heard again, it is news to those who asked meanwhile; so is a renewal.
    directory.markHeard(keyOf(3).publicKey.mid)
    expect(served(last)).toEqual(['relay 1', 'relay 3'])
    directory.markSilent(addressOfRelay(2))
    directory.add(descriptorOf(2, { published: NOW_S + 6 }))
    expect(served()).toEqual(['relay 1', 'relay 3', 'relay 2'])
  })

  it('counts a network down again when its relays move or expire', () => {
    const { directory, clock } = make({ maxPerNetwork: 1 })
    const at = (n: number, place: number, more = {}) =>
      descriptorOf(n, { udp: addressOfRelay(place), ...more })
    expect(directory.add(at(1, 7))).toBe('new')
    directory.markHeard(keyOf(1).publicKey.mid)
    expect(directory.add(at(2, 7))).toBe('refused')
    expect(directory.add(at(1, 8, { published: NOW_S + 1, lifetime: 60 }))).toBe('renewed')
    expect(directory.add(at(2, 7))).toBe('new')
    expect(directory.add(at(3, 8))).toBe('refused')
    clock.advance(62_000)
    directory.expire()
    expect(directory.add(at(3, 8))).toBe('new')
  })
  it('counts down once a relay that expires while room is made for it elsewhere', () => {
    const { directory, clock } = make({ maxPerNetwork: 2 })
    const at = (n: number, place: number, more = {}) =>
      descriptorOf(n, { udp: { ...addressOfRelay(place), port: 7_000 + n }, ...more })
    const hear = (n: number) => directory.markHeard(keyOf(n).publicKey.mid)
    // Two networks with two relays each, one of which is soon to expire.
    for (const [n, place] of [
      [1, 7],
      [3, 8],
    ] as const)
      directory.add(at(n, place, { lifetime: 60 }))
    for (const [n, place] of [
      [2, 7],
      [4, 8],
    ] as const)
      directory.add(at(n, place))
    for (const n of [1, 2, 3, 4]) hear(n)
    clock.advance(62_000)
    expect(directory.add(at(1, 8, { published: NOW_S + 1 }))).toBe('renewed')
    expect(directory.add(at(5, 7))).toBe('new')
    hear(5)
    expect(directory.add(at(6, 7))).toBe('refused')
  })
})
