import { describe, expect, it } from 'vitest'
import type { MethodStatistics } from '../../shared/discovery/statistics.ts'
import type { RelayStatus } from '../relay.ts'
import { statusLines } from './status-command.ts'

const OFF: MethodStatistics = {
  attempted: 0,
  successful: 0,
  candidates: 0,
  relays: 0,
  yield: 0,
  share: 0,
  running: false,
  nextMs: undefined,
  last: undefined,
}

describe('relay-server status (D-08, L-07, L-08)', () => {
  it('says in words how the relay is, and how its search goes', () => {
    const status = {
      state: 'joined',
      peers: 1,
      nat: 'open',
      relayOnly: false,
      relays: 12,
      pages: 2,
      router: { circuits: 5 },
      links: {
        links: 1,
        connecting: 1,
        minLinks: 3,
        maxLinks: 10,
        neighbours: [
          {
            status: 'open',
            kinds: ['tcp', 'udp'],
            latencyMs: 12.4,
            priority: 6,
            inUse: true,
            bytesIn: 1_250_000,
            bytesOut: 900,
          },
          { status: 'connecting', kinds: [], priority: 4, inUse: false, bytesIn: 0, bytesOut: 0 },
        ],
        bandwidth: {
          monthBytesIn: 3_000_000_000,
          monthBytesOut: 2_000_000_000,
          monthlyBytes: 5_000_000_000,
          sleeping: true,
        },
      },
      discovery: {
        relaysProven: 9,
        spiesDetected: 1,
        verificationsAttempted: 14,
        verificationsSuccessful: 9,
        dhtNodesKnown: 140,
        methods: {
          dht: { ...OFF, attempted: 4, successful: 3, relays: 6, share: 0.5, nextMs: 61_400 },
          tracker: OFF,
          exchange: { ...OFF, attempted: 2, successful: 2, relays: 3, share: 0.5, running: true },
          bootstrap: OFF,
        },
      },
    } as unknown as RelayStatus
    expect(statusLines(status)).toEqual([
      'overlay: joined, 1 peer, NAT open',
      'relays: 12 known, 9 of them proven; spies met: 1',
      'verified: 9 of 14',
      'DHT: 140 nodes',
      '  dht: 6 found in 4 runs, 3 of them successful, next in 61 s',
      '  tracker: off',
      '  exchange: 3 found in 2 runs, 2 of them successful',
      '  bootstrap: off',
      'links: 1 of 3 to 10, 1 on the way',
      '  tcp + udp: open, priority 6, 12 ms, in use, 1.3 MB in, 900 B out',
      '  none yet: connecting, priority 4, 0 B in, 0 B out',
      'this month: 3.0 GB in, 2.0 GB out of 5.0 GB; asleep until the next: no new links and circuits',
      'circuits: 5, pages: 2',
    ])
  })
})
