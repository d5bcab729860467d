import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../fixtures/vectors.ts'
import type { Address, IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { UDP_MTU } from '../link/constants.ts'
import { isCell, isRelayEarly, maxPayload } from './cells.ts'
import { MAX_CELL_BYTES, MAX_DATAGRAM_BYTES } from './constants.ts'
import { Lab, type LabRelay } from './lab.fixture.ts'
import { PREFIX } from './onion.fixture.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }

function path(lab: Lab, hops: number): LabRelay[] {
  return Array.from({ length: hops }, () => lab.relay())
}

describe('building a circuit (C-01, C-03, C-06)', () => {
  it.each([1, 2, 3])('of %i hops: ready when every hop has proven its static key', (hops) => {
    const lab = new Lab()
    const relays = path(lab, hops)
    const { circuit, events } = lab.circuit(relays)
    const states = new Set<string>()
    lab.clock.runUntil(() => {
      states.add(circuit.hops.map((hop) => hop.state).join(' '))
      return circuit.state === 'ready'
    }, 1_000)
    expect(events).toEqual(['ready'])
    expect(circuit.hops.map((hop) => hop.state)).toEqual(Array(hops).fill('proven'))
    expect([...states]).toContain([...Array(hops - 1).fill('proven'), 'unproven'].join(' '))
    expect(circuit.latencyMs).toBe(20 * hops)
    expect(circuit.hops.map((hop) => hop.latencyMs)).toEqual(relays.map((_, i) => 20 * (i + 1)))
    expect(circuit.readyAtMs).toBe(lab.clock.now())
    expect(lab.counters.snapshot()).toEqual({})
  })

  it('names key and address of the hop itself: no relay has a say in who comes next', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    lab.ready(relays)
    expect(relays.map((relay) => relay.router.stats())).toMatchObject([
      { circuits: 1, relaying: 1 },
      { circuits: 1, relaying: 1 },
      { circuits: 1, relaying: 0 },
    ])
  })

  it('is not ready if a hop answers that does not hold the static key', () => {
    const lab = new Lab()
    const [first, second] = path(lab, 2) as [LabRelay, LabRelay]
    const impostor = { ...second, publicKey: KeyPair.generate(lab.random).publicKey }
    const { circuit, events } = lab.circuit([first, impostor])
    lab.clock.advance(1_000)
    // The auth value was right, but nothing that the impostor sends opens.
    expect(circuit.hops.map((hop) => hop.state)).toEqual(['proven', 'unproven'])
    lab.clock.advance(20_000)
    expect(events).toEqual(['closed hop-timeout'])
    expect(circuit.failedHop).toBe(1)
    expect(circuit.hops[1]?.state).toBe('failed')
  })

  it('ends at once if the auth of an answer is wrong', () => {
    const lab = new Lab()
    const relay = lab.relay()
    lab.net.tamper = (_from, to, packet) => {
      if (to.host === '192.0.2.1' && isCell(packet)) packet[70] = (packet[70] as number) ^ 1
      return packet
    }
    const { circuit, events } = lab.circuit([relay])
    lab.clock.advance(100)
    expect(events).toEqual(['closed handshake-auth'])
    expect(circuit.failedHop).toBe(0)
  })

  it.each([0, 1, 2])('tells that hop %i is the one that does not answer', (silent) => {
    const lab = new Lab()
    const relays = path(lab, 3)
    lab.net.lose((relays[silent] as LabRelay).address)
    const { circuit, events } = lab.circuit(relays)
    lab.clock.advance(10_200)
    expect(events).toEqual(['closed hop-timeout'])
    expect(circuit.failedHop).toBe(silent)
  })

  it('takes no longer than 60 s in all, whatever the hops do', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit, events } = lab.circuit([relay], {
      settings: { buildTimeoutMs: 100, hopTimeoutMs: 1_000 },
    })
    lab.net.lose(relay.address)
    lab.clock.advance(101)
    expect(events).toEqual(['closed build-timeout'])
    expect(circuit.failedHop).toBe(0)
  })

  it('survives the loss of a pong while building', () => {
    const lab = new Lab()
    const relay = lab.relay()
    let lost = 0
    lab.net.tamper = (_from, to, packet) => {
      const isPong = to.host === '192.0.2.1' && packet[27] === 0
      return isPong && lost++ === 0 ? undefined : packet
    }
    const { events } = lab.circuit([relay])
    lab.clock.advance(6_000)
    expect(events).toEqual(['ready'])
  })

  it('refuses a path of no or of four hops', () => {
    const lab = new Lab()
    for (const hops of [0, 4]) {
      expect(() => lab.circuit(path(lab, hops))).toThrow(expect.objectContaining({ code: 'circuit-path' }))
    }
  })
})

