import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY, FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import { isOwnCommunity, looksLikeBitTorrent } from '../ipv8/datagram-shape.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { Circuit } from './circuit.ts'
import { CELL_HEADER_BYTES, MESSAGE } from './constants.ts'
import { ExitPolicy } from './exit-policy.ts'
import { decodeMessage } from './messages.ts'
import {
  chanceOf16,
  PREFIX,
  ScriptedRandom,
  sessionKeys,
  TestExit,
  TestLink,
  type WireKeys,
} from './onion.fixture.ts'
import { OwnedCircuits } from './owned-circuits.ts'
import { RelayCircuit } from './relay-circuit.ts'
import { Router } from './router.ts'

interface Given {
  readonly role?: string
  readonly circuit_id?: number
  readonly next_circuit_id?: number
  readonly session_keys?: WireKeys
  readonly create_packet?: string
  readonly ephemeral_keys?: readonly { readonly x25519_secret: string }[]
}
interface Sent {
  readonly to: IpAddress
  readonly msg_id: number
  readonly length: number
}
interface Case {
  readonly name: string
  readonly from: IpAddress
  readonly packet: string
  readonly times: number
  readonly given: Given
  readonly outcome: {
    readonly sent: readonly Sent[]
    readonly left_the_exit: readonly { readonly data: string; readonly destination: Address }[]
    readonly changed: { readonly exits?: readonly number[]; readonly circuits?: Record<string, string> }
  }
}

/** Cells and destroys; the introductions are shared/ipv8's. */
const cases = vectorFile<{ readonly cases: readonly Case[] }>('negative').cases.filter((c) =>
  ['00', '08'].includes(c.packet.slice(44, 46)),
)
const ALICE: IpAddress = { kind: 'ipv4', host: '198.51.100.7', port: 8090 }
const CAROL: IpAddress = { kind: 'ipv4', host: '192.0.2.33', port: 1025 }
const toAlice = (msg_id: number, length: number): Sent => ({ to: ALICE, msg_id, length })

/** What the receiver offers where it is not relay, exit and speed test. */
const FLAGS: Record<string, number> = {
  'create to a node without any flag': 0,
  'create to a node with only the speed test flag': FLAG_SPEED_TEST,
  'extend at a node without the relay flag': FLAG_EXIT_BITTORRENT | FLAG_SPEED_TEST,
  'test request at a node without the speed test flag': FLAG_RELAY | FLAG_EXIT_BITTORRENT,
  'data: a bencoded dictionary, at a node that is no exit': FLAG_RELAY | FLAG_SPEED_TEST,
}

interface Deviation {
  readonly why: string
  readonly sent?: readonly Sent[]
  readonly left?: readonly string[]
  readonly circuit?: string
  /** The link it comes over, where that of the vector is not the one it belongs to. */
  readonly over?: IpAddress
}

/** Where Culvert does other than py-ipv8, on purpose. */
const DEVIATIONS: Record<string, Deviation> = {
  'ping replayed': {
    why: 'a counter is taken once: a cell that is sent again has no effect',
    sent: [toAlice(0, 56)],
  },
  'create sent twice': {
    why: 'the same create means that its answer was lost: the owner gets it again (N-04)',
    sent: [toAlice(0, 123), toAlice(0, 123)],
  },
  'ping from another address': { why: 'a circuit id means something on its own link alone', sent: [] },
  'relayed cell from another address': { why: 'as above', sent: [] },
  'garbage towards the owner': { why: 'as above: it does not come over the next hop', sent: [] },
  'destroy by a neighbour at another address': {
    why: 'as above; a stolen destroy is of no use elsewhere',
    sent: [],
  },
  'created from another address': { why: 'as above', circuit: 'extending' },
  'destroy at a relay, from the next hop': {
    why: 'the vector sends it from the previous hop address; over the next hop it is passed on as py-ipv8 does',
    over: CAROL,
    sent: [toAlice(8, 169)],
  },
  'created, correct': {
    why: 'auth covers the ephemeral key alone: the hop is pinged, and the circuit ready when the pong has opened',
    sent: [toAlice(0, 56)],
    circuit: 'extending',
  },
  'created with a wrong auth': {
    why: 'given up at once as py-ipv8 does, but the first hop is told',
    sent: [toAlice(8, 169)],
    circuit: 'closed',
  },
  'extend to a key that was not offered, without an address': {
    why: 'the owner is told at once instead of waiting 10 s',
    sent: [toAlice(8, 169)],
  },
  'extend at a node without the relay flag': { why: 'as above', sent: [toAlice(8, 169)] },
  'data: to port 0': { why: 'the exit policy refuses port 0 (O-06)', left: [] },
}

