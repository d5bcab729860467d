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

describe('relay-server status (D-08)', () => {
  it('says in words how the relay is, and how its search goes', () => {
    const status = {
      state: 'joined',
      peers: 1,
      nat: 'open',
      relayOnly: false,
      relays: 12,
      pages: 2,
      router: { circuits: 5 },
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
      'circuits: 5, pages: 2',
    ])
  })
})
