import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { DIRECTORY_DEFAULTS } from './constants.ts'
import { Directory, type DirectoryOptions } from './directory.ts'
import { Drops } from './drops.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from './relays.fixture.ts'

const NOW_S = NOW_MS / 1000
const mid = (n: number) => keyOf(n).publicKey.mid
const week = { lifetime: 604_800 }

function make(options: Partial<DirectoryOptions> = {}) {
  const clock = new VirtualClock(NOW_MS)
  const counters = new Counters()
  const directory = new Directory({ network: NETWORK, clock, counters, ...options })
  const served = () => directory.served().map(({ descriptor }) => descriptor.nickname)
  const dropped = (withinMs = 3_600_000) =>
    directory.dropped(withinMs, 100).map((drop) => [toHex(drop.mid), drop.reason])
  return { clock, counters, directory, served, dropped }
}

describe('proofs in the directory (D-06)', () => {
  it('let a relay be told of, while they hold, and only at its own address', () => {
    const { directory, served, clock } = make({ onlyProven: true })
    for (const n of [1, 2]) directory.add(descriptorOf(n, week))
    expect(served()).toEqual([])
    directory.markProven(mid(1), addressOfRelay(2))
    directory.markProven(mid(3), addressOfRelay(3))
    expect(served()).toEqual([])
    directory.markProven(mid(1), addressOfRelay(1))
    expect(served()).toEqual(['relay 1'])
    expect(directory.list().map(({ proven }) => proven)).toEqual([false, true])
    clock.advance(DIRECTORY_DEFAULTS.provenForMs - 1)
    expect(served()).toEqual(['relay 1'])
    clock.advance(1)
    expect(served()).toEqual([])
    expect(directory.find(mid(1))?.proven).toBe(false)
  })

  it('are news to those who asked before', () => {
    const { directory } = make({ onlyProven: true })
    for (const n of [1, 2]) directory.add(descriptorOf(n))
    directory.markProven(mid(2), addressOfRelay(2))
    const last = directory.served().at(-1)?.sequence
    directory.markProven(mid(1), addressOfRelay(1))
    expect(directory.served(last).map(({ descriptor }) => descriptor.nickname)).toEqual(['relay 1'])
    const again = directory.served().at(-1)?.sequence
    directory.markProven(mid(1), addressOfRelay(1))
    expect(directory.served(again)).toEqual([])
  })

  it('outlive a renewal at the same address, but no move, and end when taken back', () => {
    const { directory } = make({ onlyProven: true })
    directory.add(descriptorOf(1))
    directory.markProven(mid(1), addressOfRelay(1))
    directory.add(descriptorOf(1, { published: NOW_S + 1 }))
    expect(directory.find(mid(1))?.proven).toBe(true)
    directory.add(descriptorOf(1, { published: NOW_S + 2, udp: addressOfRelay(9) }))
    expect(directory.find(mid(1))?.proven).toBe(false)
    directory.markProven(mid(1), addressOfRelay(9))
    expect(directory.find(mid(1))?.proven).toBe(true)
    directory.markUnproven(mid(1))
    expect(directory.find(mid(1))?.proven).toBe(false)
  })

  it('hold for the second address as well', () => {
    const { directory } = make()
    const udp6 = { kind: 'ipv6', host: '2001:db8::7', port: 7001 } as const
    directory.add(descriptorOf(1, { udp6 }))
    directory.markProven(mid(1), udp6)
    expect(directory.find(mid(1))?.proven).toBe(true)
  })

  it('are not needed where nobody verifies', () => {
    const { directory, served } = make()
    directory.add(descriptorOf(1))
    expect(served()).toEqual(['relay 1'])
  })
})

