import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  FLAG_RELAY,
  PING,
  PUNCTURE_REQUEST,
  TUNNEL_COMMUNITY_ID,
} from './constants.ts'
import { similarityRequest, similarityResponse } from './discovery.ts'
import { NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { messageIdOf, openSigned, prefixOf, signedPacket, unsignedPacket } from './packet.ts'
import { ip, ip6, Town } from './town.fixture.ts'

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
const discoveryPrefix = prefixOf(DISCOVERY_COMMUNITY_ID)
function request(
  n: number,
  keyPair = KeyPair.generate(new SeededRandom(1000 + n)),
  source = ip(n),
): Uint8Array {
  return signedPacket(prefix, OLD_STYLE.requestId, keyPair, OLD_STYLE.request, {
    time: 1n,
    destination: ip(1),
    lan: source,
    wan: source,
    bits: 1,
    identifier: 1,
    extra: new Uint8Array([0, 1]),
  })
}

describe('random walk (N-07, N-08)', () => {
  it('finds the whole town from one bootstrap address, measures it, and slows down', () => {
    const town = new Town()
    const bootstrap = ip(0)
    const all = Array.from({ length: 8 }, (_, n) => town.add(n, { settings: { targetPeers: 7 } }))
    for (const walker of all.slice(1)) {
      walker.addBootstrap([bootstrap])
      walker.start()
    }
    town.clock.advance(40_000)
    for (const walker of all.slice(1)) {
      expect(walker.peers().length).toBe(7)
      expect(walker.wan.host).toMatch(/^198\./)
      for (const peer of walker.peers()) expect(peer.flags).toBe(FLAG_RELAY)
    }
    expect(all[3]!.peers().find((peer) => peer.rttMs !== undefined)?.rttMs).toBe(20)
    const rest = () =>
      town.sent.filter(({ packet }) => [OLD_STYLE.requestId, NEW_STYLE.requestId].includes(packet[22]!))
    const before = rest().length
    town.clock.advance(60_000)
    expect(rest().length - before).toBeGreaterThan(0)
    expect(rest().length - before).toBeLessThanOrEqual(7 * 6)
    for (const walker of all) walker.stop()
    town.clock.advance(1_000)
    expect(town.clock.idle).toBe(true)
  })

  it('asks again for flags after 300 s', () => {
    const town = new Town()
    town.add(0)
    const walker = town.add(1, { settings: { targetPeers: 1, restingMs: 1e9 } })
    walker.addBootstrap([ip(0)])
    walker.start()
    town.clock.advance(290_000)
    const asked = () =>
      town.sent.filter(({ packet }) => [OLD_STYLE.requestId, NEW_STYLE.requestId].includes(packet[22]!))
        .length
    expect(asked()).toBe(1)
    town.clock.advance(20_000)
    expect(asked()).toBe(2)
    walker.stop()
  })

  it('keeps at most five requests open in three seconds, and lets rest who does not answer', () => {
    const town = new Town()
    const walker = town.add(1)
    const liar = KeyPair.generate(new SeededRandom(9))
    // Somebody told of 40 peers that there are not.
    for (let n = 0; n < 40; n++) {
      walker.walkTo(ip(9))
      const head = { time: 1n, destination: ip(1), lan: ip(9), wan: ip(9), bits: 0, extra: new Uint8Array() }
      const introduced = {
        introducedLan: NO_ADDRESS,
        introducedWan: ip(100 + n),
        identifier: town.asked(ip(9)),
      }
      const response = { ...head, ...introduced }
      walker.receive(ip(9), signedPacket(prefix, OLD_STYLE.responseId, liar, OLD_STYLE.response, response))
    }
    expect(walker.walkable().length).toBe(40)
    town.mute.add(formatAddress(ip(9)))
    town.sent.length = 0
    walker.start()
    const asked = () => new Set(town.sent.filter(({ to }) => to !== formatAddress(ip(9))).map(({ to }) => to))
    town.clock.advance(2_900)
    expect(asked().size).toBeLessThanOrEqual(5)
    town.clock.advance(57_000)
    expect(asked().size).toBe(40)
    // Each was sent the same request five times, and then left alone.
    for (const to of asked()) {
      const packets = town.sent.filter((each) => each.to === to).map(({ packet }) => toHex(packet))
      expect([packets.length, new Set(packets).size]).toEqual([5, 1])
    }
    expect(town.counters.get('ipv8-handshake-unreachable')).toBeGreaterThanOrEqual(30)
    walker.stop()
  })

  it('drops a peer that falls silent, and keeps one that answers pings', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { targetPeers: 2 } })
    town.add(2)
    town.add(3)
    walker.addBootstrap([ip(2), ip(3)])
    walker.walkTo(ip(2))
    walker.walkTo(ip(3))
    walker.start()
    town.clock.advance(5_000)
    expect(walker.peers().length).toBe(2)
    town.mute.add(formatAddress(ip(3)))
    town.clock.advance(50_000)
    expect(walker.peers().length).toBe(2)
    town.clock.advance(15_000)
    expect(walker.peers().map((peer) => formatAddress(peer.address))).toEqual([formatAddress(ip(2))])
    expect(town.counters.get('ipv8-peer-silent')).toBeGreaterThan(0)
    walker.stop()
  })
})

