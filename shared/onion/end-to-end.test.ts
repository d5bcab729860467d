import { describe, expect, it } from 'vitest'
import { type Address, NO_ADDRESS } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { complete, ephemeralKey, respond } from '../crypto/handshake.ts'
import { isCell, isRelayEarly, packetType } from './cells.ts'
import { DESTROY_REASON, MESSAGE } from './constants.ts'
import { Lab, type LabCircuit, type LabRelay } from './lab.fixture.ts'
import { PREFIX, TestLink } from './onion.fixture.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import type { ServicePort } from './service-port.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }

/** Services that write down what they are told. */
class TestServices implements ServicePort {
  readonly messages: string[] = []
  readonly packets: string[] = []
  readonly circuits: RelayCircuit[] = []
  readonly endedCircuits: RelayCircuit[] = []

  message(circuit: RelayCircuit, id: number, cell: Uint8Array, at: number, end: number): boolean {
    if (id === 99) throw new CodecError('test-refusal', 'no')
    this.circuits.push(circuit)
    this.messages.push(toHex(cell.subarray(at, end)))
    return id !== MESSAGE.linkedE2e
  }

  packet(_link: unknown, packet: Uint8Array): void {
    this.packets.push(toHex(packet.subarray(22)))
  }

  ended(circuit: RelayCircuit): void {
    this.endedCircuits.push(circuit)
  }
}

interface Rendezvous {
  readonly lab: Lab
  readonly seeder: LabCircuit
  readonly downloader: LabCircuit
  readonly point: LabRelay
  readonly middles: readonly [LabRelay, LabRelay]
  readonly services: TestServices
  join(): boolean
}

/** Two circuits of two hops to one rendezvous point, and the keys that their owners have agreed on. */
function rendezvous(): Rendezvous {
  const lab = new Lab()
  const services = new TestServices()
  const middles = [lab.relay(), lab.relay()] as const
  const point = lab.relay({ more: { services } })
  const seeder = lab.ready([middles[0], point])
  const downloader = lab.ready([middles[1], point])
  seeder.circuit.sendControl(MESSAGE.establishRendezvous, { identifier: 1, cookie: new Uint8Array(20) })
  downloader.circuit.sendControl(MESSAGE.linkE2e, { identifier: 2, cookie: new Uint8Array(20) })
  lab.clock.advance(100)
  const [a, b] = services.circuits as [RelayCircuit, RelayCircuit]
  return { lab, seeder, downloader, point, middles, services, join: () => point.router.join(a, b) }
}

/** The seeder's and the downloader's side of one handshake. */
function agree({ lab, seeder, downloader }: Rendezvous): void {
  const [statics, mine, its] = [ephemeralKey(lab.random), ephemeralKey(lab.random), ephemeralKey(lab.random)]
  const { auth, keys } = respond(statics.secret, its, mine.publicKey)
  seeder.circuit.addEndToEnd(keys, 'seeder')
  downloader.circuit.addEndToEnd(complete(mine, statics.publicKey, its.publicKey, auth), 'downloader')
}

