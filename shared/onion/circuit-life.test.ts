import { describe, expect, it } from 'vitest'
import { keyPairOf } from '../../fixtures/vectors.ts'
import type { Address } from '../bytes/address.ts'
import { cellCircuitId } from './cells.ts'
import type { CircuitState } from './circuit-state.ts'
import { transition } from './circuit-state.ts'
import { DESTROY_REASON } from './constants.ts'
import { encodeDestroy } from './destroy.ts'
import { Lab, type LabRelay } from './lab.fixture.ts'
import { PREFIX } from './onion.fixture.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }

function path(lab: Lab, hops: number): LabRelay[] {
  return Array.from({ length: hops }, () => lab.relay())
}

describe('the life of a circuit (C-04, C-10)', () => {
  it('goes on without traffic: its pings keep all hops from removing it', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const { circuit } = lab.ready(relays)
    lab.clock.advance(600_000)
    expect(circuit.state).toBe('ready')
    expect(relays.map((relay) => relay.router.stats().circuits)).toEqual([1, 1, 1])
  })

  it.each([0, 1, 2])('notices within 20 s that hop %i has vanished without a word', (gone) => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const { circuit, events } = lab.ready(relays)
    lab.net.lose((relays[gone] as LabRelay).address)
    lab.clock.advance(20_000)
    expect(circuit.state).toBe('closed')
    expect(events.at(-1)).toBe('closed timed-out')
    expect(circuit.failedHop).toBeUndefined()
  })

  it('notices sooner while data is going out', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const { circuit } = lab.ready(relays)
    lab.net.lose((relays[1] as LabRelay).address)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(12_000)
    expect(circuit.state).toBe('closed')
  })

  it('outlives a pause of the path that is shorter', () => {
    const lab = new Lab()
    const { circuit } = lab.ready(path(lab, 3))
    lab.net.tamper = () => undefined
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(4_000)
    lab.net.tamper = undefined
    lab.clock.advance(60_000)
    expect(circuit.state).toBe('ready')
  })

  it('tells all hops when it is destroyed', () => {
    const lab = new Lab()
    const relays = path(lab, 3)
    const { circuit, events } = lab.ready(relays)
    circuit.destroy('unneeded')
    circuit.destroy('shutdown')
    lab.clock.advance(5_100)
    expect(events).toEqual(['ready', 'closed unneeded'])
    expect(relays.map((relay) => relay.router.stats().circuits)).toEqual([0, 0, 0])
  })

  it('ends with the first hop saying so, and with nobody else saying so', () => {
    const lab = new Lab()
    const relays = path(lab, 2)
    const { circuit, events } = lab.ready(relays)
    const [first, second] = relays as [LabRelay, LabRelay]
    circuit.receive(encodeDestroy(PREFIX, second.keyPair, circuit.id, DESTROY_REASON.shutdown))
    circuit.receive(encodeDestroy(PREFIX, keyPairOf('alice'), circuit.id, DESTROY_REASON.shutdown))
    expect(circuit.state).toBe('ready')
    expect(lab.counters.get('destroy-stranger')).toBe(2)
    circuit.receive(encodeDestroy(PREFIX, first.keyPair, circuit.id + 1, DESTROY_REASON.shutdown))
    expect(circuit.state).toBe('ready')
    circuit.receive(encodeDestroy(PREFIX, first.keyPair, circuit.id, DESTROY_REASON.shutdown))
    expect(events.at(-1)).toBe('closed destroyed')
    expect(circuit.destroyReason).toBe(DESTROY_REASON.shutdown)
  })

  it('ends with its link, and lets go of all timers', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { events } = lab.ready([relay])
    lab.owned.linkClosed(lab.linkTo(relay))
    expect(events.at(-1)).toBe('closed link-closed')
    relay.router.linkClosed(lab.linkBack(relay))
    lab.clock.advance(10_000)
    expect(lab.clock.idle).toBe(true)
  })

  it('ends when it has carried its share', () => {
    const lab = new Lab()
    const { circuit, events } = lab.ready(path(lab, 1), { settings: { maxBytes: 5_000 } })
    for (let i = 0; i < 5; i++) circuit.sendDatagram(DESTINATION, new Uint8Array(1_000))
    expect(events.at(-1)).toBe('closed worn-out')
  })

  it('counts its bytes, and has an id of its own', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const ids = new Set<number>()
    let bytes = 0
    lab.net.tamper = (_from, to, packet) => {
      if (to === relay.address) {
        bytes += packet.length
        ids.add(cellCircuitId(packet))
      }
      return packet
    }
    const { circuit } = lab.circuit([relay])
    lab.clock.advance(1_000)
    expect(circuit.bytesOut).toBe(bytes)
    expect([...ids]).toEqual([circuit.id])
    expect(circuit.bytesIn).toBeGreaterThan(100)
    expect(lab.circuit([relay]).circuit.id).not.toBe(circuit.id)
  })

  it('changes state only as the table says', () => {
    const states: CircuitState[] = ['extending', 'ready', 'closing', 'closed']
    const legal = ['extending ready', 'extending closing', 'ready closing', 'closing closed']
    for (const from of states) {
      for (const to of states) {
        if (legal.includes(`${from} ${to}`)) expect(transition(from, to)).toBe(to)
        else {
          expect(() => transition(from, to)).toThrow(
            expect.objectContaining({ code: 'circuit-transition', message: expect.stringContaining(to) }),
          )
        }
      }
    }
  })
})
