import { describe, expect, it } from 'vitest'
import { type Address, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { cellCircuitId } from './cells.ts'
import { DESTROY_REASON } from './constants.ts'
import { encodeDestroy } from './destroy.ts'
import { createCell, Lab, type LabRelay } from './lab.fixture.ts'
import { PREFIX, TestLink } from './onion.fixture.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }
const ALICE: IpAddress = { kind: 'ipv4', host: '198.51.100.7', port: 8090 }

const three = (lab: Lab) => [lab.relay(), lab.relay(), lab.relay()] as [LabRelay, LabRelay, LabRelay]

describe('limits of a router (O-06, L-07)', () => {
  it('holds so many circuits on a link, and says so', () => {
    const lab = new Lab()
    const relay = lab.relay({ limits: { circuitsPerLink: 3 } })
    const made = Array.from({ length: 5 }, () => lab.circuit([relay]))
    lab.clock.advance(500)
    expect(made.map((m) => m.circuit.state).sort()).toEqual(['closed', 'closed', 'ready', 'ready', 'ready'])
    expect(made.filter((m) => m.circuit.destroyReason === DESTROY_REASON.limit).length).toBe(2)
    expect(relay.counters.get('create-no-room')).toBe(2)
    made.find((m) => m.circuit.state === 'ready')?.circuit.destroy('unneeded')
    lab.clock.advance(6_000)
    expect(lab.ready([relay]).circuit.state).toBe('ready')
  })

  it('holds so many in all, those that go on counted twice', () => {
    const lab = new Lab()
    const first = lab.relay({ limits: { circuits: 3 } })
    const second = lab.relay()
    lab.ready([first, second])
    const { circuit } = lab.circuit([first, second])
    lab.clock.advance(500)
    expect(circuit.state).toBe('closed')
    expect(circuit.destroyReason).toBe(DESTROY_REASON['extend-failed'])
    expect(circuit.failedHop).toBe(1)
    expect(first.counters.get('extend-no-room')).toBe(1)
  })

  it('does so many handshakes a second, on one link and in all', () => {
    const lab = new Lab()
    const limits = {
      handshakeBurstPerLink: 5,
      handshakesPerSecondPerLink: 1,
      handshakeBurst: 8,
      handshakesPerSecond: 2,
      signatureBurstPerLink: 2,
      signaturesPerSecondPerLink: 0,
    }
    const relay = lab.relay({ limits })
    const random = new SeededRandom(5)
    const links = [new TestLink(ALICE), new TestLink(DESTINATION)] as const
    let id = 0
    const flood = (link: TestLink, n: number) => {
      for (let i = 0; i < n; i++) relay.router.receive(link, createCell(random, ++id))
      const sent = link.take()
      return [sent.filter((p) => p[22] === 0).length, sent.filter((p) => p[22] === 8).length]
    }
    // A flood makes us sign no more refusals than a link may cost.
    expect(flood(links[0], 50)).toEqual([5, 2])
    expect(flood(links[1], 50)).toEqual([3, 2])
    expect(relay.counters.get('create-rate-limited')).toBe(92)
    lab.clock.advance(2_000)
    expect(flood(links[0], 50)).toEqual([2, 0])
  })

  it('keeps nothing of links that only knocked', () => {
    const lab = new Lab()
    const relay = lab.relay({ limits: { handshakeBurst: 0, handshakesPerSecond: 0 } })
    const random = new SeededRandom(6)
    for (let i = 0; i < 100; i++) relay.router.receive(new TestLink(ALICE), createCell(random, i))
    expect(relay.router.stats()).toMatchObject({ circuits: 0, links: 100 })
    lab.clock.advance(5_001)
    expect(relay.router.stats()).toMatchObject({ circuits: 0, links: 0 })
    expect(lab.clock.idle).toBe(true)
  })

  it('keeps nothing of links whose creates could not be read', () => {
    const lab = new Lab()
    const relay = lab.relay()
    relay.router.receive(new TestLink(ALICE), createCell(new SeededRandom(7), 1).subarray(0, 40))
    expect(relay.router.stats()).toMatchObject({ circuits: 0, links: 1 })
    lab.clock.advance(5_001)
    expect(relay.router.stats()).toMatchObject({ circuits: 0, links: 0 })
    expect(lab.clock.idle).toBe(true)
  })

  it('checks so many signatures of destroys on a link', () => {
    const lab = new Lab()
    const relay = lab.relay({ limits: { signatureBurstPerLink: 30, signaturesPerSecondPerLink: 0 } })
    const { circuit } = lab.ready([relay])
    let forged: Uint8Array | undefined
    lab.net.tamper = (_from, _to, packet) => {
      if (packet[22] === 8) forged = packet.slice()
      return undefined
    }
    circuit.destroy('unneeded')
    const bad = forged as Uint8Array
    bad[168] = (bad[168] as number) ^ 1
    for (let i = 0; i < 50; i++) relay.router.receive(lab.linkBack(relay), bad.slice())
    // Each that fails costs ten.
    expect(relay.counters.get('packet-signature')).toBe(3)
    expect(relay.counters.get('destroy-rate-limited')).toBe(47)
    expect(relay.router.stats().circuits).toBe(1)
  })

  it('takes no new circuit while it sleeps, says so, and carries those that there are (L-08)', () => {
    const lab = new Lab()
    let sleeping = false
    const relay = lab.relay({ more: { sleeping: () => sleeping } })
    const kept = lab.ready([relay])
    sleeping = true
    const refused = lab.circuit([relay])
    lab.clock.advance(500)
    expect(refused.circuit.destroyReason).toBe(DESTROY_REASON.limit)
    expect(relay.counters.get('create-sleeping')).toBe(1)
    expect(kept.circuit.state).toBe('ready')
    sleeping = false
    lab.clock.advance(6_000)
    expect(lab.ready([relay]).circuit.state).toBe('ready')
  })

  it('sends to no address that it may not extend to', () => {
    const lab = new Lab()
    const first = lab.relay({ mayExtendTo: () => false })
    const second = lab.relay()
    const sentBefore = lab.net.delivered
    const { circuit, events } = lab.circuit([first, second])
    lab.clock.advance(500)
    expect(events).toEqual(['closed destroyed'])
    expect(circuit.destroyReason).toBe(DESTROY_REASON['extend-failed'])
    expect(first.counters.get('extend-refused')).toBe(1)
    expect(second.router.stats().circuits).toBe(0)
    expect(lab.net.delivered).toBeGreaterThan(sentBefore)
  })

  it('tells its owner that it was the hop before that refused, not the hop that nobody asked', () => {
    const refusing = { mayExtendTo: () => false }
    for (const at of [0, 1]) {
      const lab = new Lab()
      const relays = [0, 1, 2].map((i) => lab.relay(i === at ? refusing : {}))
      const { circuit } = lab.circuit(relays)
      expect(circuit.refusedByPrevious).toBe(false)
      lab.clock.advance(500)
      expect([circuit.failedHop, circuit.refusedByPrevious]).toEqual([at + 1, true])
    }
    // A hop that takes no more circuits has been asked, and speaks for itself.
    const lab = new Lab()
    const full = lab.relay({ limits: { circuits: 0 } })
    for (const [path, hop] of [
      [[lab.relay(), full], 1],
      [[full], 0],
    ] as const) {
      const { circuit } = lab.circuit(path)
      lab.clock.advance(500)
      expect([circuit.failedHop, circuit.refusedByPrevious]).toEqual([hop, false])
    }
    // Nor is it known that a hop was refused where the one before it has shown nothing yet but an answer.
    const unproven = [lab.relay(), lab.relay(refusing), lab.relay()]
    const { circuit } = lab.circuit(unproven, { settings: { proveEachHop: false } })
    lab.clock.advance(500)
    expect([circuit.failedHop, circuit.refusedByPrevious]).toEqual([1, false])
  })

  it('passes no refusal of a hop that was only asked to join on as one to extend', () => {
    const lab = new Lab()
    const [first, second] = [lab.relay(), lab.relay()]
    lab.net.tamper = (from, _to, packet) => {
      if (from.port !== second.address.port) return packet
      const id = cellCircuitId(packet)
      return encodeDestroy(PREFIX, second.keyPair, id, DESTROY_REASON['extend-failed'])
    }
    const { circuit } = lab.circuit([first, second])
    lab.clock.advance(500)
    expect(circuit.destroyReason).toBe(DESTROY_REASON.unknown)
    expect([circuit.failedHop, circuit.refusedByPrevious]).toEqual([1, false])
  })

  it('extends to a neighbour by its key, whatever address the owner gave or did not give', () => {
    for (const given of [NO_ADDRESS, { kind: 'ipv4', host: '10.0.0.1', port: 1 }] as const) {
      const lab = new Lab()
      const second = lab.relay()
      const asked: (IpAddress | undefined)[] = []
      const first: LabRelay = lab.relay({
        mayExtendTo: () => false,
        more: {
          linkByKey: (key, address) => {
            asked.push(address)
            return key.equals(second.publicKey) ? lab.net.link(first.address, second.address) : undefined
          },
        },
      })
      const { circuit } = lab.circuit([first, { ...second, address: given }])
      lab.clock.advance(500)
      expect(circuit.state).toBe('ready')
      expect(asked).toEqual([given === NO_ADDRESS ? undefined : given])
    }
  })

  it('does not extend by key to a relay that it knows no way to', () => {
    const lab = new Lab()
    const first = lab.relay({ more: { linkByKey: () => undefined } })
    const { circuit } = lab.circuit([first, { ...lab.relay(), address: NO_ADDRESS }])
    lab.clock.advance(500)
    expect(circuit.state).toBe('closed')
    expect(first.counters.get('extend-unknown-hop')).toBe(1)
  })

  it('offers no neighbour that it may not extend to', () => {
    const lab = new Lab()
    const [near, far] = [lab.relay(), lab.relay()]
    const relay = lab.relay({
      mayExtendTo: (address) => address !== near.address,
      candidates: { relays: [near, far], exits: [near, far] },
    })
    lab.ready([relay])
    const [circuit] = relay.router.table.circuits
    expect(circuit?.offered.map(({ address }) => address)).toEqual([far.address, far.address, far.address])
  })

  it('extends neither to itself nor back to where a circuit came from', () => {
    const lab = new Lab()
    const [a, b] = three(lab)
    for (const path of [
      [a, a],
      [a, b, a],
    ]) {
      const { circuit } = lab.circuit(path)
      lab.clock.advance(500)
      expect(circuit.destroyReason).toBe(DESTROY_REASON['extend-failed'])
    }
    expect(a.counters.get('extend-backwards')).toBe(1)
    expect(b.counters.get('extend-backwards')).toBe(1)
  })

  it('drops a cell that has become larger than the link', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { circuit, events } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    const link = lab.linkBack(relays[0]) as TestLink & { mtu: number }
    Object.defineProperty(link, 'mtu', { value: 200 })
    const exitCircuit = relays[2].exit.datagrams[0]?.circuit
    exitCircuit?.sendDatagram({ kind: 'ipv4', host: '8.8.8.8', port: 5 }, new Uint8Array(300))
    exitCircuit?.sendDatagram({ kind: 'ipv4', host: '8.8.8.8', port: 5 }, new Uint8Array(3))
    lab.clock.advance(100)
    expect(events.slice(1)).toEqual(['datagram 8.8.8.8 000000'])
    expect(relays[0].counters.get('cell-too-large')).toBe(1)
  })
})
