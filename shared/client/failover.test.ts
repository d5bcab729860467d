import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import type { ByteStream } from '../stream/byte-stream.ts'
import { TestNetwork, type TestRelay } from './network.fixture.ts'
import type { PrivateNetwork } from './private-network.ts'

const PEER = addressOf('203.0.113.50', 6881) as IpAddress

async function started() {
  const net = new TestNetwork()
  for (const name of ['e1', 'e2', 'e3', 'm1', 'm2', 'm3', 'm4']) net.relay(name, false, name.startsWith('e'))
  for (const name of ['x1', 'x2', 'x3', 'x4']) net.relay(name, true, false)
  const client = net.client(net.relays[0] as TestRelay, 3)
  client.start()
  await net.clock.advanceAsync(3_000)
  return { net, client, film: film(net, client) }
}

/** What a film does: sends and receives all the time, and connects anew when its connection is lost. */
function film(net: TestNetwork, client: PrivateNetwork) {
  const seen = { lastMs: 0, longestGapMs: 0, lost: 0 }
  let stream: ByteStream
  const connect = () => {
    stream = client.connect(PEER, {
      opened: () => {},
      data: () => {
        const nowMs = net.clock.now()
        seen.longestGapMs = Math.max(seen.longestGapMs, nowMs - (seen.lastMs || nowMs))
        seen.lastMs = nowMs
      },
      drained: () => {},
      ended: () => {},
      closed: () => {
        seen.lost++
        net.clock.after(500, connect)
      },
    })
  }
  connect()
  const play = () => {
    stream.write(new Uint8Array([104, 105]))
    net.clock.after(100, play)
  }
  play()
  return seen
}

const path = (client: PrivateNetwork) => client.status().primary?.path.map((relay) => relay.name) ?? []

describe('a relay that freezes while a film plays (C-04, C-05)', () => {
  it.each([
    ['entry', 0],
    ['middle', 1],
    ['exit', 2],
  ])('is left within 3 s if it is the %s', async (_, hop) => {
    const { net, client, film } = await started()
    await net.clock.advanceAsync(5_000)
    expect(film.longestGapMs).toBeLessThan(300)
    const frozen = net.relays.find(({ name }) => name === path(client)[hop]) as TestRelay
    net.freeze(frozen)
    await net.clock.advanceAsync(3_000)
    expect(path(client)).toHaveLength(3)
    expect(path(client)).not.toContain(frozen.name)
    await net.clock.advanceAsync(1_000)
    expect(film.longestGapMs).toBeLessThan(3_500)
    expect(film.lost).toBe(1)
    // And has a standby again, clear of it, behind another guard than the primary's.
    await net.clock.advanceAsync(30_000)
    const ready = client.pooled().filter(({ circuit }) => circuit.state === 'ready')
    expect(ready).toHaveLength(2)
    expect(new Set(ready.map((member) => member.link)).size).toBe(2)
    for (const member of ready) expect(member.path.map((relay) => relay.name)).not.toContain(frozen.name)
  })

  it('is one guard of two: the other serves, then a third, and the first again once it is back', async () => {
    const { net, client, film } = await started()
    const first = net.relays[0] as TestRelay
    net.freeze(first)
    await net.clock.advanceAsync(60_000)
    expect(film.lost).toBeLessThan(3)
    expect(path(client)).not.toContain('e1')
    expect(new Set(net.opened)).toEqual(new Set(['e1', 'e2', 'e3']))
    net.freeze(first, false)
    await net.clock.advanceAsync(150_000)
    for (let i = 0; i < 2; i++) {
      client.renew()
      await net.clock.advanceAsync(1_000)
    }
    expect(client.pooled().map((member) => member.path[0]?.name)).toContain('e1')
  })
})

describe('a client that waits until it knows enough relays (N-07)', () => {
  it('builds no circuit before, finds no fault with that, and builds then', async () => {
    const net = new TestNetwork()
    for (const name of ['e1', 'm1', 'm2']) net.relay(name)
    net.relay('x1', true)
    const client = net.client(net.relays[0] as TestRelay, 3, { minRelays: 6 })
    client.start()
    await net.clock.advanceAsync(20_000)
    expect(client.status()).toMatchObject({ relays: 4, minRelays: 6, problem: undefined, primary: undefined })
    for (const name of ['x2', 'm3']) net.relay(name, name === 'x2')
    await net.clock.advanceAsync(10_000)
    expect(client.status().relays).toBe(6)
    expect(path(client)).toHaveLength(3)
  })
})