describe('relay-early of the owner (C-01)', () => {
  const vector = vectorFile<{
    readonly relay_early_by_owner: {
      readonly cells: readonly { readonly relay_early: boolean; readonly msg_id: number }[]
    }
  }>('onion')

  it('is set as py-ipv8 sets it: on the first eight cells and on every extend', () => {
    const expected = vector.relay_early_by_owner.cells.filter((c) => c.msg_id === 6).map((c) => c.relay_early)
    const lab = new Lab()
    const relay = lab.relay()
    const flags: boolean[] = []
    lab.net.tamper = (_from, to, packet) => {
      if (to === relay.address && isCell(packet)) flags.push(isRelayEarly(packet))
      return packet
    }
    const { circuit } = lab.ready([relay])
    while (flags.length < expected.length) {
      circuit.ping()
      lab.clock.advance(50)
    }
    expect(flags.slice(0, expected.length)).toEqual(expected)
  })

  it('leaves every extend among the seven flagged cells that a py-ipv8 relay passes on', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    let flagged = 0
    lab.net.tamper = (from, to, packet) => {
      if (from === relays[0]?.address && to === relays[1]?.address && isRelayEarly(packet)) flagged++
      return packet
    }
    lab.ready(relays)
    expect(flagged).toBeLessThanOrEqual(7)
    expect(relays[0]?.counters.get('relay-early-exceeded')).toBe(0)
  })

  it('starts at counter 3 with every hop, where the responder used 2 under the same key', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const counters: string[] = []
    lab.net.tamper = (_from, to, packet) => {
      if (to === relay.address && isCell(packet) && packet[27] === 0)
        counters.push(toHex(packet.subarray(29, 37)))
      return packet
    }
    lab.ready([relay])
    expect(counters[0]).toBe('0000000000000003')
  })
})

