import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { AEAD_TAG_BYTES } from '../crypto/aead.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { parseCandidates } from './candidates.fixture.ts'
import type { Candidates } from './candidates.ts'
import { Circuit } from './circuit.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, MESSAGE } from './constants.ts'
import { LayerOpener } from './layer.ts'
import { decodeMessage } from './messages.ts'
import {
  chanceOf16,
  chanceOf32,
  PREFIX,
  ScriptedRandom,
  sessionKeys,
  TestExit,
  TestLink,
  type WireKeys,
} from './onion.fixture.ts'
import { Router } from './router.ts'

type Name = 'alice' | 'bob' | 'carol' | 'dave'
interface Packet {
  readonly step: string
  readonly from: Name
  readonly to: Name
  readonly packet: string
  readonly made_from?: { readonly message: string }
}
const conversation = vectorFile<{
  readonly nodes: Record<Name, { readonly address: IpAddress; readonly flags: number }>
  readonly path: readonly { readonly node: Name; readonly session_keys: WireKeys }[]
  readonly ephemeral_keys_in_order_of_use: readonly { readonly node: Name; readonly x25519_secret: string }[]
  readonly packets: readonly Packet[]
  readonly out_of_the_exit: readonly { readonly data: string; readonly destination: Address }[]
  readonly to_the_owner: readonly { readonly origin: IpAddress; readonly data: string }[]
}>('circuit')

/** Introductions (packets 0 to 3) are shared/ipv8's. */
const cells = conversation.packets.filter(
  (p) => p.packet.slice(44, 46) === '00' || p.packet.slice(44, 46) === '08',
)
const secret = (node: Name) =>
  conversation.ephemeral_keys_in_order_of_use
    .filter((key) => key.node === node)
    .map((key) => fromHex(key.x25519_secret))
const names = Object.keys(conversation.nodes) as Name[]
const nameOf = (key: Uint8Array) =>
  names.find((name) => toHex(keyPairOf(name).publicKey.bytes) === toHex(key)) as Name

/** The candidates that a hop offered, read from its created with the forward key. */
function offeredBy(hop: number): Candidates {
  const { node, session_keys } = conversation.path[hop] as (typeof conversation.path)[number]
  const packet = cells.find((p) => p.from === node && p.made_from?.message.startsWith('03')) as Packet
  const { candidates } = decodeMessage(MESSAGE.created, fromHex(packet.packet), CELL_HEADER_BYTES)
  const sealed = candidates.slice()
  const keys = sessionKeys(session_keys)
  const opener = new LayerOpener(nobleAead, keys.forwardKey, keys.forwardSalt)
  expect(opener.open(sealed, 0, sealed.length)).toBe('opened')
  const list = parseCandidates(sealed.subarray(COUNTER_BYTES, sealed.length - AEAD_TAG_BYTES))
  const candidate = (key: Uint8Array) => {
    const name = nameOf(key)
    return { publicKey: keyPairOf(name).publicKey, address: conversation.nodes[name].address }
  }
  return { relays: list.relays.map(candidate), exits: list.exits.map(candidate) }
}

/** What made_from of the first packet that `node` made with this message id says. */
function made(node: Name, id: string): string {
  return cells.find((p) => p.from === node && p.made_from?.message.startsWith(id))?.made_from
    ?.message as string
}
const identifierIn = (message: string) => chanceOf16(Number.parseInt(message.slice(2, 6), 16))
const circuitIdOf = (from: Name, to: Name) => {
  const packet = cells.find((p) => p.from === from && p.to === to) as Packet
  return chanceOf32(Number.parseInt(packet.packet.slice(46, 54), 16))
}