describe('bounds of the peer table (N-07, D-07, K-06)', () => {
  it('answers no stranger when full, but those it knows', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { maxPeers: 4 } })
    for (let n = 10; n < 14; n++) walker.receive(ip(n), request(n))
    expect(walker.peers().length).toBe(4)
    town.sent.length = 0
    walker.receive(ip(20), request(20))
    expect(town.sent).toEqual([])
    expect(town.counters.get('ipv8-table-full')).toBe(1)
    walker.receive(ip(12), request(12))
    expect(town.sent.map(({ to }) => to)).toContain(formatAddress(ip(12)))
  })

  it('admits three of one /24 and answers the rest without keeping them', () => {
    const town = new Town()
    const walker = town.add(1)
    for (let n = 0; n < 6; n++) {
      const source = ip(77, 7000 + n)
      walker.receive(source, request(n, undefined, source))
    }
    expect(walker.peers().length).toBe(3)
    expect(town.counters.get('ipv8-network-full')).toBe(3)
    expect(town.sent.filter(({ packet }) => packet[22] === OLD_STYLE.responseId).length).toBe(6)
  })

  it('checks a bounded number of signatures a second', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { verificationsPerSecond: 5, maxPeersPerNetwork: 100 } })
    for (let n = 0; n < 20; n++) walker.receive(ip(20 + n), request(20 + n))
    expect(town.counters.get('ipv8-verification-limit')).toBe(15)
    town.clock.advance(1_000)
    walker.receive(ip(5), request(5))
    expect(town.counters.get('ipv8-verification-limit')).toBe(15)
  })

  it('does not move a peer that is alive to where its packet was played back from', () => {
    const town = new Town()
    const walker = town.add(1)
    walker.receive(ip(5), request(5))
    walker.receive(ip(66), request(5))
    expect(walker.peers().map((peer) => formatAddress(peer.address))).toEqual([formatAddress(ip(5))])
    town.clock.advance(30_000)
    walker.receive(ip(66), request(5))
    expect(walker.peers().map((peer) => formatAddress(peer.address))).toEqual([formatAddress(ip(66))])
  })
})