describe('messages of hidden services (C-01, issue 3: hidden seeding)', () => {
  it('reach the port of the last hop, and what it answers reaches the owner', () => {
    const { lab, seeder, services } = rendezvous()
    // Padded to 35 bytes (L-09).
    expect(services.messages).toEqual([
      `0b0001${'00'.repeat(20)}`.padEnd(70, '0'),
      `0f0002${'00'.repeat(20)}`.padEnd(70, '0'),
    ])
    services.circuits[0]?.reply(fromHex('0c0001'))
    lab.clock.advance(100)
    expect(seeder.events.at(-1)).toBe('message 12 0c0001')
  })

  it('are counted where nobody wants them', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit } = lab.ready([relay])
    circuit.sendControl(MESSAGE.establishIntro, {
      identifier: 1,
      infoHash: new Uint8Array(20),
      seederKey: relay.publicKey.bytes,
    })
    lab.clock.advance(100)
    expect(relay.counters.get('cell-of-unknown-message')).toBe(1)
  })

  it('outside of circuits come by receivePacket', () => {
    const { point, services, lab } = rendezvous()
    const link = new TestLink(DESTINATION)
    point.router.receivePacket(link, Uint8Array.of(...PREFIX, 17, 1, 2))
    point.router.receivePacket(link, Uint8Array.of(0, 2, 3))
    lab.relay().router.receivePacket(link, Uint8Array.of(...PREFIX, 17, 1, 2))
    expect(services.packets).toEqual(['110102'])
    expect(point.counters.get('router-unknown-packet')).toBe(1)
  })

  it('end with their circuit, which may be let live longer', () => {
    const lab = new Lab()
    const services = new TestServices()
    const point = lab.relay({ more: { services } })
    const made = [lab.ready([point]), lab.ready([point])] as const
    for (const { circuit } of made) circuit.sendControl(MESSAGE.linkedE2e, { identifier: 1 })
    lab.clock.advance(100)
    const [a, b] = services.circuits as [RelayCircuit, RelayCircuit]
    a.maxAgeMs = 24 * 3_600_000
    lab.clock.advance(3_700_000)
    expect(services.endedCircuits.map((ended) => ended === b)).toEqual([true])
    made[0].circuit.destroy('unneeded')
    lab.clock.advance(6_000)
    expect(services.endedCircuits.map((ended) => ended === a)).toEqual([false, true])
  })
})

