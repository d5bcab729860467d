import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  PING,
  SIMILARITY_REQUEST,
  SIMILARITY_RESPONSE,
  TUNNEL_COMMUNITY_ID,
} from './constants.ts'
import { similarityRequest, similarityResponse } from './discovery.ts'
import { NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { messageIdOf, openSigned, prefixOf, signedPacket } from './packet.ts'
import { ip, ip6, Town } from './town.fixture.ts'

const beside = prefixOf(DISCOVERY_COMMUNITY_ID)
const tunnel = prefixOf(TUNNEL_COMMUNITY_ID)
const stranger = KeyPair.generate(new SeededRandom(99))

/** An introduction request of somebody who is in the DiscoveryCommunity. */
function requestOf(keyPair: KeyPair, source: IpAddress, style = OLD_STYLE) {
  const value = {
    time: 5n,
    destination: ip(1),
    lan: ip(77),
    wan: ip(77),
    bits: 1,
    identifier: 5,
    extra: new Uint8Array(),
  }
  return { source, packet: signedPacket(beside, style.requestId, keyPair, style.request, value) }
}

describe('introductions in the DiscoveryCommunity (N-08)', () => {
  it('are answered in their own style, and name another peer of it, who is asked to puncture', () => {
    const town = new Town()
    const walker = town.add(1)
    const first = requestOf(KeyPair.generate(new SeededRandom(98)), ip(8))
    walker.receive(first.source, first.packet)
    town.sent.length = 0
    const second = requestOf(stranger, ip(9), NEW_STYLE)
    expect(walker.receive(second.source, second.packet)).toBe(true)
    const ids = town.sent.map(({ to, packet }) => [to, messageIdOf(packet, beside)])
    expect(ids).toContainEqual([formatAddress(ip(8)), NEW_STYLE.punctureRequestId])
    expect(ids).toContainEqual([formatAddress(ip(9)), NEW_STYLE.responseId])
    const response = town.sent.find(({ packet }) => messageIdOf(packet, beside) === NEW_STYLE.responseId)
    expect(openSigned(response!.packet, NEW_STYLE.response).value).toMatchObject({
      identifier: 5,
      introducedWan: ip(8),
      extra: new Uint8Array(),
    })
    // They are no peers of the tunnel community by that.
    expect(walker.peers()).toEqual([])
  })

  it('lead to peers of the tunnel community: who names it in a similarity request is asked for an introduction there', () => {
    const town = new Town()
    const walker = town.add(1)
    walker.start()
    const ask = (communities: Uint8Array[], source: IpAddress, identifier: number) => {
      const value = { time: 7n, identifier, lan: source, wan: source, bits: 0, communities }
      walker.receive(source, signedPacket(beside, SIMILARITY_REQUEST, stranger, similarityRequest, value))
    }
    const asked = () =>
      town.sent
        .filter(({ packet }) => messageIdOf(packet, tunnel) === OLD_STYLE.requestId)
        .map(({ to }) => to)
    ask([DISCOVERY_COMMUNITY_ID], ip(9), 1)
    expect(asked()).toEqual([])
    ask([DISCOVERY_COMMUNITY_ID, TUNNEL_COMMUNITY_ID], ip(9), 2)
    expect(asked()).toEqual([formatAddress(ip(9))])
    // Once in 300 s.
    town.clock.advance(20_000)
    const before = asked().length
    ask([TUNNEL_COMMUNITY_ID], ip(9), 3)
    expect(asked().length).toBe(before)
    town.clock.advance(290_000)
    ask([TUNNEL_COMMUNITY_ID], ip(9), 4)
    expect(asked().length).toBe(before + 1)
    const answers = town.sent.filter(({ packet }) => messageIdOf(packet, beside) === 2)
    expect(answers.length).toBe(4)
    const told = answers.map(({ packet }) => openSigned(packet, similarityResponse).value.communities.length)
    expect(told).toEqual([1, 2, 1, 1])
    town.stop()
  })

  it('are asked for similarity with an answer that is no larger, and with none when they name no community', () => {
    const town = new Town()
    const walker = town.add(1)
    for (let named = 0; named <= 3; named++) {
      const communities = Array.from({ length: named }, () => DISCOVERY_COMMUNITY_ID)
      const value = { time: 7n, identifier: 7, lan: ip(9), wan: ip(9), bits: 0, communities }
      const asked = signedPacket(beside, SIMILARITY_REQUEST, stranger, similarityRequest, value)
      town.sent.length = 0
      walker.receive(ip(9), asked)
      expect(town.sent.length).toBe(named === 0 ? 0 : 1)
      for (const { packet } of town.sent) expect(packet.length).toBeLessThanOrEqual(asked.length)
    }
    expect(town.counters.get('ipv8-similarity-empty')).toBe(1)
  })

  it('alone let ours find each other, by walking it and asking for similarity', () => {
    const town = new Town()
    const all = Array.from({ length: 4 }, (_, n) => town.add(n, { discovery: true }))
    for (const walker of all) walker.start()
    // They begin in the DiscoveryCommunity: each has sent walker 0 a request there.
    for (let n = 1; n < all.length; n++) {
      const { packet } = requestOf(KeyPair.generate(new SeededRandom(n + 1)), ip(n))
      all[0]!.receive(ip(n), packet)
    }
    town.clock.advance(120_000)
    for (const walker of all) expect(walker.peers().length).toBe(3)
    expect(town.sent.some(({ packet }) => messageIdOf(packet, beside) === SIMILARITY_REQUEST)).toBe(true)
    town.stop()
  })

  it('keep peers known that are silent in every other way, with one ping for all communities', () => {
    const town = new Town()
    const [a, b] = [1, 2].map((n) =>
      town.add(n, { discovery: true, settings: { targetPeers: 1, discoveryPeers: 1, restingMs: 1e9 } }),
    )
    a!.walkTo(ip(2))
    for (const walker of [a!, b!]) walker.start()
    town.clock.advance(180_000)
    town.sent.length = 0
    town.clock.advance(100_000)
    const pings = town.sent.filter(
      ({ from, packet }) => from === formatAddress(ip(1)) && messageIdOf(packet, beside) === 3,
    )
    expect(pings.length).toBeGreaterThanOrEqual(3)
    expect(pings.length).toBeLessThanOrEqual(5)
    expect(a!.peers().length).toBe(1)
    town.stop()
  })
})

describe('who answers in the DiscoveryCommunity without having been asked (N-08)', () => {
  it('keeps whom it has proved, and learns no round trip, by a pong after three wrong ones', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2)
    walker.walkTo(ip(2))
    town.clock.advance(1_000)
    town.mute.add(formatAddress(ip(2)))
    walker.start()
    const pingOf = () => town.sent.findLast(({ packet }) => messageIdOf(packet, beside) === PING)!
    const right = pingOf().packet.slice()
    right[22] = 4
    const [high, low] = right.slice(-2) as unknown as [number, number]
    for (let n = 1; n <= 3; n++) {
      const wrong = right.slice()
      wrong.set([high, low ^ n], wrong.length - 2)
      walker.receive(ip(2), wrong)
    }
    expect(town.counters.get('ipv8-answer-wrong-identifier')).toBe(3)
    town.clock.advance(500)
    walker.receive(ip(2), right)
    expect(town.counters.get('ipv8-unasked-answer')).toBe(0)
    expect(walker.peers()[0]).toMatchObject({ rttMs: 20, consecutiveFailures: 0 })
    walker.stop()
  })

  it('proves no stranger by a pong after three wrong ones', () => {
    const town = new Town()
    const walker = town.add(1)
    const { source, packet } = requestOf(stranger, ip(9))
    walker.receive(source, packet)
    walker.start()
    const right = town.sent.findLast((each) => messageIdOf(each.packet, beside) === PING)!.packet.slice()
    right[22] = 4
    const [high, low] = right.slice(-2) as unknown as [number, number]
    for (const n of [1, 2, 3, 0]) {
      const pong = right.slice()
      pong.set([high, low ^ n], pong.length - 2)
      walker.receive(ip(9), pong)
    }
    expect(town.counters.get('ipv8-answer-wrong-identifier')).toBe(3)
    expect(town.counters.get('ipv8-unasked-answer')).toBe(1)
    expect(walker.isVerified(ip(9))).toBe(false)
    walker.stop()
  })

  it('proves nobody by a similarity response after three wrong ones', () => {
    const town = new Town()
    const walker = town.add(1, { discovery: true })
    const { source, packet } = requestOf(stranger, ip(9))
    walker.receive(source, packet)
    walker.start()
    const asked = town.sent.find((each) => messageIdOf(each.packet, beside) === SIMILARITY_REQUEST)!
    const { identifier } = openSigned(asked.packet, similarityRequest).value
    for (const wrong of [1, 2, 3, 0]) {
      const value = { time: 1n, identifier: identifier ^ wrong, communities: [], overlap: new Uint8Array() }
      walker.receive(ip(9), signedPacket(beside, SIMILARITY_RESPONSE, stranger, similarityResponse, value))
    }
    expect(town.counters.get('ipv8-answer-wrong-identifier')).toBe(3)
    expect(walker.isVerified(ip(9))).toBe(false)
    walker.stop()
  })
})

