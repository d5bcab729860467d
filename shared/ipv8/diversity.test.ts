import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { type Belonging, Diversity, diverse, providerOf } from './diversity.ts'

const ip = (host: string): IpAddress => addressOf(host, 7000) as IpAddress

describe('diversity of a set (K-06, D-10)', () => {
  it('bounds members of one /24, /16, family and autonomous system', () => {
    const set = new Diversity({ maxPerNetwork: 1, maxPerProvider: 2, maxPerFamily: 1, maxPerAs: 2 })
    expect(set.add('a', { address: ip('11.0.0.1'), family: 'f', as: 5 })).toBeUndefined()
    expect(set.add('b', { address: ip('11.0.0.2') })).toBe('network')
    expect(set.add('c', { address: ip('11.0.1.2'), as: 5 })).toBeUndefined()
    expect(set.add('d', { address: ip('11.0.2.2') })).toBe('provider')
    expect(set.add('e', { address: ip('12.0.2.2'), as: 5 })).toBe('as')
    expect(set.add('f', { address: ip('12.0.2.2'), family: 'f' })).toBe('family')
    expect(set.add('g', { address: ip('12.0.2.2'), family: '', as: 0 })).toBeUndefined()
    expect(set.size).toBe(3)
  })

  it('counts one machine as one, whatever its ports; an IPv6 /64 is one machine, a /32 one provider', () => {
    const set = new Diversity({ maxPerSite: 1 })
    expect(set.add('a', { address: ip('2a01:4f8::1') })).toBeUndefined()
    expect(set.add('b', { address: ip('2a01:4f8::2') })).toBe('site')
    expect(set.add('c', { address: ip('2a01:4f8:0:1::2') })).toBeUndefined()
    expect(providerOf(ip('2a01:4f8::1'))).toBe(providerOf(ip('2a01:4f8:ffff::1')))
    expect(providerOf(ip('2a01:4f8::1'))).not.toBe(providerOf(ip('2a01:4f9::1')))
  })

  it('lets a member move, and makes room when one leaves', () => {
    const set = new Diversity({ maxPerNetwork: 1 })
    set.add('a', { address: ip('11.0.0.1') })
    expect(set.add('a', { address: ip('11.0.0.9') })).toBeUndefined()
    expect(set.crowdFor({ address: ip('11.0.0.2') })).toBe('network')
    set.delete('a')
    set.delete('a')
    expect(set.crowdFor({ address: ip('11.0.0.2') })).toBeUndefined()
  })

  it('never holds more of one kind than it may, in any order of coming and going', () => {
    const member: fc.Arbitrary<Belonging> = fc.record({
      address: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map(([a, b, c]) => ip(`${11 + a}.0.${b}.${c}`)),
      family: fc.constantFrom('', 'x', 'y'),
      as: fc.nat(3),
    })
    const step = fc.tuple(fc.nat(15), fc.option(member, { nil: undefined }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new Diversity({ maxPerNetwork: 2, maxPerFamily: 3, maxPerAs: 4 })
        const held = new Map<number, Belonging>()
        for (const [id, who] of steps) {
          if (who === undefined) {
            set.delete(String(id))
            held.delete(id)
          } else if (set.add(String(id), who) === undefined) held.set(id, who)
        }
        expect(set.size).toBe(held.size)
        const most = (of: (who: Belonging) => string) => {
          const counts = new Map<string, number>()
          for (const who of held.values()) if (of(who)) counts.set(of(who), (counts.get(of(who)) ?? 0) + 1)
          return Math.max(0, ...counts.values())
        }
        expect(
          most(({ address }) => address?.host.split('.').slice(0, 3).join('.') ?? ''),
        ).toBeLessThanOrEqual(2)
        expect(most(({ family }) => family ?? '')).toBeLessThanOrEqual(3)
        expect(most(({ as }) => (as ? String(as) : ''))).toBeLessThanOrEqual(4)
      }),
    )
  })

  it('takes the first that fit of a list', () => {
    const hosts = ['11.0.0.1', '11.0.0.2', '11.0.1.1', '11.0.0.3']
    expect(diverse(hosts, { maxPerNetwork: 1 }, (host) => ({ address: ip(host) }))).toEqual([
      '11.0.0.1',
      '11.0.1.1',
    ])
  })
})
