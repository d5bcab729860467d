import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { ByteStreamEvents } from '../stream/byte-stream.ts'
import { Counters } from '../world/counters.ts'
import { PrivateNetwork } from './private-network.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '93.184.216.34', port: 80 }

/** A client to which no relay answers. */
function lonelyClient() {
  const clock = new VirtualClock()
  const ends: (string | undefined)[] = []
  const network = new PrivateNetwork({
    clock,
    random: new SeededRandom(6),
    aead: nobleAead,
    counters: new Counters(),
    network: 'test',
    communityId: new Uint8Array(20),
    networkBits: { ipv4: 16, ipv6: 32 },
    hops: 3,
    entries: [],
    openLink: () => Promise.reject(new Error('nobody is there')),
    changed: () => {},
    primaryChanged: () => {},
  })
  const events: ByteStreamEvents = {
    opened: () => {},
    data: () => {},
    drained: () => {},
    ended: () => {},
    closed: (reason) => ends.push(reason),
  }
  return { clock, network, events, ends }
}

describe('a client without a circuit (C-05)', () => {
  it('gives connections up that waited for one too long', () => {
    const { clock, network, events, ends } = lonelyClient()
    network.start()
    network.connect(DESTINATION, events)
    clock.advance(29_999)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(ends).toEqual(['no-circuit'])
    network.stop()
  })

  it('leaves nothing waiting when it is stopped, and lets nothing wait thereafter', () => {
    const { clock, network, events, ends } = lonelyClient()
    network.start()
    network.connect(DESTINATION, events)
    network.connect(DESTINATION, events)
    network.stop()
    expect(ends).toEqual(['no-circuit', 'no-circuit'])
    network.connect(DESTINATION, events)
    expect(ends).toHaveLength(2)
    clock.advance(0)
    expect(ends).toEqual(['no-circuit', 'no-circuit', 'no-circuit'])
    expect(clock.idle).toBe(true)
  })
})
