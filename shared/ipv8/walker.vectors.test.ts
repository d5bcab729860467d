import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { TUNNEL_COMMUNITY_ID } from './constants.ts'
import { NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { ipOf, type JsonAddress } from './json-address.fixture.ts'
import { openSigned } from './packet.ts'
import { Walker } from './walker.ts'

interface Node {
  walker: Walker
  address: IpAddress
}
interface Scenario {
  name: string
  nodes: Record<string, { address: JsonAddress; key: string; flags: number }>
  alice_walkable_after_introduction: JsonAddress[]
  alice_knows: Record<string, number>
  packets: { step: string; from: string; to: string; packet: string }[]
}
interface Case {
  name: string
  from: JsonAddress
  packet: string
  given: { role?: string }
  outcome: { sent: { to: JsonAddress; msg_id: number; length: number }[]; changed: { peers?: string[] } }
}

/** The Lamport clocks with which the recorded nodes began. */
const INITIAL_TIME: Record<string, bigint> = { alice: 0n, bob: 100n, carol: 200n }
const { scenarios } = vectorFile<{ scenarios: Scenario[] }>('walk')
const negative = vectorFile<{ receiver: { address: JsonAddress }; cases: Case[] }>('negative')

describe('complete walks (N-08)', () => {
  for (const scenario of scenarios) {
    it(`${scenario.name}: byte for byte`, () => {
      const newStyle = scenario.name.endsWith('new-style')
      const nodes = new Map<string, Node>()
      const wire: { from: string; to: IpAddress; packet: Uint8Array }[] = []
      const said: string[] = []
      // The recorded identifiers follow a clock; ours are random, so that chance has to fall as it was recorded.
      let identifier = 0
      const random = {
        bytes: (length: number) => Uint8Array.of(identifier >> 8, identifier, 0, 0).slice(0, length),
      }
      for (const [name, { address, key, flags }] of Object.entries(scenario.nodes)) {
        const own = ipOf(address)
        const walker = new Walker({
          keyPair: keyPairOf(key),
          communityId: TUNNEL_COMMUNITY_ID,
          clock: new VirtualClock(),
          random,
          counters: new Counters(),
          flags,
          addresses: { lan: own, wan: own },
          initialTime: INITIAL_TIME[name] ?? 0n,
          send: (to, packet) => wire.push({ from: name, to, packet }),
        })
        nodes.set(name, { walker, address: own })
      }
      const settle = () => {
        for (let next = wire.shift(); next; next = wire.shift()) {
          const { from, to, packet } = next
          const [name, node] = [...nodes].find(([, each]) => sameAddress(each.address, to)) ?? []
          said.push(`${from} to ${name}: ${toHex(packet)}`)
          expect(node?.walker.receive(nodes.get(from)!.address, packet)).toBe(true)
        }
      }
      const { alice } = Object.fromEntries(nodes) as Record<string, Node>
      const walk = (from: string, to: string) => {
        const { request, requestId } = newStyle ? NEW_STYLE : OLD_STYLE
        const { packet } = scenario.packets.find(
          (each) => each.from === from && each.to === to && fromHex(each.packet)[22] === requestId,
        )!
        identifier = openSigned(fromHex(packet), request).value.identifier
        nodes.get(from)!.walker.walkTo(nodes.get(to)!.address, newStyle)
        settle()
      }
      walk('carol', 'bob')
      walk('alice', 'bob')
      const walkable = alice!.walker.walkable().map(formatAddress)
      expect(walkable).toEqual(
        scenario.alice_walkable_after_introduction.map((each) => formatAddress(ipOf(each))),
      )
      walk('alice', 'carol')

      const recorded = scenario.packets.map(({ from, to, packet }) => `${from} to ${to}: ${packet}`)
      expect(said.toSorted()).toEqual(recorded.toSorted())
      const ofStep = (list: string[], start: string) => list.filter((line) => line.startsWith(start))
      for (const name of nodes.keys()) expect(ofStep(said, name)).toEqual(ofStep(recorded, name))

      const known = alice!.walker.peers().map((peer) => {
        const [name] = Object.entries(scenario.nodes).find(([, { key }]) =>
          keyPairOf(key).publicKey.equals(peer.publicKey),
        )!
        return [name, peer.flags]
      })
      expect(Object.fromEntries(known)).toEqual(scenario.alice_knows)
    })
  }
})

describe('bad and odd packets at the walker (N-08, N-09)', () => {
  const INTRODUCTION_IDS = new Set([246, 245, 250, 249, 234, 233, 232, 231])
  const cases = negative.cases.filter(
    ({ packet, given, name }) =>
      given.role === undefined &&
      (INTRODUCTION_IDS.has(Number.parseInt(packet.slice(44, 46), 16)) || /cut to 22|message id/.test(name)),
  )

  it('covers what concerns introductions', () => {
    expect(cases.length).toBeGreaterThanOrEqual(30)
  })

  for (const { name, from, packet, outcome } of cases) {
    it(name, () => {
      const sent: { to: string; msg_id: number; length: number }[] = []
      const own = ipOf(negative.receiver.address)
      const bob = new Walker({
        keyPair: keyPairOf('bob'),
        communityId: TUNNEL_COMMUNITY_ID,
        clock: new VirtualClock(),
        random: new SeededRandom(1),
        counters: new Counters(),
        flags: 11,
        addresses: { lan: own, wan: own },
        send: (to, bytes) => sent.push({ to: formatAddress(to), msg_id: bytes[22]!, length: bytes.length }),
      })
      const punctureRequest = packet.slice(44, 46) === 'fa'
      if (punctureRequest) {
        // py-ipv8 punctures for anybody. Ours does it for those whose signed packets it had from that address.
        bob.receive(ipOf(from), fromHex(packet))
        expect(sent).toEqual([])
        bob.receive(ipOf(from), fromHex(negative.cases[0]!.packet))
        sent.length = 0
      }
      bob.receive(ipOf(from), fromHex(packet))
      if (name === "introduction request signed with the receiver's own key") {
        // py-ipv8 answers its own key without adding it. Ours says nothing: there is nothing to learn from oneself, and
        // a packet of ours played back to us must not make us send.
        expect(sent).toEqual([])
      } else {
        const expected = outcome.sent.map(({ to, ...rest }) => ({ to: formatAddress(ipOf(to)), ...rest }))
        expect(sent).toEqual(expected)
      }
      const known = punctureRequest ? negative.cases[0]?.outcome.changed.peers : outcome.changed.peers
      expect(bob.peers().map((peer) => toHex(peer.publicKey.mid))).toEqual(known ?? [])
    })
  }
})