describe('who is asked twice before an answer can be here (N-08)', () => {
  const identifierOf = (packet: Uint8Array) => packet.slice(-2).join()

  it('is no guesser: both pings have one identifier, and one pong answers both', () => {
    const town = new Town()
    // No room for anybody, so that whoever asks is to show by a pong that he is there.
    const walker = town.add(1, { settings: { maxPeersPerNetwork: 0 } })
    for (const style of [OLD_STYLE, NEW_STYLE])
      walker.receive(ip(9), requestOf(stranger, ip(9), style).packet)
    const pings = town.sent.filter(({ packet }) => messageIdOf(packet, beside) === PING)
    expect(pings.map(({ packet }) => identifierOf(packet))).toEqual(
      Array(2).fill(identifierOf(pings[0]!.packet)),
    )
    const pong = pings[0]!.packet.slice()
    pong[22] = 4
    walker.receive(ip(9), pong)
    expect(town.counters.get('ipv8-answer-wrong-identifier')).toBe(0)
    expect(walker.isVerified(ip(9))).toBe(true)
    // The next question is another one.
    town.clock.advance(5_000)
    walker.receive(ip(9), requestOf(stranger, ip(9)).packet)
    walker.receive(ip(8), requestOf(stranger, ip(8)).packet)
    const later = town.sent.filter(({ packet }) => messageIdOf(packet, beside) === PING).slice(2)
    expect(later.length).toBeGreaterThan(0)
    for (const { packet } of later) expect(identifierOf(packet)).not.toBe(identifierOf(pings[0]!.packet))
  })

  it('is no guesser: similarity requests a moment apart have one identifier, and the answer proves the peer', () => {
    const town = new Town()
    const settings = { similarityMs: 500, discoveryTickMs: 500 }
    const walker = town.add(1, { discovery: true, settings })
    walker.receive(ip(9), requestOf(stranger, ip(9)).packet)
    walker.start()
    town.clock.advance(1_600)
    const identifiers = town.sent
      .filter(({ packet }) => messageIdOf(packet, beside) === SIMILARITY_REQUEST)
      .map(({ packet }) => openSigned(packet, similarityRequest).value.identifier)
    expect(identifiers.length).toBeGreaterThan(2)
    expect(new Set(identifiers).size).toBe(1)
    const value = { time: 1n, identifier: identifiers[0] ?? 0, communities: [], overlap: new Uint8Array() }
    walker.receive(ip(9), signedPacket(beside, SIMILARITY_RESPONSE, stranger, similarityResponse, value))
    expect(walker.isVerified(ip(9))).toBe(true)
    // It keeps its place, though no ping of ours was ever answered.
    town.clock.advance(40_000)
    expect(town.counters.get('ipv8-peer-unproven')).toBe(0)
    walker.stop()
  })
})

