import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  INTRODUCTION_RESPONSE,
  PING,
  PUNCTURE,
  PUNCTURE_REQUEST,
  SIMILARITY_REQUEST,
  TUNNEL_COMMUNITY_ID,
  WALK_DEFAULTS,
} from './constants.ts'
import { Contacts } from './contacts.ts'
import { ping } from './discovery.ts'
import { OLD_STYLE } from './introduction.ts'
import { prefixOf, signedPacket, unsignedPacket } from './packet.ts'
import { SourceLimits } from './source-limits.ts'
import { ip, ip6, Town } from './town.fixture.ts'

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
let serial = 0
function request(keyPair: KeyPair, source: IpAddress): Uint8Array {
  const own = { destination: ip(1), lan: source, wan: source }
  const rest = { time: BigInt(++serial), bits: 1, identifier: serial & 0xffff, extra: new Uint8Array([0, 1]) }
  return signedPacket(prefix, OLD_STYLE.requestId, keyPair, OLD_STYLE.request, { ...own, ...rest })
}
const keyPairs = Array.from({ length: 10 }, (_, n) => KeyPair.generate(new SeededRandom(5_000 + n)))
const keyPair = (n: number) => keyPairs[n % keyPairs.length] as KeyPair

describe('limits by source (N-11, K-06)', () => {
  it('let one that floods use up its own share of verifications, and no other’s', () => {
    const clock = new VirtualClock()
    const limits = new SourceLimits(clock, WALK_DEFAULTS)
    const taken = (source: IpAddress) => limits.verification(source, undefined)
    const flood = Array.from({ length: 1_000 }, (_, port) => taken(ip(66, port)))
    expect(flood.filter(Boolean).length).toBe(2 * WALK_DEFAULTS.verificationsPerSource)
    expect(taken(ip(1))).toBe(true)
    // An IPv6 /64 is one source.
    const host = (n: number) => ({ kind: 'ipv6', host: `2001:db8::${n.toString(16)}`, port: 7 }) as const
    expect(Array.from({ length: 200 }, (_, n) => taken(host(n))).filter(Boolean).length).toBeLessThan(61)
  })

  it('keep known addresses apart from a flood under as many forged ones as there are', () => {
    const clock = new VirtualClock()
    const limits = new SourceLimits(clock, WALK_DEFAULTS)
    const contacts = new Contacts(clock, 10)
    contacts.signed(ip(1))
    for (let n = 0; n < 5_000; n++) limits.verification(ip(n), undefined)
    expect(limits.verification(ip(6_000), undefined)).toBe(false)
    expect(limits.verification(ip(1), contacts.at(ip(1)))).toBe(true)
  })

  it('hold at the walker: an honest peer is answered beside a flood of wrongly signed requests', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2).walkTo(ip(1))
    town.clock.advance(100)
    const forged = request(keyPair(1), ip(66))
    forged[forged.length - 1]! ^= 1
    for (let n = 0; n < 500; n++) walker.receive(ip(n + 100), forged)
    expect(town.counters.get('ipv8-refused-packet-signature')).toBeLessThanOrEqual(100)
    const before = town.count(INTRODUCTION_RESPONSE)
    town.walkers.get('198.18.2.9:7000')!.walkTo(ip(1))
    town.clock.advance(100)
    expect(town.count(INTRODUCTION_RESPONSE, 233)).toBeGreaterThan(before)
  })
})

