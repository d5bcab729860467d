import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { isPrivateIpv4, isUnicast, networkOf } from './network-of.ts'
import { TokenBucket } from './token-bucket.ts'

const ip = (host: string, port = 1): IpAddress => addressOf(host, port) as IpAddress

describe('networks of addresses (K-06)', () => {
  it('are /24 of IPv4 and /48 of IPv6', () => {
    expect(networkOf(ip('198.51.100.7'))).toBe(networkOf(ip('198.51.100.200', 9)))
    expect(networkOf(ip('198.51.100.7'))).not.toBe(networkOf(ip('198.51.101.7')))
    expect(networkOf(ip('2001:db8:1:2::3'))).toBe(networkOf(ip('2001:db8:1:ffff::4')))
    expect(networkOf(ip('2001:db8:1::'))).not.toBe(networkOf(ip('2001:db8:2::')))
    expect(networkOf(ip('32.1.13.1'))).not.toBe(networkOf(ip('2001:d01::')))
  })

  it('know private ranges by their edges', () => {
    for (const host of ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.1', '192.168.0.1']) {
      expect(isPrivateIpv4(ip(host))).toBe(true)
    }
    for (const host of [
      '9.255.255.255',
      '11.0.0.0',
      '172.15.0.1',
      '172.32.0.1',
      '192.167.0.1',
      '127.0.0.1',
      'fd00::1',
    ]) {
      expect(isPrivateIpv4(ip(host))).toBe(false)
    }
  })

  it('tell one host from none and many', () => {
    for (const host of ['127.0.0.1', '198.51.100.7', '223.255.255.255', '2001:db8::1', '::1']) {
      expect(isUnicast(ip(host))).toBe(true)
      expect(isUnicast(ip(host, 0))).toBe(false)
    }
    for (const host of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '255.255.255.255', '::', 'ff02::1']) {
      expect(isUnicast(ip(host))).toBe(false)
    }
  })
})

describe('token bucket (D-07, O-06)', () => {
  it('gives a burst, then the rate, and saves no more than the burst', () => {
    const clock = new VirtualClock()
    const bucket = new TokenBucket(clock, 2, 3)
    const take = (n: number) => Array.from({ length: n }, () => bucket.take()).filter(Boolean).length
    expect(take(5)).toBe(3)
    clock.advance(499)
    expect(take(1)).toBe(0)
    clock.advance(1)
    expect(take(2)).toBe(1)
    clock.advance(60_000)
    expect(take(9)).toBe(3)
  })
})
