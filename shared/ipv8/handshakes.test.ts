import { describe, expect, it } from 'vitest'
import { formatAddress, NO_ADDRESS } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import {
  INTRODUCTION_REQUEST,
  INTRODUCTION_RESPONSE,
  NEW_INTRODUCTION_REQUEST,
  PUNCTURE_REQUEST,
  TUNNEL_COMMUNITY_ID,
} from './constants.ts'
import { canHappen, type HandshakeEvent, type HandshakeState, nextState } from './handshake-state.ts'
import { OLD_STYLE } from './introduction.ts'
import { openSigned, prefixOf, signedPacket } from './packet.ts'
import { ip, Town } from './town.fixture.ts'

describe('states of a handshake (N-08)', () => {
  const run = (...events: HandshakeEvent[]) => events.reduce<HandshakeState>(nextState, 'none')

  it('go through the four messages, in whichever order the last two come', () => {
    expect(run('request')).toBe('intro-request-sent')
    expect(run('request', 'response')).toBe('intro-response-received')
    expect(run('request', 'response', 'puncture')).toBe('complete')
    expect(run('request', 'puncture')).toBe('puncture-received')
    expect(run('request', 'puncture', 'response')).toBe('complete')
    expect(run('request', 'last-response')).toBe('complete')
  })

  it('end after 10 s: unreachable who did not answer, and not who introduced somebody silent', () => {
    expect(run('request', 'timeout')).toBe('unreachable')
    expect(run('request', 'puncture', 'timeout')).toBe('unreachable')
    expect(run('request', 'response', 'timeout')).toBe('complete')
  })

  it('refuse what has no place in them, with both names', () => {
    expect(canHappen('complete', 'response')).toBe(false)
    expect(() => nextState('complete', 'response')).toThrow(CulvertError)
    expect(() => nextState('complete', 'response')).toThrow('response in state complete')
  })
})