describe('a conversation of py-ipv8, byte for byte (C-01, C-02, C-03, C-04)', () => {
  it('is had again by our owner, our relays and our exit', () => {
    const clock = new VirtualClock()
    const counters = new Counters()
    const queue: { from: Name; to: Name; packet: Uint8Array }[] = []
    const links = new Map<string, TestLink>()
    const link = (from: Name, to: Name) => {
      const known = links.get(from + to)
      if (known) return known
      // py-ipv8 offers the asker itself as well. Ours would not, were these their addresses.
      const made = new TestLink({ ...conversation.nodes[to].address, port: 1 })
      made.onSend = (packet) => queue.push({ from, to, packet })
      links.set(from + to, made)
      return made
    }
    const byAddress = (address: IpAddress) =>
      names.find((name) => formatAddress(conversation.nodes[name].address) === formatAddress(address)) as Name

    const [aliceKeys, bobKeys, carolKeys, daveKeys] = [
      secret('alice'),
      secret('bob'),
      secret('carol'),
      secret('dave'),
    ]
    const extendIds = cells
      .filter((p) => p.from === 'alice' && p.made_from?.message.startsWith('04'))
      .map((p) => identifierIn(p.made_from?.message as string))
    const testResponse = fromHex(made('dave', '14').slice(6))
    const chance: Record<Name, ScriptedRandom> = {
      alice: new ScriptedRandom(
        circuitIdOf('alice', 'bob'),
        identifierIn(made('alice', '02')),
        aliceKeys[0] as Uint8Array,
        extendIds[0] as Uint8Array,
        aliceKeys[1] as Uint8Array,
        extendIds[1] as Uint8Array,
        aliceKeys[2] as Uint8Array,
        identifierIn(made('alice', '06')),
        identifierIn(made('alice', '13')),
      ),
      bob: new ScriptedRandom(
        bobKeys[0] as Uint8Array,
        circuitIdOf('bob', 'carol'),
        identifierIn(made('bob', '02')),
      ),
      carol: new ScriptedRandom(
        carolKeys[0] as Uint8Array,
        circuitIdOf('carol', 'dave'),
        identifierIn(made('carol', '02')),
      ),
      dave: new ScriptedRandom(daveKeys[0] as Uint8Array, testResponse),
    }
    const exit = new TestExit()
    const routers = Object.fromEntries(
      (['bob', 'carol', 'dave'] as const).map((name, hop) => [
        name,
        new Router({
          keyPair: keyPairOf(name),
          prefix: PREFIX,
          clock,
          random: chance[name],
          aead: nobleAead,
          counters,
          flags: conversation.nodes[name].flags,
          linkTo: (address) => link(name, byAddress(address)),
          mayExtendTo: () => true,
          exit: name === 'dave' ? exit : undefined,
          candidates: () => offeredBy(hop),
        }),
      ]),
    ) as unknown as Record<Exclude<Name, 'alice'>, Router>

    const events: string[] = []
    const received: { origin: Address; data: string }[] = []
    const none: IpAddress = { kind: 'ipv4', host: '0.0.0.0', port: 0 }
    const circuit = new Circuit({
      keyPair: keyPairOf('alice'),
      // py-ipv8 extends to offered candidates, so it names no addresses; ours does, see circuit.test.ts.
      path: conversation.path.map(({ node }) => ({
        publicKey: keyPairOf(node).publicKey,
        address: none,
        name: node,
      })),
      link: link('alice', 'bob'),
      prefix: PREFIX,
      clock,
      random: chance.alice,
      aead: nobleAead,
      counters,
      // py-ipv8's owner starts at 2, where ours starts at 3, and does not ping hops on the way.
      settings: { firstCounter: 2, proveEachHop: false },
      events: {
        changed: () => {},
        ready: () => events.push('ready'),
        datagram: (_, origin, data) => received.push({ origin, data: toHex(data) }),
        stream: () => events.push('stream'),
        streamReset: () => events.push('reset'),
        closed: (_, reason) => events.push(reason),
        tested: (_, identifier, data) => events.push(`test ${identifier} ${data.length}`),
      },
    })

    let index = 0
    const talk = () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const expected = cells[index++] as Packet
        const said = { from: next.from, to: next.to, packet: toHex(next.packet) }
        expect({ step: expected.step, ...said }).toEqual({
          step: expected.step,
          from: expected.from,
          to: expected.to,
          packet: expected.packet,
        })
        if (next.to === 'alice') circuit.receive(next.packet)
        else routers[next.to].receive(link(next.to, next.from), next.packet)
      }
    }
    const made_from = (step: string) =>
      cells
        .filter((p) => p.step === step && p.made_from !== undefined)
        .map((p) => fromHex(p.made_from?.message as string))

    circuit.start()
    talk()
    expect(events).toEqual(['ready'])
    expect(routers.bob.stats()).toMatchObject({ circuits: 1, relaying: 1, exits: 0 })

    for (const message of made_from('alice sends three datagrams out')) {
      const { destination, data } = decodeMessage(MESSAGE.data, message)
      expect(circuit.sendDatagram(destination, data)).toBe(true)
    }
    talk()
    expect(exit.datagrams.map((d) => d.data)).toEqual(conversation.out_of_the_exit.map((d) => d.data))

    for (const { origin, data } of conversation.to_the_owner) {
      exit.datagrams[0]?.circuit.sendDatagram(origin, fromHex(data))
    }
    talk()
    expect(received).toEqual(conversation.to_the_owner.map(({ origin, data }) => ({ origin, data })))

    const request = decodeMessage(MESSAGE.testRequest, fromHex(made('alice', '13')))
    expect(circuit.sendTest(request.responseBytes, request.data)).toBe(request.identifier)
    talk()
    expect(events.at(-1)).toBe(`test ${request.identifier} ${request.responseBytes}`)

    circuit.destroy('unneeded')
    talk()
    expect(events.at(-1)).toBe('unneeded')
    expect(index).toBe(cells.length)
    expect(cells.length).toBe(42)
    expect(Object.values(chance).map((random) => random.left)).toEqual([0, 0, 0, 0])
    clock.advance(5_000)
    expect(Object.values(routers).map((router) => router.stats().circuits)).toEqual([0, 0, 0])
    expect(exit.endedCircuits.length).toBe(1)
    expect(counters.snapshot()).toEqual({})
  })
})
