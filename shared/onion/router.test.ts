import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { type Address, addressOf, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { DESTROY_REASON, MESSAGE } from './constants.ts'
import { createCell, Lab, type LabRelay } from './lab.fixture.ts'
import { encodeMessage } from './messages.ts'
import { PREFIX, sessionKeys, TestLink, type WireKeys } from './onion.fixture.ts'
import { RelayCircuit } from './relay-circuit.ts'

const DESTINATION: Address = { kind: 'ipv4', host: '203.0.113.77', port: 6881 }
const ALICE: IpAddress = { kind: 'ipv4', host: '198.51.100.7', port: 8090 }

const three = (lab: Lab) => [lab.relay(), lab.relay(), lab.relay()] as [LabRelay, LabRelay, LabRelay]
const counts = (relays: readonly LabRelay[]) => relays.map((relay) => relay.router.stats().circuits)

describe('a circuit that ends at a relay (O-06)', () => {
  it.each([
    { a: '198.51.100.7', b: '198.51.100.7', one: true },
    { a: '198.51.100.7', b: '198.51.100.8', one: false },
    { a: '2001:db8:1:2::3', b: '2001:db8:1:2:ffff::4', one: true },
    { a: '2001:db8:1:2::3', b: '2001:db8:1:3::3', one: false },
    { a: '127.0.0.1', b: '127.0.0.1', one: false },
    { a: '::1', b: '::1', one: false },
    { a: '0.0.0.0', b: '0.0.0.0', one: false },
    { a: 'a.onion', b: 'a.onion', one: false },
  ])('is counted as of one neighbour over links of $a and $b: $one', ({ a, b, one }) => {
    const sourceOf = (link: TestLink) =>
      new RelayCircuit({
        link,
        id: 1,
        ownerKey: keyPairOf('alice').publicKey,
        keys: sessionKeys({ key_forward: '', key_backward: '', salt_forward: '', salt_backward: '' }),
        offered: [],
        aead: nobleAead,
        prefix: PREFIX,
        nowMs: 0,
      }).source
    const port = (host: string, n: number) => (host === '0.0.0.0' ? 0 : n)
    const [first, second] = [
      new TestLink(addressOf(a, port(a, 1000))),
      new TestLink(addressOf(b, port(b, 2000))),
    ]
    expect(sourceOf(first) === sourceOf(second)).toBe(one)
  })
})

describe('a relay passes cells on (C-02)', () => {
  const vector = vectorFile<{
    readonly links: Record<'alice-bob' | 'bob-carol', number>
    readonly relay_early_at_relay: {
      readonly relay_keys: WireKeys
      readonly cells: readonly { readonly packet: string; readonly forwarded: string | null }[]
    }
  }>('onion')

  it('as py-ipv8 does, in the same memory: one layer less, the other id, flags kept, relay-early bounded', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const [from, to] = [new TestLink(ALICE), new TestLink(DESTINATION)]
    const circuit = new RelayCircuit({
      link: from,
      id: vector.links['alice-bob'],
      ownerKey: keyPairOf('alice').publicKey,
      keys: sessionKeys(vector.relay_early_at_relay.relay_keys),
      offered: [],
      aead: nobleAead,
      prefix: PREFIX,
      nowMs: 0,
    })
    circuit.next = {
      circuit,
      side: 'next',
      link: to,
      id: vector.links['bob-carol'],
      key: keyPairOf('carol').publicKey,
    }
    circuit.state = 'relaying'
    relay.router.table.add(circuit.previous)
    relay.router.table.add(circuit.next)
    for (const cell of vector.relay_early_at_relay.cells) {
      const packet = fromHex(cell.packet)
      relay.router.receive(from, packet)
      const [sent] = to.take()
      expect(sent === undefined ? null : toHex(sent)).toBe(cell.forwarded)
      if (sent !== undefined) expect(sent.buffer).toBe(packet.buffer)
    }
  })

  it('with flags of 0 or 1, whatever came in: no value of a flag marks a cell', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { circuit } = lab.ready(relays)
    const seen = new Set<number>()
    lab.net.tamper = (from, _to, packet) => {
      if (from.host === '192.0.2.1') packet[28] = 0x7b
      else if (packet[22] === 0) seen.add(packet[28] as number)
      return packet
    }
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    expect([...seen]).toEqual([1])
  })

  it('counts what it passes on', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { circuit } = lab.ready(relays)
    const before = relays[0].router.stats()
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    expect(relays[0].router.stats().cellsForward).toBe(before.cellsForward + 1)
    relays[2].exit.datagrams[0]?.circuit.sendDatagram(
      { kind: 'ipv4', host: '8.8.8.8', port: 5 },
      Uint8Array.of(1),
    )
    lab.clock.advance(100)
    expect(relays[0].router.stats().cellsBackward).toBe(before.cellsBackward + 1)
  })
})