describe('both IP versions in one walker (N-01, N-08)', () => {
  it('brings together walkers of IPv4, IPv6 and both, each in the style that the other can read', () => {
    const town = new Town()
    const both = [0, 1].map((n) => town.add(n, { address6: ip6(n), bootstrap: n ? [ip(0)] : [] }))
    const v4 = town.add(2, { bootstrap: [ip(0)], more: { families: ['ipv4'] } })
    const v6 = [3, 4].map((n) =>
      town.add(n, { address: ip6(n), bootstrap: [ip6(0)], more: { families: ['ipv6'] } }),
    )
    for (const walker of [...both, v4, ...v6]) walker.start()
    town.clock.advance(120_000)
    const kinds = (walker: { peers(): readonly { address: IpAddress }[] }) =>
      walker
        .peers()
        .map(({ address }) => address.kind)
        .toSorted()
    expect(kinds(both[0]!)).toEqual(['ipv4', 'ipv4', 'ipv6', 'ipv6'])
    expect(kinds(v4)).toEqual(['ipv4', 'ipv4'])
    expect(kinds(v6[0]!)).toEqual(['ipv6', 'ipv6', 'ipv6'])
    expect(both[0]!.wan).toEqual(ip(0))
    expect(both[0]!.wan6).toEqual(ip6(0))
    expect(v6[0]!.wan).toEqual(ip6(3))
    // Nobody was sent what his socket cannot carry, and no old style went to an IPv6 address.
    for (const { from, to, packet } of town.sent) {
      expect(from.startsWith('[')).toBe(to.startsWith('['))
      if (to.startsWith('[')) expect([245, 246, 249, 250]).not.toContain(messageIdOf(packet, tunnel))
    }
    expect(town.counters.get('ipv8-old-style-ipv6')).toBe(0)
    town.stop()
  })
})
