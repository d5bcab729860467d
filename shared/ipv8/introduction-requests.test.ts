import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { TUNNEL_COMMUNITY_ID } from './constants.ts'
import { NEW_STYLE, OLD_STYLE } from './introduction.ts'
import { prefixOf, signedPacket } from './packet.ts'
import { ip, ip6, Town } from './town.fixture.ts'

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
/** The key of Town's walker number n. */
const keyOf = (n: number) => KeyPair.generate(new SeededRandom(n + 1))

function responseOf(keyPair: KeyPair, identifier: number, style: typeof OLD_STYLE | typeof NEW_STYLE) {
  return signedPacket(prefix, style.responseId, keyPair, style.response, {
    ...{ time: 1n, destination: ip(66), lan: ip(9), wan: ip(9), bits: 0, extra: new Uint8Array(2) },
    ...{ introducedLan: NO_ADDRESS, introducedWan: ip(40), identifier },
  })
}

function requestOf(keyPair: KeyPair): Uint8Array {
  return signedPacket(prefix, NEW_STYLE.requestId, keyPair, NEW_STYLE.request, {
    ...{ time: 1n, destination: ip6(1), lan: ip6(9), wan: ip6(9), bits: 0, extra: new Uint8Array(2) },
    identifier: 1,
  })
}

describe('an answer that comes from another address than was asked (N-08, K-06)', () => {
  it('of the other IP version: is taken, and proves nothing until a ping there is answered', () => {
    const town = new Town()
    const walker = town.add(1, { address6: ip6(1) })
    town.add(9, { address6: ip6(9) })
    // He has signed something there before, and cannot be reached at the address that is asked now.
    walker.receive(ip6(9), requestOf(keyOf(9)))
    town.mute.add(formatAddress(ip(9)))
    walker.walkTo(ip(9))
    walker.receive(ip6(9), responseOf(keyOf(9), town.asked(ip(9)), NEW_STYLE))
    expect(walker.walkable()).toEqual([ip(40)])
    expect(walker.isVerified(ip6(9))).toBe(false)
    expect(walker.wan).toEqual(NO_ADDRESS)
    expect(walker.status.state).toBe('starting')
    town.clock.advance(20)
    expect(walker.isVerified(ip6(9))).toBe(true)
    expect(walker.status.state).toBe('joined')
    // Nobody failed: the question has its answer.
    town.clock.advance(12_000)
    expect(town.counters.get('ipv8-handshake-unreachable')).toBe(0)
  })

  it('does not put out whom it claims to be, and proves nothing where nobody answers', () => {
    const town = new Town()
    const walker = town.add(1, { address6: ip6(1) })
    town.add(8, { address: ip6(8) })
    walker.walkTo(ip6(8))
    town.clock.advance(1_000)
    const [victim] = walker.peers()
    const { wan6 } = walker
    const liar = KeyPair.generate(new SeededRandom(666))
    // The liar is asked at his own address, so that he knows the identifier, and answers under the other's.
    walker.walkTo(ip(66))
    walker.receive(ip6(8), responseOf(liar, town.asked(ip(66)), NEW_STYLE))
    expect(walker.peers()).toContain(victim)
    expect(walker.wan).toEqual(wan6)

    const nobody = ip6(7)
    walker.receive(nobody, requestOf(liar))
    walker.walkTo(ip(67))
    walker.receive(nobody, responseOf(liar, town.asked(ip(67)), NEW_STYLE))
    town.clock.advance(1_000)
    expect(walker.isVerified(nobody)).toBe(false)
    expect(walker.wan).toEqual(wan6)
  })

  it('behind our own NAT: is taken from a private address alone, and proven by a ping there', () => {
    const town = new Town()
    const inside = (n: number): IpAddress => ({ kind: 'ipv4', host: `192.168.1.${n}`, port: 7 })
    const walker = town.add(1, { more: { addresses: { lan: inside(1), wan: ip(1) } } })
    town.add(9, { address: inside(9) })
    const neighbour = ip(1, 4_444)
    walker.walkTo(neighbour)
    const answer = responseOf(keyOf(9), town.asked(neighbour), OLD_STYLE)
    walker.receive(ip(66), answer)
    expect(walker.peers()).toEqual([])
    expect(town.counters.get('ipv8-unasked-answer')).toBe(1)
    walker.receive(inside(9), answer)
    expect(walker.peers().map(({ address }) => address)).toEqual([inside(9)])
    expect(walker.isVerified(inside(9))).toBe(false)
    town.clock.advance(20)
    expect(walker.isVerified(inside(9))).toBe(true)
    expect(walker.status.state).toBe('joined')
  })

  it('of the other IP version, where it is asked too: is no guess at that question', () => {
    const town = new Town()
    const walker = town.add(1, { address6: ip6(1) })
    walker.walkTo(ip6(9))
    // The host is not known to be the one that is asked at the other address.
    for (let n = 0; n < 4; n++) {
      walker.walkTo(ip(90 + n))
      walker.receive(ip6(9), responseOf(keyOf(9), town.asked(ip(90 + n)), NEW_STYLE))
    }
    expect(town.counters.get('ipv8-unasked-answer')).toBe(4)
    expect(town.counters.get('ipv8-handshake-guessed')).toBe(0)
    walker.receive(ip6(9), responseOf(keyOf(9), town.asked(ip6(9)), NEW_STYLE))
    expect(walker.isVerified(ip6(9))).toBe(true)
  })
})