/** py-ipv8's filter of shapes, and our policy of destinations, with the documentation network of the vectors opened. */
class FilteringExit extends TestExit {
  private readonly policy = new ExitPolicy({ allowNetworks: ['203.0.113.0/24'] })

  override datagram(...[circuit, destination, data]: Parameters<TestExit['datagram']>): void {
    const judged =
      destination.kind === 'domain'
        ? this.policy.judgeName(destination.host)
        : this.policy.judge(destination, 'udp')
    const passes = looksLikeBitTorrent(data) || isOwnCommunity(data, PREFIX)
    if (judged === 'allowed' && passes) super.datagram(circuit, destination, data)
  }
}

/** bob, as the vectors have him. */
class Receiver {
  readonly counters = new Counters()
  readonly exit = new FilteringExit()
  readonly router: Router
  readonly owned: OwnedCircuits
  circuit: Circuit | undefined
  private readonly links = new Map<string, TestLink>()
  private readonly clock = new VirtualClock()

  constructor(c: Case) {
    const flags = FLAGS[c.name] ?? FLAG_RELAY | FLAG_EXIT_BITTORRENT | FLAG_SPEED_TEST
    this.router = new Router({
      keyPair: keyPairOf('bob'),
      prefix: PREFIX,
      clock: this.clock,
      random: new SeededRandom(1),
      aead: nobleAead,
      counters: this.counters,
      flags,
      linkTo: (address) => this.link(address),
      mayExtendTo: () => true,
      exit: (flags & FLAG_EXIT_BITTORRENT) === 0 ? undefined : this.exit,
      candidates: () => ({ relays: [], exits: [] }),
    })
    this.owned = new OwnedCircuits(PREFIX, this.counters)
    if (c.given.role === 'exit' || c.given.role === 'relay') this.join(c.given)
    else if (c.given.role !== undefined) this.own(c.given)
    for (const link of this.links.values()) link.take()
  }

  private link(address: IpAddress): TestLink {
    const name = formatAddress(address)
    const link = this.links.get(name) ?? new TestLink(address)
    this.links.set(name, link)
    return link
  }

  private join(given: Given): void {
    const circuit = new RelayCircuit({
      link: this.link(ALICE),
      id: given.circuit_id as number,
      ownerKey: keyPairOf('alice').publicKey,
      keys: sessionKeys(given.session_keys as WireKeys),
      offered: [],
      aead: nobleAead,
      prefix: PREFIX,
      nowMs: 0,
    })
    this.router.table.add(circuit.previous)
    if (given.role !== 'relay') return
    const id = given.next_circuit_id as number
    circuit.next = { circuit, side: 'next', link: this.link(CAROL), id, key: keyPairOf('carol').publicKey }
    circuit.state = 'relaying'
    this.router.table.add(circuit.next)
  }

  private own(given: Given): void {
    const create = fromHex(given.create_packet as string)
    const { identifier } = decodeMessage(MESSAGE.create, create, CELL_HEADER_BYTES)
    const secret = fromHex(given.ephemeral_keys?.[0]?.x25519_secret as string)
    this.circuit = new Circuit({
      id: given.circuit_id as number,
      keyPair: keyPairOf('bob'),
      path: [{ publicKey: keyPairOf('alice').publicKey, address: ALICE, name: 'alice' }],
      link: this.link(ALICE),
      prefix: PREFIX,
      clock: this.clock,
      random: new ScriptedRandom(chanceOf16(identifier), secret, chanceOf16(7)),
      aead: nobleAead,
      counters: this.counters,
      events: {
        changed: () => {},
        ready: () => {},
        datagram: () => {},
        stream: () => {},
        streamReset: () => {},
        closed: () => {},
      },
    })
    this.owned.add(this.circuit)
    this.circuit.start()
    expect(toHex(this.link(ALICE).sent[0] as Uint8Array)).toBe(given.create_packet)
  }

