import { describe, expect, it } from 'vitest'
import { type Address, addressOf } from '../bytes/address.ts'
import { SimulatedNetwork } from '../sim/network.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { UTP_DEFAULTS } from './constants.ts'
import { UtpEndpoint, type UtpRequest } from './endpoint.ts'
import { newPacket, UTP_TYPE } from './header.ts'
import { Ledbat } from './ledbat.ts'
import { TestEnd } from './pair.fixture.ts'

const A = addressOf('10.0.0.1', 6881)
const B = addressOf('10.0.0.2', 6881)

function world(incoming?: (request: UtpRequest) => void, maxConnections = 10) {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const network = new SimulatedNetwork(clock, random, () => ({ delayMs: 10 }))
  const make = (address: Address, onRequest?: (request: UtpRequest) => void) => {
    const counters = new Counters()
    const sent: Uint8Array[] = []
    const socket = network.bind(address, (from, packet) => endpoint.receive(from, packet))
    const endpoint = new UtpEndpoint({
      clock,
      random,
      counters,
      settings: () => UTP_DEFAULTS,
      congestion: ({ maxPacketBytes }) => new Ledbat(maxPacketBytes),
      send: (to, packet) => {
        sent.push(packet)
        socket.send(to, packet)
      },
      ...(onRequest === undefined ? {} : { incoming: onRequest }),
      maxConnections,
    })
    return { endpoint, counters, sent, socket }
  }
  return { clock, a: make(A), b: make(B, incoming) }
}

describe('uTP endpoint (W-04, N-11)', () => {
  it('keeps many connections with one peer apart, both ways', () => {
    const accepted: TestEnd[] = []
    const { clock, a, b } = world((request) => {
      const end = new TestEnd()
      accepted.push(end)
      end.connection = request.accept(end.events)!
      end.connection.write(Uint8Array.of(accepted.length))
    })
    const ends = Array.from({ length: 5 }, (_, i) => {
      const end = new TestEnd()
      end.connection = a.endpoint.connect(B, end.events)!.connection
      end.connection.write(Uint8Array.of(100 + i))
      end.connection.end()
      return end
    })
    clock.advance(200)
    expect(ends.map(({ bytes }) => bytes[0]).sort()).toEqual([1, 2, 3, 4, 5])
    expect(accepted.map(({ bytes }) => bytes[0]).sort()).toEqual([100, 101, 102, 103, 104])
    for (const end of accepted) end.connection.end()
    clock.advance(20_000)
    expect([a.endpoint.size, b.endpoint.size]).toEqual([0, 0])
  })

  it('swallows SYNs that come again while a request waits for its decision', () => {
    const requests: UtpRequest[] = []
    const { clock, a } = world((request) => requests.push(request))
    const end = new TestEnd()
    a.endpoint.connect(B, end.events)
    clock.advance(8000)
    expect([requests.length, end.log]).toEqual([1, []])
    const far = new TestEnd()
    expect(requests[0]!.accept(far.events)).toBeDefined()
    expect(requests[0]!.accept(far.events)).toBeUndefined()
    clock.advance(100)
    expect(end.log).toEqual(['opened'])
  })

  it('refuses with a reset, or drops without a word', () => {
    const { clock, a, b } = world((request) => request.refuse())
    const end = new TestEnd()
    a.endpoint.connect(B, end.events)
    clock.advance(100)
    expect(end.log).toEqual(['closed connection-reset'])
    const other = world((request) => request.drop())
    const quiet = new TestEnd()
    other.a.endpoint.connect(B, quiet.events)
    other.clock.advance(100)
    expect([quiet.log, other.b.sent.length, other.b.endpoint.size, b.endpoint.size]).toEqual([[], 0, 0, 0])
  })

  it('refuses everybody when it does not listen, and more than it may hold', () => {
    const { clock, a, b } = world(undefined, 2)
    const ends = Array.from({ length: 3 }, () => {
      const end = new TestEnd()
      return { end, made: a.endpoint.connect(B, end.events) }
    })
    expect(ends[2]!.made).toBeUndefined()
    expect(a.counters.get('utp-too-many-connections')).toBe(1)
    clock.advance(100)
    expect(ends[0]!.end.log).toEqual(['closed connection-reset'])
    expect(b.counters.get('utp-syn-refused')).toBe(2)
    const busy = world(() => {}, 1)
    const flood = Array.from({ length: 3 }, (_, i) => newPacket(UTP_TYPE.syn, 10 * i, 0, 0, 0, 1, 0, 0))
    for (const syn of flood) busy.b.endpoint.receive(A, syn)
    expect([busy.b.endpoint.size, busy.b.counters.get('utp-too-many-connections')]).toEqual([1, 2])
  })

  it('answers packets of connections it does not know with a reset, but never a reset with a reset', () => {
    const { b } = world()
    b.endpoint.receive(A, newPacket(UTP_TYPE.data, 77, 0, 0, 0, 5, 6, 10))
    b.endpoint.receive(A, newPacket(UTP_TYPE.reset, 78, 0, 0, 0, 5, 6, 0))
    expect(b.sent.map((packet) => packet[0])).toEqual([0x31])
    expect(b.counters.get('utp-unknown-connection')).toBe(1)
    expect(b.endpoint.receive(A, new Uint8Array(19))).toBe(false)
    expect(b.counters.get('utp-malformed')).toBe(1)
  })

  it('takes a reset that bears the id of our own packets', () => {
    const { clock, a, b } = world((request) => void request.accept(new TestEnd().events))
    const end = new TestEnd()
    const { id } = a.endpoint.connect(B, end.events)!
    clock.advance(100)
    a.endpoint.receive(B, newPacket(UTP_TYPE.reset, (id + 1) & 0xffff, 0, 0, 0, 0, 0, 0))
    expect(end.log).toEqual(['opened', 'closed connection-reset'])
    expect(b.endpoint.size).toBe(1)
    b.endpoint.abandon()
    expect(b.endpoint.size).toBe(0)
  })

  it('takes a reset from its own peer only', () => {
    const { clock, a } = world((request) => void request.accept(new TestEnd().events))
    const end = new TestEnd()
    const { id } = a.endpoint.connect(B, end.events)!
    clock.advance(100)
    a.endpoint.receive(addressOf('10.0.0.3', 6881), newPacket(UTP_TYPE.reset, id, 0, 0, 0, 0, 0, 0))
    expect(end.log).toEqual(['opened'])
    expect(a.endpoint.find(B, id)?.state).toBe('open')
  })
})