describe('what leaves the directory (D-04)', () => {
  it('is told of with its reason, until it is back', () => {
    const { directory, dropped, clock } = make()
    directory.add(descriptorOf(1, { lifetime: 60 }))
    for (const n of [2, 3]) directory.add(descriptorOf(n))
    clock.advance(61_000)
    directory.markSilent(addressOfRelay(2))
    directory.markSilent(addressOfRelay(2))
    directory.drop(mid(3))
    directory.drop(mid(3))
    expect(dropped()).toEqual([
      [toHex(mid(1)), 'expired'],
      [toHex(mid(3)), 'blocked'],
      [toHex(mid(2)), 'silent'],
    ])
    directory.add(descriptorOf(2, { published: NOW_S + 61 }))
    expect(dropped().map(([, reason]) => reason)).toEqual(['expired', 'blocked'])
    clock.advance(5_000)
    expect(dropped(4_000)).toEqual([])
    expect(directory.list().map(({ descriptor }) => descriptor.nickname)).toEqual(['relay 2'])
  })

  it('is not what was heard since it was found silent, or of which there is news', () => {
    const { directory, dropped, clock } = make()
    directory.add(descriptorOf(1))
    directory.add(descriptorOf(2))
    const atMs = clock.now()
    clock.advance(1)
    directory.markHeard(mid(1))
    directory.add(descriptorOf(2, { published: NOW_S + 1 }))
    for (const n of [1, 2]) directory.markSilent(addressOfRelay(n), atMs)
    expect(dropped()).toEqual([])
    for (const n of [1, 2]) directory.markSilent(addressOfRelay(n))
    expect(dropped()).toHaveLength(2)
  })

  it('is told of no more when it is heard again', () => {
    const { directory, dropped } = make()
    directory.add(descriptorOf(1))
    directory.markSilent(addressOfRelay(1))
    expect(dropped()).toHaveLength(1)
    directory.markHeard(mid(1))
    expect(dropped()).toEqual([])
  })

  it('is remembered within bounds', () => {
    const drops = new Drops()
    for (let n = 0; n < 600; n++) drops.note(Uint8Array.from([n >> 8, n]), 'silent', n)
    const kept = drops.since(0, 1_000)
    expect(kept).toHaveLength(512)
    expect(kept[0]?.mid).toEqual(Uint8Array.from([599 >> 8, 599 & 255]))
  })
})

describe('limits of the directory (K-06)', () => {
  const family = new TextEncoder().encode('one operator')

  it('hold for a family: those that never answered give way, those that did stay', () => {
    const { directory, counters } = make({ settings: { maxPerFamily: 2 } })
    const add = (n: number, more = {}) => directory.add(descriptorOf(n, { family, ...more }))
    expect([1, 2].map((n) => add(n))).toEqual(['new', 'new'])
    directory.markHeard(mid(1))
    expect(add(3)).toBe('new')
    expect(directory.find(mid(2))).toBeUndefined()
    directory.markProven(mid(3), addressOfRelay(3))
    expect(add(4)).toBe('refused')
    expect(counters.get('directory-refused-directory-family')).toBe(1)
    expect(add(1, { published: NOW_S + 1 })).toBe('renewed')
    // Who leaves the family makes room in it; without a family there is no limit.
    expect(add(1, { published: NOW_S + 2, family: new Uint8Array() })).toBe('renewed')
    expect(add(4)).toBe('new')
    for (const n of [5, 6, 7]) expect(directory.add(descriptorOf(n))).toBe('new')
  })

  it('keep out who is blocked, before a signature is looked at', () => {
    const told: string[] = []
    const { directory, counters } = make({
      refuse: ({ nickname }) => nickname === 'relay 1',
      learnt: ({ descriptor }, result) => told.push(`${descriptor.nickname} ${result}`),
    })
    const forged = descriptorOf(1)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    expect(directory.add(forged)).toBe('unwanted')
    expect(counters.get('directory-blocked')).toBe(1)
    directory.add(descriptorOf(2))
    directory.add(descriptorOf(2, { published: NOW_S + 1 }))
    expect(told).toEqual(['relay 2 new', 'relay 2 renewed'])
  })
})
