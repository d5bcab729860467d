import { describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { type GivenAddresses, OwnAddresses } from './own-addresses.ts'
import { ip, ip6 } from './town.fixture.ts'

const MINUTE_MS = 60_000

function own(given: Partial<GivenAddresses> = {}) {
  const clock = new VirtualClock()
  const now: { given: GivenAddresses } = { given: { lan: ip(0), ...given } }
  return { clock, now, own: new OwnAddresses(clock, 10 * MINUTE_MS, () => now.given) }
}

describe('our WAN address by vote (N-08, N-10)', () => {
  it('is what the first says, until others outvote it', () => {
    const { own: addresses } = own()
    expect(addresses.wan('ipv4')).toEqual(NO_ADDRESS)
    addresses.vote(ip(66), ip(99))
    expect(addresses.wan('ipv4')).toEqual(ip(99))
    addresses.vote(ip(1), ip(50))
    addresses.vote(ip(2), ip(50))
    expect(addresses.wan('ipv4')).toEqual(ip(50))
  })

  it('is not moved by one liar, however often and from however many ports he answers', () => {
    const { own: addresses } = own()
    for (const n of [1, 2]) addresses.vote(ip(n), ip(50))
    for (let port = 1; port <= 100; port++) addresses.vote(ip(66, port), ip(99))
    expect(addresses.wan('ipv4')).toEqual(ip(50))
  })

  it('follows when it has really changed and the old votes are old', () => {
    const { own: addresses, clock } = own()
    for (const n of [1, 2, 3]) addresses.vote(ip(n), ip(50))
    clock.advance(11 * MINUTE_MS)
    addresses.vote(ip(4), ip(51))
    expect(addresses.wan('ipv4')).toEqual(ip(51))
  })

  it('takes no private, unspecified or portless address for one', () => {
    const { own: addresses } = own()
    for (const host of ['10.1.2.3', '172.16.0.1', '192.168.0.1', '0.0.0.0', '224.0.0.1']) {
      addresses.vote(ip(1), { kind: 'ipv4', host, port: 7 })
    }
    addresses.vote(ip(1), ip(50, 0))
    addresses.vote(ip6(1), { kind: 'ipv6', host: 'fe80::1', port: 7 })
    addresses.vote(ip6(1), { kind: 'ipv6', host: 'fd00::1', port: 7 })
    expect([addresses.wan('ipv4'), addresses.wan('ipv6')]).toEqual([NO_ADDRESS, NO_ADDRESS])
    // Loopback is one: the lab lives there, where each address votes for itself.
    const loopback = (n: number) => ({ kind: 'ipv4', host: `127.0.0.${n}`, port: 7 }) as const
    for (const n of [2, 3]) addresses.vote(loopback(n), loopback(1))
    expect(addresses.wan('ipv4')).toEqual(loopback(1))
    expect(addresses.ports()).toBe('same')
  })

  it('is kept in each family apart; what is given is kept whatever others see, as long as it is given', () => {
    const { own: addresses, now } = own({ lan6: ip6(0), wan6: ip6(5) })
    addresses.vote(ip(1), ip(50))
    addresses.vote(ip6(1), ip6(9))
    expect([addresses.wan('ipv4'), addresses.wan('ipv6')]).toEqual([ip(50), ip6(5)])
    expect([addresses.lan('ipv4'), addresses.lan('ipv6')]).toEqual([ip(0), ip6(0)])
    const { given } = now
    now.given = { ...given, lan: ip(2), wan: ip(70) }
    expect([addresses.lan('ipv4'), addresses.wan('ipv4')]).toEqual([ip(2), ip(70)])
    now.given = given
    expect(addresses.wan('ipv4')).toEqual(ip(50))
    expect(addresses.isOwn(ip6(5))).toBe(true)
    expect(addresses.isOwn(ip6(9))).toBe(false)
  })

  it('differs in its port for each voter behind a symmetric NAT, and for two groups after a new mapping', () => {
    const { own: symmetric } = own()
    for (const n of [1, 2, 3]) symmetric.vote(ip(n), ip(50, 1000 + n))
    expect(symmetric.ports()).toBe('unknown')
    symmetric.vote(ip(4), ip(50, 1004))
    expect(symmetric.ports()).toBe('differs')
    const { own: renewed } = own()
    for (const n of [1, 2, 3, 4]) renewed.vote(ip(n), ip(50, n < 3 ? 1000 : 2000))
    expect(renewed.ports()).toBe('unknown')
  })
})