describe('a handshake on the wire (N-04, N-08, N-11)', () => {
  it('sends the same bytes five times, 100 ms apart and then twice as long each time, within 10 s', () => {
    const town = new Town()
    const walker = town.add(1)
    walker.walkTo(ip(2))
    town.clock.advance(9_999)
    expect(town.sent.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700, 1_500])
    expect(new Set(town.sent.map(({ packet }) => toHex(packet))).size).toBe(1)
    expect(town.counters.get('ipv8-handshake-unreachable')).toBe(0)
    town.clock.advance(2)
    expect(town.counters.get('ipv8-handshake-unreachable')).toBe(1)
    expect(town.clock.idle).toBe(true)
  })

  it('stops sending when the answer is there', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2)
    walker.walkTo(ip(2))
    town.clock.advance(12_000)
    expect(town.count(INTRODUCTION_REQUEST)).toBe(1)
    expect(walker.peers()[0]).toMatchObject({ state: 'complete', rttMs: 20, consecutiveFailures: 0 })
    expect(town.clock.idle).toBe(true)
  })

  it('gets through where three of four packets are lost at first', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2)
    town.mute.add(formatAddress(ip(2)))
    walker.walkTo(ip(2))
    town.clock.advance(500)
    town.mute.clear()
    town.clock.advance(1_000)
    expect(walker.peers().length).toBe(1)
    // Which of the copies was answered nobody knows, so no round trip is measured by it.
    expect(walker.peers()[0]?.rttMs).toBeUndefined()
  })

  it('does a slow peer no harm: its copies are answered with the same bytes and introduce one peer', () => {
    const town = new Town()
    town.delayMs = 400
    const walker = town.add(1)
    const slow = town.add(2)
    town.add(3)
    slow.walkTo(ip(3))
    town.clock.advance(12_000)
    town.sent.length = 0
    walker.walkTo(ip(2))
    town.clock.advance(12_000)
    // Four were under way before the first answer came.
    expect(town.count(INTRODUCTION_REQUEST)).toBe(4)
    const answers = town.sent.filter(({ packet }) => packet[22] === INTRODUCTION_RESPONSE)
    expect(answers.length).toBe(4)
    expect(new Set(answers.map(({ packet }) => toHex(packet))).size).toBe(1)
    const punctures = town.sent.filter(({ packet }) => packet[22] === PUNCTURE_REQUEST)
    expect(new Set(punctures.map(({ to, packet }) => `${to} ${toHex(packet)}`)).size).toBe(1)
    expect(town.counters.get('ipv8-duplicate-answer')).toBeGreaterThan(0)
    expect(walker.peers().map(({ address }) => formatAddress(address))).toEqual([formatAddress(ip(2))])
    expect(walker.walkable().map(formatAddress)).toContain(formatAddress(ip(3)))
    expect(walker.peers()[0]?.consecutiveFailures).toBe(0)
    // Once the round trip is known, nothing is sent twice before it has passed.
    for (const each of [walker, slow]) each.start()
    town.clock.advance(60_000)
    expect(walker.peers().find(({ address }) => formatAddress(address) === formatAddress(ip(2)))?.rttMs).toBe(
      800,
    )
    town.stop()
    town.clock.advance(20_000)
    town.sent.length = 0
    walker.walkTo(ip(2))
    town.clock.advance(2_000)
    expect(town.count(INTRODUCTION_REQUEST, NEW_INTRODUCTION_REQUEST)).toBe(1)
  })

  it('answers a request that is played back no more than four times', () => {
    const town = new Town()
    const walker = town.add(1)
    const other = town.add(2)
    other.walkTo(ip(1))
    town.clock.advance(50)
    const [request] = town.sent
    for (let n = 0; n < 20; n++) walker.receive(ip(2), request!.packet)
    expect(town.count(INTRODUCTION_RESPONSE)).toBe(5)
    expect(town.counters.get('ipv8-request-replayed')).toBe(16)
  })

  it('gives up a peer after five failures in a row, lets it rest, and takes another', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { targetPeers: 1, dropAfterSilenceMs: 1e9 } })
    town.add(2)
    town.add(3)
    walker.walkTo(ip(2))
    walker.start()
    town.clock.advance(1_000)
    town.mute.add(formatAddress(ip(2)))
    town.clock.advance(40_000)
    expect(walker.peers()[0]?.consecutiveFailures).toBeGreaterThan(0)
    town.clock.advance(60_000)
    expect(walker.peers()).toEqual([])
    expect(town.counters.get('ipv8-peer-unreachable')).toBe(1)
    town.mute.clear()
    walker.addBootstrap([ip(3)])
    town.clock.advance(5_000)
    expect(walker.peers().map(({ address }) => formatAddress(address))).toEqual([formatAddress(ip(3))])
    town.stop()
  })

  it('counts circuits that fail at a peer, and leaves it alone after five in a row', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { targetPeers: 1 } })
    const other = town.add(2)
    walker.walkTo(ip(2))
    town.clock.advance(1_000)
    const { publicKey, suitability } = walker.peers()[0]!
    walker.recordFailure(publicKey)
    expect(walker.peers()[0]!.suitability).toBeLessThan(suitability)
    for (let n = 0; n < 8; n++) walker.recordSuccess(publicKey)
    expect(walker.peers()[0]!.successRate).toBeGreaterThan(0.8)
    for (let n = 0; n < 4; n++) walker.recordFailure(publicKey)
    expect(walker.peers().length).toBe(1)
    walker.recordFailure(publicKey)
    expect(walker.peers()).toEqual([])
    // It may come and ask, and is answered, but is not taken for a minute.
    other.walkTo(ip(1))
    town.clock.advance(1_000)
    expect(walker.peers()).toEqual([])
    expect(town.counters.get('ipv8-peer-resting')).toBe(1)
    town.clock.advance(60_000)
    other.walkTo(ip(1))
    town.clock.advance(1_000)
    expect(walker.peers().length).toBe(1)
  })

  it('doubts a peer from whose address nonsense comes, and believes it again by its pongs', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { targetPeers: 1 } })
    town.add(2)
    walker.walkTo(ip(2))
    walker.start()
    town.clock.advance(60_000)
    const before = walker.peers()[0]!.suitability
    const nonsense = town.sent.find(({ packet }) => packet[22] === INTRODUCTION_RESPONSE)!.packet.slice(0, 99)
    for (let n = 0; n < 100; n++) walker.receive(ip(2), nonsense)
    expect(town.counters.get('ipv8-refused-codec-short')).toBeGreaterThan(0)
    expect(walker.peers()[0]).toMatchObject({ consecutiveFailures: 1 })
    // Anybody may write its address under nonsense: it weighs little.
    const doubted = walker.peers()[0]!.suitability
    expect(doubted).toBeLessThan(before)
    expect(doubted).toBeGreaterThan(0.9 * before)
    town.clock.advance(15_000)
    expect(walker.peers()[0]).toMatchObject({ consecutiveFailures: 0 })
    town.stop()
  })
})