describe('no amplifier (K-06)', () => {
  const bytes = (packets: { packet: Uint8Array }[]) =>
    packets.reduce((sum, { packet }) => sum + packet.length, 0)

  it('answers a ping with as many bytes, and so many a second', () => {
    const town = new Town()
    const walker = town.add(1)
    const packet = unsignedPacket(prefixOf(DISCOVERY_COMMUNITY_ID), PING, ping, { time: 1n, identifier: 1 })
    for (let n = 0; n < 100; n++) walker.receive(ip(66, n + 1), packet)
    expect(town.sent.length).toBe(2 * WALK_DEFAULTS.unsignedAnswersPerSource)
    for (const { packet: pong } of town.sent) expect(pong.length).toBe(packet.length)
  })

  it('looks at no more requests of one source than an honest one sends', () => {
    const town = new Town()
    const walker = town.add(1)
    for (let n = 0; n < 400; n++) walker.receive(ip(66, n + 1), new Uint8Array(200).fill(1))
    const packet = request(keyPair(1), ip(66))
    packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1
    for (let n = 0; n < 400; n++) walker.receive(ip(66, n + 1), packet)
    expect(town.counters.get('ipv8-request-limit')).toBe(400 - 2 * WALK_DEFAULTS.requestsPerSource)
    // What asks for communities comes out of the same allowance.
    const beside = Uint8Array.of(...prefixOf(DISCOVERY_COMMUNITY_ID), SIMILARITY_REQUEST)
    walker.receive(ip(66), beside)
    expect(town.counters.get('ipv8-request-limit')).toBe(401 - 2 * WALK_DEFAULTS.requestsPerSource)
    walker.receive(ip(67), request(keyPair(2), ip(67)))
    expect(town.count(INTRODUCTION_RESPONSE)).toBe(1)
  })

  it('bounds by network what goes to sources that never answered, since a signed request may bear any address', () => {
    const town = new Town()
    const walker = town.add(1, {
      settings: { verificationsPerSource: 10_000, verificationsPerSecond: 10_000 },
    })
    for (let n = 0; n < 400; n++) {
      const source = { ...ip(66, n + 1), host: `198.18.66.${1 + (n % 200)}` }
      walker.receive(source, request(keyPair(n), source))
    }
    expect(town.count(INTRODUCTION_RESPONSE)).toBe(4 * WALK_DEFAULTS.answersPerNetwork)
    expect(town.counters.get('ipv8-answer-limit')).toBe(400 - 4 * WALK_DEFAULTS.answersPerNetwork)
  })

  it('sends punctures only for who introduced himself, few until he has answered, and few to one target', () => {
    const town = new Town()
    const walker = town.add(1)
    const ask = (source: IpAddress, target: IpAddress) => {
      const value = { time: 1n, walkerLan: target, walkerWan: target, identifier: 1 }
      walker.receive(source, unsignedPacket(prefix, PUNCTURE_REQUEST, OLD_STYLE.punctureRequest, value))
    }
    for (let n = 0; n < 100; n++) ask(ip(n + 100), ip(30))
    expect(town.sent).toEqual([])
    // Signed, and perhaps played back under a forged address.
    walker.receive(ip(9), request(keyPair(9), ip(9)))
    for (let n = 0; n < 100; n++) ask(ip(9), ip(30 + n))
    expect(town.count(PUNCTURE)).toBe(2)
    // Answers to our own requests prove addresses: these may introduce more, but nobody is punctured by all of them.
    for (let n = 20; n < 30; n++) {
      town.add(n)
      walker.walkTo(ip(n))
    }
    town.clock.advance(1_000)
    expect(walker.isVerified(ip(20))).toBe(true)
    expect(walker.isVerified(ip(9))).toBe(false)
    const before = town.count(PUNCTURE)
    for (let round = 0; round < 10; round++) for (let n = 20; n < 30; n++) ask(ip(n), ip(31))
    expect(town.count(PUNCTURE) - before).toBeLessThanOrEqual(5 * WALK_DEFAULTS.puncturesPerSource)
  })

  it('sends no more than it got when signed requests come from everywhere, but for the few that introduce', () => {
    const town = new Town()
    const walker = town.add(1)
    let got = 0
    for (let n = 0; n < 2_000; n++) {
      const packet = request(keyPair(n), ip(n + 100))
      got += packet.length
      walker.receive(ip(n + 100), packet)
    }
    expect(bytes(town.sent)).toBeLessThan(got / 4)
  })
})

describe('packets of other versions (N-09)', () => {
  it('are counted and not taken', () => {
    const town = new Town()
    const walker = town.add(1)
    const packet = request(keyPair(1), ip(9))
    for (const version of [0, 1, 3]) {
      packet[1] = version
      expect(walker.receive(ip(9), packet)).toBe(true)
    }
    expect(town.counters.get('ipv8-other-version')).toBe(3)
    expect(town.sent).toEqual([])
    expect(walker.receive(ip6(9), new Uint8Array(40))).toBe(false)
  })
})

describe('a peer table that strangers fill under forged addresses (N-11, K-06)', () => {
  it('is free again within half a minute, and honest peers stay', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2).walkTo(ip(1))
    walker.start()
    town.clock.advance(5_000)
    for (let n = 0; n < 29; n++)
      walker.receive(ip(n + 100), request(KeyPair.generate(new SeededRandom(n + 900)), ip(n + 100)))
    expect(walker.peers().length).toBe(30)
    town.clock.advance(35_000)
    expect(walker.peers().map(({ address }) => address)).toEqual([ip(2)])
    expect(town.counters.get('ipv8-peer-unproven')).toBeGreaterThan(20)
    town.stop()
  })

  it('is not the only thing strangers tell: what the edge does not let pass is neither asked nor punctured (O-06)', () => {
    const town = new Town()
    const walker = town.add(1, { more: { mayReach: ({ host }) => !host.startsWith('192.168.') } })
    const inside = { kind: 'ipv4', host: '192.168.7.7', port: 7 } as const
    walker.walkTo(inside)
    expect(town.sent).toEqual([])
    walker.receive(ip(9), request(keyPair(9), ip(9)))
    town.sent.length = 0
    const value = { time: 1n, walkerLan: inside, walkerWan: inside, identifier: 1 }
    walker.receive(ip(9), unsignedPacket(prefix, PUNCTURE_REQUEST, OLD_STYLE.punctureRequest, value))
    expect(town.sent).toEqual([])
    expect(town.counters.get('ipv8-puncture-target')).toBe(1)
  })
})
