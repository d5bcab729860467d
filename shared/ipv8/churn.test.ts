import { describe, expect, it } from 'vitest'
import { formatAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { shuffled } from '../world/random.ts'
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

    // A stranger's request, sent under the address of the one known: asked there, he does not answer.
    const stranger = town.add(3)
    stranger.walkTo(ip(9))
    const request = town.sent.findLast(({ from }) => from === formatAddress(ip(3)))
    town.remove(stranger)
    walker.receive(ip(2), request!.packet)
    town.clock.advance(1_000)
    expect(walker.peers().map(({ publicKey }) => toHex(publicKey.bytes))).toEqual([
      toHex(anew.publicKey.bytes),
    ])
  })
})
