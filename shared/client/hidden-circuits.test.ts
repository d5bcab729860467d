import { describe, expect, it } from 'vitest'
import { KeyPair } from '../identity/keys.ts'
import type { PathHop } from '../onion/hop.ts'
import { mayShareCircuit, NETWORK_BITS, type PathRelay } from '../path/relay.ts'
import type { Hops } from '../path/select.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { hiddenCircuits } from './hidden-circuits.ts'
import type { OwnCircuitRequest } from './private-network.ts'

const random = new SeededRandom(2)

function relay(n: number, culvert: boolean): PathRelay & PathHop {
  return {
    publicKey: KeyPair.generate(random).publicKey,
    address: { kind: 'ipv4', host: `198.51.${n}.7`, port: 7000 },
    name: `relay ${n}`,
    family: '',
    culvert,
    exit: 'none',
    bytesPerSecond: 5,
  }
}

const [ours, other, stock] = [relay(1, true), relay(2, true), relay(3, false)]

function network(hops: Hops) {
  const asked: OwnCircuitRequest[] = []
  const met: (readonly PathRelay[])[] = []
  const circuits = hiddenCircuits(
    {
      geo: {
        lookup: ({ host }) => (host === '198.51.9.7' ? { as: 64_509 } : undefined),
        centre: () => undefined,
      },
      relays: () => [ours, other, stock],
      rendezvousPoint: (among) => {
        met.push(among)
        return among[0]
      },
      isResting: (each) => each === other,
      buildCircuit: (request) => {
        asked.push(request)
        return undefined
      },
    },
    () => hops,
  )
  return { circuits, asked, met }
}

const EVENTS = {
  changed: () => undefined,
  ready: () => undefined,
  datagram: () => undefined,
  stream: () => undefined,
  streamReset: () => undefined,
  closed: () => undefined,
}

describe('circuits for hidden swarms (issue 3: hidden seeding)', () => {
  it('end at relays that have descriptors, for only these introduce for us', () => {
    expect(network(3).circuits.relays()).toEqual([ours, other])
  })

  it.each([
    [1, 2],
    [2, 2],
    [3, 3],
  ] as const)('have, where %i hops are chosen, %i: never one', (chosen, built) => {
    const { circuits, asked } = network(chosen)
    circuits.build(ours, EVENTS)
    expect(asked[0]?.hops).toBe(built)
  })

  it('go to a relay as it is known here, whatever address a seeder gave for it, and to strangers as given', () => {
    const { circuits, asked } = network(3)
    const lie = { ...ours, address: { kind: 'ipv4', host: '192.0.2.66', port: 1 } } as const
    circuits.build(lie, EVENTS)
    expect(asked[0]?.last).toBe(ours)
    const stranger = relay(9, true)
    circuits.build({ publicKey: stranger.publicKey, address: stranger.address, name: '' }, EVENTS)
    expect(asked[1]?.last).toMatchObject({ address: stranger.address, culvert: false, exit: 'none' })
  })

  it('keep strangers apart from relays of their system, as the table has it', () => {
    const { circuits, asked } = network(3)
    const { publicKey, address } = relay(9, true)
    circuits.build({ publicKey, address, name: '' }, EVENTS)
    const last = asked[0]?.last as PathRelay
    expect(last.as).toBe(64_509)
    const bits = { ...NETWORK_BITS, ipv4: 24 }
    expect(mayShareCircuit(ours, last, bits)).toBe(true)
    expect(mayShareCircuit({ ...ours, as: 64_509 }, last, bits)).toBe(false)
  })

  it('meet where the network draws, of those that join, and nowhere twice', () => {
    const { circuits, met } = network(3)
    const first = circuits.rendezvousPoint([])
    expect(first).toEqual(ours)
    expect(circuits.rendezvousPoint(first ? [first] : [])).toEqual(other)
    expect(circuits.rendezvousPoint([ours, other])).toBeUndefined()
    expect(met).toEqual([[ours, other], [other], []])
  })

  it('know who rests', () => {
    const { circuits } = network(3)
    expect([ours, other, relay(8, true)].map((each) => circuits.isResting(each))).toEqual([
      false,
      true,
      false,
    ])
  })
})
