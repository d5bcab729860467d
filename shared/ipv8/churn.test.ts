import { describe, expect, it } from 'vitest'
import { formatAddress, NO_ADDRESS } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { shuffled } from '../world/random.ts'
import { NEW_INTRODUCTION_REQUEST, TUNNEL_COMMUNITY_ID } from './constants.ts'
import { NEW_STYLE } from './introduction.ts'
import { openSigned, prefixOf, signedPacket } from './packet.ts'
import { ip, Town } from './town.fixture.ts'
import type { Walker } from './walker.ts'

const NODES = 24

/** Whom one reaches by going from peer to peer. */
function reachable(walkers: readonly Walker[]): number {
  const at = new Map(walkers.map((walker, n) => [formatAddress(ip(n)), walker]))
  const seen = new Set<string>([formatAddress(ip(0))])
  for (const address of seen) {
    for (const peer of at.get(address)?.peers() ?? []) seen.add(formatAddress(peer.address))
  }
  return seen.size
}

describe('an overlay whose members come and go (N-07, N-11)', () => {
  it('stays one for ten minutes with 30 % starting anew each minute, under other keys, and knows the new ones', {
    timeout: 120_000,
  }, () => {
    const town = new Town()
    const random = new SeededRandom(5)
    let seed = 1_000
    const begin = (n: number) => {
      const walker = town.add(n, { bootstrap: [ip(0), ip(1)], seed: seed++ })
      walker.start()
      return walker
    }
    const walkers = Array.from({ length: NODES }, (_, n) => begin(n))
    town.clock.advance(60_000)
    for (let minute = 0; minute < 10; minute++) {
      const all = Array.from({ length: NODES }, (_, n) => n)
      for (const n of shuffled(random, all).slice(0, Math.round(0.3 * NODES))) {
        town.remove(walkers[n]!)
        walkers[n] = begin(n)
      }
      town.clock.advance(60_000)
      expect(reachable(walkers)).toBe(NODES)
      for (const walker of walkers) expect(walker.status.state).toBe('joined')
    }
    // Nobody is known under a key that he no longer has, but for those who changed within the last minute.
    const keys = new Set(walkers.map((walker) => toHex(walker.publicKey.bytes)))
    const known = walkers.flatMap((walker) => walker.peers())
    const current = known.filter((peer) => keys.has(toHex(peer.publicKey.bytes)))
    expect(current.length / known.length).toBeGreaterThan(0.95)
    expect(current.length / NODES).toBeGreaterThan(18)
    town.stop()
  })
})

describe('one who starts anew with another key (N-08)', () => {
  it('takes the place of the old one once it has answered, which a forger of its address cannot', () => {
    const town = new Town()
    const walker = town.add(1)
    const old = town.add(2)
    walker.walkTo(ip(2))
    town.clock.advance(1_000)
    town.remove(old)
    const anew = town.add(2, { seed: 77 })
    anew.walkTo(ip(1))
    town.clock.advance(1_000)
    expect(walker.peers().map(({ publicKey }) => toHex(publicKey.bytes))).toEqual([
      toHex(anew.publicKey.bytes),
    ])

    // A stranger's request, sent under the address of the one known. What is asked there he does not see: all he knows is
    // what time it is on the asker's clock.
    const stranger = town.add(3)
    stranger.walkTo(ip(9))
    const request = town.sent.findLast(({ from }) => from === formatAddress(ip(3)))
    town.remove(stranger)
    walker.receive(ip(2), request!.packet)
    const asked = town.sent.findLast(
      ({ to, packet }) => to === formatAddress(ip(2)) && packet[22] === NEW_INTRODUCTION_REQUEST,
    )!
    const { time } = openSigned(asked.packet, NEW_STYLE.request).value
    const answer = {
      ...{ time: 1n, destination: ip(1), lan: ip(2), wan: ip(2), bits: 0, extra: new Uint8Array(2) },
      ...{ introducedLan: NO_ADDRESS, introducedWan: NO_ADDRESS, identifier: Number(time & 0xffffn) },
    }
    const { responseId, response } = NEW_STYLE
    const forger = KeyPair.generate(new SeededRandom(78))
    walker.receive(ip(2), signedPacket(prefixOf(TUNNEL_COMMUNITY_ID), responseId, forger, response, answer))
    town.clock.advance(1_000)
    expect(walker.peers().map(({ publicKey }) => toHex(publicKey.bytes))).toEqual([
      toHex(anew.publicKey.bytes),
    ])
  })
})