describe('who answers a request without having received it (N-08)', () => {
  const forger = KeyPair.generate(new SeededRandom(999))
  function answer(identifier: number): Uint8Array {
    const response = {
      ...{ time: 1n, destination: ip(66), lan: ip(2), wan: ip(2), bits: 0, extra: new Uint8Array(2) },
      ...{ introducedLan: NO_ADDRESS, introducedWan: NO_ADDRESS, identifier },
    }
    return signedPacket(
      prefixOf(TUNNEL_COMMUNITY_ID),
      OLD_STYLE.responseId,
      forger,
      OLD_STYLE.response,
      response,
    )
  }
  const clockOf = (packet: Uint8Array) => Number(openSigned(packet, OLD_STYLE.request).value.time & 0xffffn)

  it('proves nothing by the identifier that the clock would give, and votes for nothing', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2)
    walker.walkTo(ip(2))
    const { packet } = town.sent[0]!
    walker.receive(ip(2), answer(clockOf(packet)))
    expect(walker.isVerified(ip(2))).toBe(false)
    expect(walker.peers()).toEqual([])
    expect(walker.wan).toEqual(NO_ADDRESS)
    expect(town.counters.get('ipv8-answer-wrong-identifier')).toBe(1)
    // The one who was asked is none the worse for it.
    town.clock.advance(1_000)
    expect(walker.isVerified(ip(2))).toBe(true)
  })

  it('proves nothing after three guesses, and gets no more by another question', () => {
    const town = new Town()
    const walker = town.add(1)
    town.mute.add(formatAddress(ip(2)))
    walker.walkTo(ip(2))
    const { packet } = town.sent[0]!
    const { identifier } = openSigned(packet, OLD_STYLE.request).value
    for (let n = 1; n <= 3; n++) walker.receive(ip(2), answer((identifier + n) & 0xffff))
    expect(town.counters.get('ipv8-handshake-guessed')).toBe(1)
    walker.walkTo(ip(2))
    const again = openSigned(town.sent.at(-1)!.packet, OLD_STYLE.request).value.identifier
    walker.receive(ip(2), answer(again))
    expect(walker.isVerified(ip(2))).toBe(false)
    expect(walker.wan).toEqual(NO_ADDRESS)
    town.clock.advance(30_000)
    // Nobody is to blame for an answer that did not come.
    expect(town.counters.get('ipv8-handshake-unreachable')).toBe(0)
  })

  it('does not keep the answer of who was asked from being heard', () => {
    const town = new Town()
    const walker = town.add(1)
    town.add(2)
    walker.walkTo(ip(2))
    const { identifier } = openSigned(town.sent[0]!.packet, OLD_STYLE.request).value
    for (let n = 1; n <= 3; n++) walker.receive(ip(2), answer((identifier + n) & 0xffff))
    town.clock.advance(1_000)
    expect(walker.peers()).toHaveLength(1)
    // By the ping that follows.
    expect(walker.isVerified(ip(2))).toBe(true)
    town.stop()
  })
})