describe('a rendezvous point (C-01, issue 3: hidden seeding)', () => {
  it('carries data and pings between two owners, and answers nothing itself', () => {
    const r = rendezvous()
    const { lab, seeder, downloader, point } = r
    expect(r.join()).toBe(true)
    expect(point.router.stats()).toMatchObject({ circuits: 2, relaying: 2 })
    agree(r)
    expect(seeder.circuit.linked).toBe(false)
    expect(downloader.circuit.linked).toBe(true)
    expect(downloader.circuit.sendDatagram(NO_ADDRESS, fromHex('d1'))).toBe(true)
    lab.clock.advance(200)
    expect(seeder.circuit.linked).toBe(true)
    expect(seeder.circuit.sendDatagram(DESTINATION, fromHex('5e'))).toBe(true)
    downloader.circuit.ping()
    seeder.circuit.ping()
    lab.clock.advance(300)
    expect(seeder.events).toEqual(['ready', 'linked', 'datagram 0.0.0.0 d1'])
    expect(downloader.events.at(-1)).toBe('datagram 0.0.0.0 5e')
    // There and back over four links of 10 ms.
    expect(downloader.circuit.latencyMs).toBe(80)
    expect(seeder.circuit.latencyMs).toBe(80)
    expect(point.counters.snapshot()).toEqual({})
    expect(lab.counters.snapshot()).toEqual({})
    lab.clock.advance(600_000)
    expect([seeder.circuit.state, downloader.circuit.state]).toEqual(['ready', 'ready'])
  })

  it('clears relay-early', () => {
    const r = rendezvous()
    const { lab, downloader, seeder, point, middles } = r
    r.join()
    agree(r)
    const early: boolean[] = []
    lab.net.tamper = (from, to, packet) => {
      if (from.host === point.address.host && to.host === middles[0].address.host && isCell(packet))
        early.push(isRelayEarly(packet))
      return packet
    }
    for (let i = 0; i < 8; i++) downloader.circuit.sendDatagram(NO_ADDRESS, Uint8Array.of(i))
    lab.clock.advance(200)
    expect(seeder.events.filter((event) => event.startsWith('datagram'))).toHaveLength(8)
    expect(early.filter(Boolean)).toEqual([])
  })

  it('a seeder that waits is kept alive by the point, never suspect, and takes nothing from it', () => {
    const r = rendezvous()
    const { lab, seeder, services } = r
    agree(r)
    lab.clock.advance(60_000)
    expect(seeder.circuit.state).toBe('ready')
    services.circuits[0]?.sendDatagram({ kind: 'ipv4', host: '8.8.8.8', port: 9 }, Uint8Array.of(7))
    lab.clock.advance(100)
    expect(seeder.events.filter((event) => event.startsWith('datagram'))).toEqual([])
    expect(lab.counters.get('circuit-unknown-message')).toBe(1)
  })

  it('the other end may send data, pings and pongs, and nothing else', () => {
    const r = rendezvous()
    const { lab, seeder, downloader } = r
    r.join()
    agree(r)
    downloader.circuit.sendStream(DESTINATION, fromHex('41'))
    downloader.circuit.sendControl(MESSAGE.rendezvousEstablished, {
      identifier: 3,
      address: { kind: 'ipv4', host: '192.0.2.9', port: 9 },
    })
    lab.clock.advance(200)
    expect(seeder.events).toEqual(['ready', 'linked'])
    expect(lab.counters.get('circuit-unknown-message')).toBe(2)
  })

  it('leaves room for the layer', () => {
    const r = rendezvous()
    r.join()
    agree(r)
    let largest = 0
    r.lab.net.tamper = (_from, _to, packet) => {
      largest = Math.max(largest, packet.length)
      return packet
    }
    expect(r.downloader.circuit.sendDatagram(NO_ADDRESS, new Uint8Array(1_371 - 15 - 24))).toBe(true)
    expect(r.downloader.circuit.sendDatagram(NO_ADDRESS, new Uint8Array(1_371 - 15 - 23))).toBe(false)
    r.lab.clock.advance(200)
    expect(r.seeder.events.at(-1)).toMatch(/^datagram/)
    expect(largest).toBeLessThanOrEqual(1_472)
  })

  it('joins only circuits that end here and have not used the exit', () => {
    const { lab, point, downloader, services } = rendezvous()
    const [a, b] = services.circuits as [RelayCircuit, RelayCircuit]
    expect(point.router.join(a, a)).toBe(false)
    downloader.circuit.sendDatagram(DESTINATION, fromHex('6465'))
    lab.clock.advance(100)
    expect(point.router.join(a, b)).toBe(false)
    const third = rendezvous()
    expect(third.join()).toBe(true)
    expect(third.join()).toBe(false)
  })

  it.each(['seeder', 'downloader'] as const)('ends both when the %s ends', (side) => {
    const r = rendezvous()
    r.join()
    agree(r)
    r[side].circuit.destroy('unneeded')
    r.lab.clock.advance(100)
    const other = r[side === 'seeder' ? 'downloader' : 'seeder']
    expect(other.events.at(-1)).toBe('closed destroyed')
    expect(other.circuit.destroyReason).toBe(DESTROY_REASON.unneeded)
    r.lab.clock.advance(6_000)
    expect(r.point.router.stats().circuits).toBe(0)
    expect(r.services.endedCircuits).toHaveLength(2)
  })

  it('ends the other when a link closes, when one is idle, and when it stops', () => {
    const closed = rendezvous()
    closed.join()
    const middle = closed.lab.net.link(closed.point.address, closed.middles[0].address)
    closed.point.router.linkClosed(middle)
    closed.lab.clock.advance(100)
    expect(closed.downloader.circuit.destroyReason).toBe(DESTROY_REASON['link-lost'])
    expect(closed.point.router.stats().circuits).toBe(0)

    const idle = rendezvous()
    idle.join()
    idle.lab.net.lose(idle.middles[0].address)
    idle.lab.net.lose(idle.middles[1].address)
    idle.lab.clock.advance(30_000)
    expect(idle.point.router.stats()).toMatchObject({ circuits: 0, links: 0 })

    const stopped = rendezvous()
    stopped.join()
    let destroys = 0
    stopped.lab.net.tamper = (from, _to, packet) => {
      if (from.host === stopped.point.address.host && packetType(packet) === MESSAGE.destroy) destroys++
      return packet
    }
    stopped.point.router.stop()
    stopped.lab.clock.advance(100)
    expect(destroys).toBe(2)
    expect(stopped.seeder.circuit.destroyReason).toBe(DESTROY_REASON.shutdown)
    expect(stopped.downloader.circuit.destroyReason).toBe(DESTROY_REASON.shutdown)
  })
})
