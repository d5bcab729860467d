import { describe, expect, it } from 'vitest'
import { FLAG_RELAY } from './constants.ts'
import { ip, Town } from './town.fixture.ts'

describe('an entry of the peer table (N-12)', () => {
  it('holds addresses, key, flags, round trip and its variation, success rate and suitability', () => {
    const town = new Town()
    const other = town.add(2)
    const walker = town.add(1, { bootstrap: [ip(2)] })
    for (const each of [walker, other]) each.start()
    town.clock.advance(60_200)
    const [peer] = walker.peers()
    expect(peer).toMatchObject({
      address: ip(2),
      addresses: [ip(2)],
      flags: FLAG_RELAY,
      rttMs: 2 * town.delayMs,
      consecutiveFailures: 0,
      state: 'complete',
    })
    expect(peer?.publicKey.equals(other.publicKey)).toBe(true)
    // All round trips are alike here, so that what is left of the first guess shrinks.
    expect(peer?.rttVarianceMs).toBeGreaterThan(0)
    expect(peer?.rttVarianceMs).toBeLessThan(town.delayMs)
    expect(peer?.successRate).toBeGreaterThan(0.6)
    expect(peer?.suitability).toBeGreaterThan(0.6)
    expect(peer?.suitability).toBeLessThan(peer?.successRate ?? 0)
    town.stop()
  })

  it('keeps the latest four addresses that a peer was seen at', () => {
    const town = new Town()
    const walker = town.add(1, { settings: { pingAfterSilenceMs: 1 } })
    const same = { seed: 9, settings: { targetPeers: 1 } }
    for (let n = 10; n < 16; n++) {
      const moved = town.add(n, same)
      moved.walkTo(ip(1))
      town.clock.advance(1_000)
      moved.stop()
    }
    expect(walker.peers()).toHaveLength(1)
    expect(walker.peers()[0]?.address).toEqual(ip(15))
    expect(walker.peers()[0]?.addresses).toEqual([ip(12), ip(13), ip(14), ip(15)])
    town.stop()
  })
})
