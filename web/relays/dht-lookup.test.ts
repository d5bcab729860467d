import { describe, expect, it } from 'vitest'
import { lookUpByDht } from './dht-lookup.ts'
import { INFO_HASH, ip, LookupNet, settle } from './lookup-world.fixture.ts'

const ROUTER = ip('203.0.113.1', 6_881)
const never = () => new AbortController().signal

/** A DHT of a dozen nodes, where three relays and one that is none have announced themselves. */
async function smallDht(): Promise<LookupNet> {
  const net = new LookupNet()
  net.node(ROUTER, {})
  for (let i = 1; i <= 12; i++) net.node(ip(`203.0.${i}.9`), { routers: [ROUTER] })
  const relays = ['ALDER', 'BIRCH', 'cedar'].map((descriptor, i) =>
    net.node(ip(`192.0.${i}.5`), { descriptor, routers: [ROUTER] }),
  )
  const other = net.node(ip('192.0.9.5'), { routers: [ROUTER] })
  await net.clock.advanceAsync(30_000)
  let announced = 0
  for (const node of [...relays, other]) node.announcePeer(INFO_HASH, undefined, () => announced++)
  expect(await net.clock.runUntilAsync(() => announced === 4, 60_000)).toBe(true)
  return net
}

describe('looking for relays in the DHT, from the exit (D-02, W-03)', () => {
  it('asks whoever announced itself for its descriptor', async () => {
    const net = await smallDht()
    const outcome = await settle(net.clock, lookUpByDht(net.world(), ['203.0.113.1:6881'], never()))
    expect(outcome).toEqual({ met: 3, found: 2, answered: true })
    expect(net.learnt.sort()).toEqual(['ALDER', 'BIRCH', 'cedar'])
    expect(net.open).toBe(0)
  })

  it('begins at a router that is known by name alone', async () => {
    const net = await smallDht()
    net.names.set('router.example.net:6881', ROUTER)
    const outcome = await settle(net.clock, lookUpByDht(net.world(), ['router.example.net:6881'], never()))
    expect(outcome.met).toBe(3)
    expect(net.left[0]).toBe('router.example.net:6881')
  })

  it('ends when it is told, though nobody answers, and leaves nothing behind', async () => {
    const net = new LookupNet()
    const over = new AbortController()
    net.clock.after(60_000, () => over.abort())
    const outcome = await settle(
      net.clock,
      lookUpByDht(net.world(), ['203.0.113.1:6881', 'a.example:1'], over.signal),
    )
    expect(outcome).toEqual({ met: 0, found: 0, answered: false })
    expect(net.open).toBe(0)
    expect(net.left.length).toBeLessThan(60)
  })

  it('asks no private address, no low port, and keeps none that is no descriptor', async () => {
    const net = new LookupNet()
    net.node(ROUTER, {})
    const bad = [ip('10.0.0.5'), ip('192.0.2.5', 80), ip('192.0.3.5')].map((address) =>
      net.node(address, { descriptor: '!', routers: [ROUTER] }),
    )
    await net.clock.advanceAsync(30_000)
    let announced = 0
    for (const node of bad) node.announcePeer(INFO_HASH, undefined, () => announced++)
    await net.clock.runUntilAsync(() => announced === 3, 60_000)
    const outcome = await settle(net.clock, lookUpByDht(net.world(), ['203.0.113.1:6881'], never()))
    expect(outcome).toEqual({ met: 0, found: 0, answered: true })
    expect(net.left).toContain('192.0.3.5:7000')
    expect(net.left.filter((to) => to.startsWith('10.'))).toEqual([])
  })
})
