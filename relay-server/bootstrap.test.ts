import { describe, expect, it } from 'vitest'
import { formatAddress } from '../shared/bytes/address.ts'
import { defaultBootstrap, TRIBLER_BOOTSTRAP } from './bootstrap.ts'
import { parseConfig } from './config.ts'

const of = (text: string) => defaultBootstrap(parseConfig(text, 'relay.yaml'))

describe('shipped bootstrap nodes (N-05)', () => {
  it('are the 13 of FR-005, for a relay of Tribler’s community', () => {
    expect(new Set(TRIBLER_BOOTSTRAP.map(formatAddress)).size).toBe(13)
    expect(of('')).toEqual(TRIBLER_BOOTSTRAP)
    expect(of('bootstrap: ["203.0.113.7:6421"]')).toEqual(TRIBLER_BOOTSTRAP)
  })

  it.each([
    'lab: true',
    'bootstrapDefaults: false',
    `community: ${'ab'.repeat(20)}`,
    'udp: {host: 127.0.0.5}',
    'udp: {host: "::1"}',
  ])('are none with %s', (text) => {
    expect(of(text)).toEqual([])
  })
})
