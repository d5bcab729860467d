import { describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../bytes/address.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { KeyPair } from '../identity/keys.ts'
import { Circuit } from '../onion/circuit.ts'
import { Lab, type LabRelay } from '../onion/lab.fixture.ts'
import { PREFIX } from '../onion/onion.fixture.ts'
import { CircuitPool } from './pool.ts'
import { NETWORK_BITS, type PathRelay } from './relay.ts'
import { Reliability } from './reliability.ts'
import type { Hops } from './select.ts'

/** A pool of real circuits through real routers, on a virtual clock. */
function world(hops: Hops) {
  const lab = new Lab()
  const relays = Array.from({ length: 7 }, (_, i) => lab.relay({ exits: i >= 4 }))
  const known = relays.map(
    (relay, i): PathRelay => ({
      publicKey: relay.publicKey,
      name: relay.name,
      address: relay.address,
      family: '',
      culvert: true,
      exit: i >= 4 ? 'stream' : 'none',
      bytesPerSecond: 1_000_000,
    }),
  )
  const [entry, entryRelay] = [relays[0], known[0]] as [LabRelay, PathRelay]
  const primaries: (number | undefined)[] = []
  const link = lab.linkTo(entry)
  const pool: CircuitPool<Circuit> = new CircuitPool<Circuit>({
    clock: lab.clock,
    random: lab.random,
    reliability: new Reliability(lab.clock),
    // The lab's relays are in 198.51.n.0/24, so /16 would be one network.
    networkBits: { ...NETWORK_BITS, ipv4: 24 },
    entries: () => [{ link, relay: entryRelay }],
    relays: () => known,
    circuit: (path, link, events) => {
      const circuit: Circuit = new Circuit({
        keyPair: KeyPair.generate(lab.random),
        path: path.map((relay) => ({ ...relay, address: relay.address ?? NO_ADDRESS })),
        link,
        prefix: PREFIX,
        clock: lab.clock,
        random: lab.random,
        aead: nobleAead,
        counters: lab.counters,
        events: {
          changed: () => events.changed(),
          ready: () => events.ready(),
          suspected: () => events.suspected(),
          datagram: () => {},
          stream: () => {},
          streamReset: () => {},
          closed: () => {
            lab.owned.remove(circuit)
            events.closed()
          },
        },
      })
      lab.owned.add(circuit)
      return circuit
    },
    abandoned: () => {},
    primaryChanged: () => primaries.push(pool.primary?.number),
    changed: () => {},
    hops,
  })
  pool.nudge()
  const relayOf = (relay: PathRelay) =>
    relays.find((each) => each.publicKey.equals(relay.publicKey)) as LabRelay
  return { lab, pool, primaries, relayOf }
}

describe('a pool of circuits through routers (C-03, C-04, C-05, C-06)', () => {
  it('has a primary and a standby, through different middles and exits', () => {
    const { lab, pool } = world(3)
    lab.clock.advance(1_000)
    const [primary, standby] = pool.list()
    expect(primary?.circuit.state).toBe('ready')
    expect(standby?.circuit.state).toBe('ready')
    expect(primary?.path[0]).toBe(standby?.path[0])
    for (const hop of [1, 2]) expect(primary?.path[hop]).not.toBe(standby?.path[hop])
  })

  it.each([1, 2])('replaces a primary whose hop %i vanishes, within 15 s, and has a standby again', (hop) => {
    const { lab, pool, primaries, relayOf } = world(3)
    lab.clock.advance(1_000)
    const lost = pool.primary?.path[hop] as PathRelay
    lab.net.lose(relayOf(lost).address)
    lab.clock.advance(15_000)
    expect(primaries.at(-1)).not.toBe(primaries[0])
    expect(pool.primary?.circuit.state).toBe('ready')
    expect(pool.primary?.path).not.toContain(lost)
    lab.clock.advance(30_000)
    const ready = pool.list().filter((member) => member.circuit.state === 'ready')
    expect(ready.length).toBe(2)
    for (const member of ready) expect(member.path).not.toContain(lost)
  })

  it('replaces a primary whose exit shuts down, in the time of one destroy', () => {
    const { lab, pool, relayOf } = world(3)
    lab.clock.advance(1_000)
    const before = pool.primary
    relayOf(before?.path[2] as PathRelay).router.stop()
    lab.clock.advance(50)
    expect(pool.primary?.circuit.state).toBe('ready')
    expect(pool.primary).not.toBe(before)
  })

  it('changes the number of hops', () => {
    const { lab, pool } = world(3)
    lab.clock.advance(1_000)
    pool.setHops(2)
    lab.clock.advance(1_000)
    expect(pool.primary?.circuit.hops.map((hop) => hop.state)).toEqual(['proven', 'proven'])
    expect(pool.list().length).toBe(2)
  })
})