describe('the end of a circuit at a relay (C-04, O-08)', () => {
  it('comes without a word after 20 s without traffic', () => {
    const lab = new Lab()
    const relays = three(lab)
    lab.ready(relays)
    let destroys = 0
    lab.net.tamper = (_from, _to, packet) => {
      if (packet[22] === 8) destroys++
      return undefined
    }
    lab.clock.advance(19_000)
    expect(counts(relays)).toEqual([1, 1, 1])
    lab.clock.advance(7_000)
    expect(counts(relays)).toEqual([0, 0, 0])
    // The owner alone says something, to a first hop that no longer hears.
    expect(destroys).toBe(1)
    expect(relays[0].counters.get('circuit-idle')).toBe(1)
  })

  it('comes 5 s after a destroy, and cells still pass until then', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { circuit } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    circuit.destroy('unneeded')
    lab.clock.advance(100)
    expect(relays[2].exit.datagrams.length).toBe(1)
    expect(counts(relays)).toEqual([1, 1, 1])
    const exitCircuit = relays[2].exit.datagrams[0]?.circuit
    expect(exitCircuit?.alive).toBe(true)
    lab.clock.advance(5_000)
    expect(counts(relays)).toEqual([0, 0, 0])
    expect(relays[2].exit.endedCircuits).toEqual([exitCircuit])
    expect(exitCircuit?.alive).toBe(false)
  })

  it('reaches owner and exit from a relay in the middle that stops', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { events, circuit } = lab.ready(relays)
    relays[1].router.stop()
    lab.clock.advance(100)
    expect(events.at(-1)).toBe('closed destroyed')
    expect(circuit.destroyReason).toBe(DESTROY_REASON.shutdown)
    lab.clock.advance(5_000)
    expect(counts(relays)).toEqual([0, 0, 0])
  })

  it('comes at once with the link, and goes on in both directions', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { events, circuit } = lab.ready(relays)
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    lab.clock.advance(100)
    const [, middle, last] = relays
    middle.router.linkClosed(lab.net.link(middle.address, last.address))
    lab.clock.advance(5_100)
    expect(events.at(-1)).toBe('closed destroyed')
    expect(circuit.destroyReason).toBe(DESTROY_REASON['link-lost'])
    // The last hop heard nothing: its own link to the middle is as it was. Idleness ends it there.
    expect(counts(relays)).toEqual([0, 0, 1])
    lab.clock.advance(25_000)
    expect(counts(relays)).toEqual([0, 0, 0])
    expect(last.exit.endedCircuits.length).toBe(1)
  })

  it('comes with age, and with the bytes that one circuit may carry', () => {
    const lab = new Lab()
    const old = lab.relay({ limits: { maxAgeMs: 60_000 } })
    const { circuit } = lab.ready([old])
    lab.clock.advance(66_000)
    expect(circuit.destroyReason).toBe(DESTROY_REASON['worn-out'])
    const small = lab.relay({ limits: { maxBytes: 20_000 } })
    const { circuit: busy } = lab.ready([small])
    for (let i = 0; i < 20; i++) busy.sendDatagram(DESTINATION, new Uint8Array(1_000))
    lab.clock.advance(6_000)
    expect(busy.destroyReason).toBe(DESTROY_REASON['worn-out'])
  })

  it('leaves no circuit, link or timer behind', () => {
    const lab = new Lab()
    const relays = three(lab)
    for (let i = 0; i < 5; i++) lab.ready(relays).circuit.destroy('unneeded')
    lab.clock.advance(30_000)
    for (const relay of relays)
      expect(relay.router.stats()).toMatchObject({ circuits: 0, relaying: 0, links: 0 })
    expect(lab.clock.idle).toBe(true)
  })
})

