import { describe, expect, it } from 'vitest'
import { Admission, plainHost } from './admission.ts'

describe('admission to the gateway (O-06, D-07)', () => {
  it('counts all, and each neighbour, and forgets who left', () => {
    const admission = new Admission({ connections: 3, connectionsPerAddress: 2 })
    const enter = (host: string) => admission.enter(host)
    expect(['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(enter)).toEqual([
      'admitted',
      'admitted',
      'limit-address',
    ])
    expect(['192.0.2.2', '192.0.2.3'].map(enter)).toEqual(['admitted', 'limit-connections'])
    admission.leave('192.0.2.1')
    expect(['192.0.2.3', '192.0.2.4'].map(enter)).toEqual(['admitted', 'limit-connections'])
  })

  it('takes a /64 of IPv6 for one neighbour, and a mapped IPv4 address for what it is', () => {
    const admission = new Admission({ connections: 9, connectionsPerAddress: 1 })
    const hosts = [
      '2001:db8:1:2::5',
      '2001:db8:1:2:ffff::6',
      '2001:db8:1:3::5',
      '::ffff:192.0.2.7',
      '192.0.2.7',
    ]
    expect(hosts.map((host) => admission.enter(host))).toEqual([
      ...['admitted', 'limit-address', 'admitted'],
      ...['admitted', 'limit-address'],
    ])
    expect(plainHost('::ffff:192.0.2.7')).toBe('192.0.2.7')
    expect(plainHost('::ffff:c000:207')).toBe('::ffff:c000:207')
  })
})