describe('which addresses of an introduced peer are tried (N-08)', () => {
  const own = ip(1)
  const none: IpAddress = { kind: 'ipv4', host: '0.0.0.0', port: 0 }
  const lan: IpAddress = { kind: 'ipv4', host: '192.168.5.5', port: 99 }

  function told(
    introducedLan: IpAddress,
    introducedWan: IpAddress,
    style = OLD_STYLE,
    source: IpAddress = ip(9),
  ) {
    const town = new Town()
    const walker = town.add(1)
    walker.walkTo(source)
    const response = {
      time: 1n,
      destination: own,
      lan: ip(9),
      wan: ip(9),
      introducedLan,
      introducedWan,
      bits: 0,
      identifier: town.asked(source),
      extra: new Uint8Array(),
    }
    const keyPair = KeyPair.generate(new SeededRandom(9))
    walker.receive(source, signedPacket(prefix, style.responseId, keyPair, style.response, response))
    expect(walker.wan).toEqual(own)
    return { town, walkable: walker.walkable() }
  }

  it('LAN and WAN behind another NAT, WAN alone without a LAN address', () => {
    expect(told(lan, ip(40)).walkable).toEqual([lan, ip(40)])
    expect(told(none, ip(40)).walkable).toEqual([ip(40)])
  })

  it('LAN alone behind our own NAT; without it WAN, and our LAN with its port', () => {
    const behindOurs = { ...own, port: 4444 }
    expect(told(lan, behindOurs).walkable).toEqual([lan])
    // Our LAN address is our WAN address here, so both guesses are one.
    expect(told(none, behindOurs).walkable).toEqual([behindOurs])
  })

  it('nothing if nobody is introduced, or we ourselves', () => {
    expect(told(none, none).walkable).toEqual([])
    expect(told(none, own).walkable).toEqual([])
  })

  it('IPv6 in new style, in which IPv6 peers are asked from the start', () => {
    const v6: IpAddress = { kind: 'ipv6', host: '2001:db8::9', port: 9 }
    const other: IpAddress = { kind: 'ipv6', host: '2001:db8::a', port: 9 }
    const { town, walkable } = told(none, other, NEW_STYLE, v6)
    expect(town.sent[0]?.packet[22]).toBe(NEW_STYLE.requestId)
    expect(walkable).toEqual([other])
  })
})

describe('what strangers cannot make the walker do (N-08)', () => {
  // py-ipv8 takes any correctly signed response; ours takes answers only, so nobody tells it its WAN address unasked.
  it('takes no response that it did not ask for', () => {
    const town = new Town()
    const walker = town.add(1)
    const keyPair = KeyPair.generate(new SeededRandom(9))
    const response = signedPacket(prefix, OLD_STYLE.responseId, keyPair, OLD_STYLE.response, {
      time: 1n,
      destination: ip(200),
      lan: ip(9),
      wan: ip(9),
      introducedLan: ip(10),
      introducedWan: ip(10),
      bits: 0,
      identifier: 77,
      extra: new Uint8Array(),
    })
    expect(walker.receive(ip(9), response)).toBe(true)
    expect(walker.peers()).toEqual([])
    expect(walker.walkable()).toEqual([])
    expect(town.counters.get('ipv8-unasked-answer')).toBe(1)
  })

  it('punctures one host at a time, and not too often', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { unsignedAnswersPerSecond: 3 } })
    const ask = (target: IpAddress) =>
      walker.receive(
        ip(9),
        unsignedPacket(prefix, PUNCTURE_REQUEST, OLD_STYLE.punctureRequest, {
          time: 1n,
          walkerLan: target,
          walkerWan: target,
          identifier: 1,
        }),
      )
    for (const host of ['224.0.0.1', '255.255.255.255', '0.0.0.0']) ask({ kind: 'ipv4', host, port: 9 })
    ask(ip(30, 0))
    expect(town.sent).toEqual([])
    ask(ip(30))
    expect(town.sent).toEqual([])
    expect(town.counters.get('ipv8-puncture-stranger')).toBe(1)
    // Once its key is known it may introduce us, a little until it has answered something from there.
    walker.receive(ip(9), request(9))
    town.sent.length = 0
    for (let n = 0; n < 10; n++) ask(ip(30))
    expect(town.sent.length).toBe(2)
  })

  it('takes no answer from another host, unless it is the other address of one that it knows', () => {
    const town = new Town()
    const walker = town.add(1)
    const keyPair = KeyPair.generate(new SeededRandom(9))
    const answer = (identifier: number) =>
      signedPacket(prefix, NEW_STYLE.responseId, keyPair, NEW_STYLE.response, {
        time: 1n,
        destination: ip(1),
        lan: ip(9),
        wan: ip(9),
        introducedLan: NO_ADDRESS,
        introducedWan: NO_ADDRESS,
        bits: 0,
        identifier,
        extra: new Uint8Array(2),
      })
    walker.walkTo(ip(9))
    const first = town.asked(ip(9))
    walker.receive(ip(10), answer(first))
    walker.receive(ip6(9), answer(first))
    expect(walker.peers()).toEqual([])
    expect(town.counters.get('ipv8-unasked-answer')).toBe(2)
    // py-ipv8 with both IP versions answers from the one that it prefers.
    walker.walkTo(ip6(9))
    walker.receive(ip6(9), answer(town.asked(ip6(9))))
    expect(walker.peers().length).toBe(1)
    walker.receive(ip6(9), answer(first))
    town.clock.advance(12_000)
    expect(town.counters.get('ipv8-handshake-unreachable')).toBe(0)
  })

  it('bounds the addresses that it is told', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { maxAddresses: 10, maxPeersPerNetwork: 100, maxPeers: 100 } })
    const liar = KeyPair.generate(new SeededRandom(9))
    for (let n = 0; n < 30; n++) {
      walker.walkTo(ip(9))
      const response = signedPacket(prefix, OLD_STYLE.responseId, liar, OLD_STYLE.response, {
        time: 1n,
        destination: ip(1),
        lan: ip(9),
        wan: ip(9),
        introducedLan: ip(300 + n),
        introducedWan: ip(400 + n),
        bits: 0,
        identifier: town.asked(ip(9)),
        extra: new Uint8Array(),
      })
      walker.receive(ip(9), response)
    }
    expect(walker.walkable().length).toBe(10)
  })

  it('leaves cells, destroys and other communities to others', () => {
    const walker = new Town().add(1)
    const cell = Uint8Array.from([...prefix, 0, 1, 2, 3])
    const destroy = Uint8Array.from([...prefix, 8, 1, 2, 3])
    expect(walker.receive(ip(9), cell)).toBe(false)
    expect(walker.receive(ip(9), destroy)).toBe(false)
    expect(walker.receive(ip(9), new Uint8Array(3))).toBe(false)
    expect(walker.receive(ip(9), new Uint8Array(40))).toBe(false)
  })
})