describe('extending again (C-06)', () => {
  it('lets an owner that got no answer try another hop through the same relay', () => {
    const lab = new Lab()
    const [first, dead, second] = three(lab)
    lab.net.lose(dead.address)
    // To a hop that is not known as Culvert's an owner does not repeat its extend.
    const { circuit } = lab.circuit([{ ...first, culvert: false }, dead])
    lab.clock.advance(100)
    expect(first.router.stats()).toMatchObject({ circuits: 1, relaying: 0 })
    // As a stock owner does after 10 s: the same circuit, another extend.
    const relayed = [...first.router.table.circuits][0] as RelayCircuit
    const dhKey = Uint8Array.of(9, ...lab.random.bytes(31))
    const nodeKey = second.publicKey.bytes
    const { counters } = first
    const link = lab.net.link(first.address, second.address)
    expect(relayed.state).toBe('extending')
    const before = relayed.next
    // Through the owner's own keys, so that it comes as any other cell.
    ;(circuit as unknown as { sendMessage(m: Uint8Array, isExtend: boolean): void }).sendMessage(
      encodeMessage(MESSAGE.extend, { identifier: 77, nodeKey, dhKey, address: second.address }),
      true,
    )
    lab.clock.advance(100)
    expect(relayed.next).not.toBe(before)
    expect(relayed.next?.link).toBe(link)
    expect(relayed.state).toBe('relaying')
    expect(second.router.stats().circuits).toBe(1)
    expect(counters.snapshot()).toEqual({})
  })
})

describe('whatever comes (N-11)', () => {
  it('never throws, and counts what it refuses (property)', () => {
    const lab = new Lab()
    const relays = three(lab)
    const { circuit } = lab.ready(relays)
    const id = fromHex(circuit.id.toString(16).padStart(8, '0'))
    const tail = fc.uint8Array({ maxLength: 200 })
    const noise = fc.oneof(
      tail,
      tail.map((bytes) => Uint8Array.of(...PREFIX, ...bytes)),
      fc
        .tuple(fc.constantFrom(0, 8), fc.nat(1), tail)
        .map(([type, plain, bytes]) => Uint8Array.of(...PREFIX, type, ...id, plain, 0, ...bytes)),
      fc
        .tuple(fc.constantFrom(2, 3), tail)
        .map(([message, bytes]) => Uint8Array.of(...PREFIX, 0, ...id, 1, 1, message, ...bytes)),
    )
    fc.assert(
      fc.property(noise, (packet) => {
        relays[0].router.receive(lab.linkBack(relays[0]), packet)
      }),
    )
    expect(relays[0].counters.get('router-fault')).toBe(0)
    expect(Object.keys(relays[0].counters.snapshot()).length).toBeGreaterThan(2)
    lab.clock.advance(100)
    expect(circuit.state).toBe('ready')
  })

  it('survives an exit that throws', () => {
    const lab = new Lab()
    const relay = lab.relay()
    const { circuit } = lab.ready([relay])
    const fault = () => {
      throw new RangeError('a fault of the exit')
    }
    relay.exit.datagram = fault
    relay.exit.ended = fault
    circuit.sendDatagram(DESTINATION, Uint8Array.of(1))
    circuit.destroy('unneeded')
    lab.clock.advance(6_000)
    expect(relay.counters.get('router-fault')).toBe(2)
    expect(relay.router.stats().circuits).toBe(0)
  })

  it('tells the owner of a stream that this is no exit', () => {
    const lab = new Lab()
    const relay = lab.relay({ exits: false })
    const { circuit, events } = lab.ready([relay])
    circuit.sendStream(DESTINATION, fromHex('4100123400000000'))
    circuit.sendDatagram(DESTINATION, fromHex('6465'))
    lab.clock.advance(100)
    expect(events.slice(1)).toEqual(['reset 203.0.113.77 4660 not-an-exit'])
    expect(relay.counters.get('exit-not-offered')).toBe(2)
  })

  it('bounds the answer to a speed test', () => {
    const lab = new Lab()
    const { circuit, events } = lab.ready(three(lab))
    circuit.sendTest(65_535, new Uint8Array(0))
    lab.clock.advance(100)
    expect(events.at(-1)).toMatch(/^tested \d+ 1368$/)
  })

  it('takes no circuit once it has stopped', () => {
    const lab = new Lab()
    const relay = lab.relay()
    relay.router.stop()
    const link = new TestLink(ALICE)
    relay.router.receive(link, createCell(lab.random, 1))
    expect(link.sent).toEqual([])
  })
})