  take(from: IpAddress, packet: Uint8Array): void {
    const link = this.link(from)
    if (this.circuit === undefined) this.router.receive(link, packet)
    else this.owned.receive(link, packet)
  }

  get sent(): Sent[] {
    return [...this.links.values()].flatMap((link) =>
      link.sent.map((p) => ({ to: link.address as IpAddress, msg_id: p[22] as number, length: p.length })),
    )
  }
}

describe('bad cells and destroys: what py-ipv8 did, and what ours does (C-01, C-02, C-04, N-11, O-06)', () => {
  it('has all cases, and no deviation without one', () => {
    expect(cases.length).toBe(65)
    const names = cases.map((c) => c.name)
    for (const name of [...Object.keys(DEVIATIONS), ...Object.keys(FLAGS)]) expect(names).toContain(name)
  })

  it.each(cases.map((c) => [c.name, c] as const))('%s', (name, c) => {
    const deviation = DEVIATIONS[name]
    const bob = new Receiver(c)
    for (let i = 0; i < c.times; i++) bob.take(deviation?.over ?? c.from, fromHex(c.packet))

    expect(bob.sent).toEqual(deviation?.sent ?? c.outcome.sent)
    const left = deviation?.left ?? c.outcome.left_the_exit.map((each) => each.data)
    expect(bob.exit.datagrams.map((each) => each.data)).toEqual(left)
    if (c.outcome.changed.exits !== undefined) expect(bob.router.stats().circuits).toBe(1)
    const circuits = Object.values(c.outcome.changed.circuits ?? {})
    if (circuits.length > 0) expect(bob.circuit?.state).toBe(deviation?.circuit ?? 'closed')
    expect(bob.counters.get('router-fault') + bob.counters.get('circuit-fault')).toBe(0)
  })

  it.each([
    ['relayed cell from another address', ALICE, { to: CAROL, msg_id: 0, length: 32 }],
    ['garbage towards the owner', CAROL, { to: ALICE, msg_id: 0, length: 93 }],
    ['ping from another address', ALICE, { to: ALICE, msg_id: 0, length: 56 }],
    ['destroy by a neighbour at another address', ALICE, { to: CAROL, msg_id: 8, length: 169 }],
  ])('%s: the same over its own link is taken', (name, over, sent) => {
    const c = cases.find((each) => each.name === name) as Case
    const bob = new Receiver(c)
    bob.take(over, fromHex(c.packet))
    expect(bob.sent).toEqual([sent])
  })

  it('refuses the destroy of the next hop over the previous one', () => {
    const c = cases.find((each) => each.name === 'destroy at a relay, from the next hop') as Case
    const bob = new Receiver(c)
    bob.take(c.from, fromHex(c.packet))
    expect(bob.sent).toEqual([])
    expect(bob.counters.get('destroy-of-unknown-circuit')).toBe(1)
  })

  it.each([
    ['ping replayed', 'cell-replayed'],
    ['ping with a changed tag', 'cell-forged'],
    ['ping cut to 23 bytes of sealed message', 'cell-short'],
    ['sealed empty message', 'cell-empty'],
    ['ping without its identifier', 'codec-short'],
    ['cell of 29 bytes (no message)', 'router-unknown-packet'],
    ['create with an all-zero key', 'handshake-low-order'],
    ['create with a 31-byte key', 'codec-length'],
    ['create sent twice', 'create-repeated'],
    ['ping in plaintext, flag set', 'cell-in-plaintext'],
    ['extend without relay-early', 'extend-not-early'],
    ['data: to 0.0.0.0:0', 'exit-without-destination'],
    ['data: domain name longer than the message', 'codec-short'],
    ['destroy at the exit, by a stranger', 'destroy-stranger'],
    ['destroy with a bad signature', 'packet-signature'],
    ['destroy with bytes after the reason', 'destroy-length'],
    ['destroy inside a cell', 'cell-of-unknown-message'],
    ['created with a wrong identifier', 'circuit-answer-unasked'],
    ['created with a wrong auth', 'handshake-auth'],
    ['created from another address', 'owner-unknown-circuit'],
  ])('counts "%s" as %s', (name, count) => {
    const c = cases.find((each) => each.name === name) as Case
    const bob = new Receiver(c)
    for (let i = 0; i < c.times; i++) bob.take(c.from, fromHex(c.packet))
    expect(bob.counters.get(count)).toBe(1)
  })
})