describe('data over a circuit (C-02, C-03, C-07)', () => {
  it.each([1, 2, 3])('goes out and comes back over %i hops', (hops) => {
    const lab = new Lab()
    const relays = path(lab, hops)
    const last = relays.at(-1) as LabRelay
    const { circuit, events } = lab.ready(relays)
    expect(circuit.sendDatagram(DESTINATION, fromHex('6465'))).toBe(true)
    expect(circuit.sendStream({ kind: 'domain', host: 'a.example', port: 80 }, fromHex('410012345678'))).toBe(
      true,
    )
    lab.clock.advance(100)
    expect(last.exit.datagrams).toMatchObject([{ destination: DESTINATION, data: '6465' }])
    expect(last.exit.streams).toMatchObject([{ destination: { host: 'a.example' }, packet: '410012345678' }])
    const exitCircuit = last.exit.datagrams[0]?.circuit
    exitCircuit?.sendDatagram({ kind: 'ipv6', host: '2001:db8::5', port: 9 }, fromHex('0102'))
    exitCircuit?.sendStream({ kind: 'domain', host: 'a.example', port: 80 }, fromHex('2101'))
    exitCircuit?.sendStreamReset(DESTINATION, 7, 'connection-refused')
    lab.clock.advance(100)
    expect(events.slice(1)).toEqual([
      'datagram 2001:db8::5 0102',
      'stream a.example 2101',
      'reset 203.0.113.77 7 connection-refused',
    ])
  })

  it('brings back the largest datagram of an Ethernet, in a cell that UDP links still carry', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const { circuit, events } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, fromHex('6465'))
    lab.clock.advance(50)
    let largest = 0
    lab.net.tamper = (_from, _to, packet) => {
      largest = Math.max(largest, packet.length)
      return packet
    }
    const back = (relays[2] as LabRelay).exit.datagrams[0]?.circuit
    const origin: IpAddress = { kind: 'ipv6', host: '2001:db8::5', port: 9 }
    const data = lab.random.bytes(MAX_DATAGRAM_BYTES)
    back?.sendDatagram(origin, data)
    back?.sendDatagram(origin, new Uint8Array(MAX_DATAGRAM_BYTES + 1))
    lab.clock.advance(50)
    expect(events.slice(1)).toEqual([`datagram 2001:db8::5 ${toHex(data)}`])
    expect(largest).toBe(UDP_MTU)
  })

  it('brings every size up to the largest, in cells of at most 1,472 bytes, and refuses more (property)', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const last = relays[2] as LabRelay
    let largest = 0
    lab.net.tamper = (_from, _to, packet) => {
      largest = Math.max(largest, packet.length)
      return packet
    }
    const { circuit, events } = lab.ready(relays)
    const max = maxPayload(7)
    fc.assert(
      fc.property(fc.integer({ min: 0, max }), (length) => {
        const data = lab.random.bytes(length)
        expect(circuit.sendDatagram(DESTINATION, data)).toBe(true)
        lab.clock.advance(50)
        const out = last.exit.datagrams.at(-1)
        expect(out?.data).toBe(toHex(data))
        out?.circuit.sendDatagram(DESTINATION, data)
        lab.clock.advance(50)
        expect(events.at(-1)).toBe(`datagram 203.0.113.77 ${toHex(data)}`)
      }),
      { numRuns: 15, examples: [[0], [max]] },
    )
    expect(largest).toBe(MAX_CELL_BYTES)
    expect(circuit.sendDatagram(DESTINATION, new Uint8Array(max + 1))).toBe(false)
    expect(lab.counters.get('circuit-message-too-large')).toBe(1)
  })

  it('arrives in whatever order cells come, each once, though they are sent again', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const last = relays[2] as LabRelay
    const { circuit } = lab.ready(relays)
    const held: Uint8Array[] = []
    lab.net.tamper = (from, _to, packet) => {
      if (from.host !== '192.0.2.1') return packet
      held.push(packet)
      return undefined
    }
    for (let i = 0; i < 20; i++) circuit.sendDatagram(DESTINATION, Uint8Array.of(i))
    lab.net.tamper = undefined
    for (const packet of [...held].reverse()) {
      for (const copy of [packet.slice(), packet.slice()]) {
        ;(relays[0] as LabRelay).router.receive(lab.linkBack(relays[0] as LabRelay), copy)
      }
    }
    lab.clock.advance(100)
    const sent = Array.from({ length: 20 }, (_, i) => toHex(Uint8Array.of(i)))
    expect(last.exit.datagrams.map((d) => d.data).sort()).toEqual(sent)
    expect(relays[0]?.counters.get('cell-replayed')).toBe(20)
  })

  it('refuses replays towards the owner too', () => {
    const lab = new Lab()
    const relays = path(lab, 2)
    const { circuit, events } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    let copy: Uint8Array | undefined
    lab.net.tamper = (_from, to, packet) => {
      if (to.host === '192.0.2.1') copy = packet.slice()
      return packet
    }
    relays[1]?.exit.datagrams[0]?.circuit.sendDatagram(
      { kind: 'ipv4', host: '8.8.8.8', port: 1 },
      Uint8Array.of(9),
    )
    lab.clock.advance(100)
    circuit.receive(copy as Uint8Array)
    expect(events.filter((event) => event.startsWith('datagram'))).toEqual(['datagram 8.8.8.8 09'])
    expect(lab.counters.get('circuit-cell-replayed')).toBe(1)
  })

  it('sends nothing before it is ready, after it is closed, or to nowhere', () => {
    const lab = new Lab()
    const { circuit } = lab.circuit(path(lab, 1))
    expect(circuit.sendDatagram(DESTINATION, Uint8Array.of(1))).toBe(false)
    lab.clock.advance(100)
    expect(circuit.sendDatagram({ kind: 'ipv4', host: '0.0.0.0', port: 0 }, Uint8Array.of(1))).toBe(false)
    circuit.destroy('unneeded')
    expect(circuit.sendDatagram(DESTINATION, Uint8Array.of(1))).toBe(false)
    expect(circuit.sendTest(10, new Uint8Array(0))).toBeUndefined()
  })

  it('never throws, and keeps its state, whatever packets come (property)', () => {
    const lab = new Lab()
    const { circuit } = lab.ready(path(lab, 2))
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((tail) => Uint8Array.of(...PREFIX, ...tail)),
      fc
        .tuple(fc.boolean(), fc.uint8Array({ maxLength: 200 }))
        .map(([plain, tail]) =>
          Uint8Array.of(
            ...PREFIX,
            0,
            ...fromHex(circuit.id.toString(16).padStart(8, '0')),
            plain ? 1 : 0,
            0,
            ...tail,
          ),
        ),
    )
    fc.assert(
      fc.property(noise, (packet) => {
        circuit.receive(packet)
        expect(circuit.state).toBe('ready')
      }),
    )
    expect(lab.counters.get('circuit-fault')).toBe(0)
  })

  it('asks the last hop for a speed test', () => {
    const lab = new Lab()
    const { circuit, events } = lab.ready(path(lab, 2))
    const identifier = circuit.sendTest(1_000, new Uint8Array(10))
    lab.clock.advance(100)
    expect(events.at(-1)).toBe(`tested ${identifier} 1000`)
  })
})