describe('the DiscoveryCommunity beside (N-08)', () => {
  it('answers a ping with its identifier, and malformed ones not at all', () => {
    const town = new Town()
    const walker = town.add(1)
    const packet = Uint8Array.from([...discoveryPrefix, PING, 0, 0, 0, 0, 0, 0, 0, 9, 0x12, 0x34])
    expect(walker.receive(ip(9), packet)).toBe(true)
    expect(town.sent.length).toBe(1)
    expect(messageIdOf(town.sent[0]!.packet, discoveryPrefix)).toBe(4)
    expect([...town.sent[0]!.packet.slice(-2)]).toEqual([0x12, 0x34])
    expect(walker.receive(ip(9), packet.slice(0, -1))).toBe(true)
    expect(town.sent.length).toBe(1)
    expect(town.counters.get('ipv8-refused-codec-short')).toBe(1)
  })

  it('tells its communities to who asks', () => {
    const town = new Town()
    const walker = town.add(1)
    const keyPair = KeyPair.generate(new SeededRandom(9))
    const asked = { time: 7n, identifier: 7, lan: ip(9), wan: ip(9), bits: 0 }
    const communities = [TUNNEL_COMMUNITY_ID, DISCOVERY_COMMUNITY_ID]
    const request = signedPacket(discoveryPrefix, 1, keyPair, similarityRequest, { ...asked, communities })
    walker.receive(ip(9), request)
    const answer = openSigned(town.sent[0]!.packet, similarityResponse).value
    expect(answer.identifier).toBe(7)
    expect(answer.communities).toEqual([TUNNEL_COMMUNITY_ID, DISCOVERY_COMMUNITY_ID])
  })

  it('takes no pong that it did not ask for', () => {
    const town = new Town()
    const walker = town.add(1)
    walker.receive(ip(9), Uint8Array.from([...discoveryPrefix, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0x12, 0x34]))
    expect(town.counters.get('ipv8-unasked-answer')).toBe(1)
  })
})
