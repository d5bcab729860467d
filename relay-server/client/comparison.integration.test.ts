import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig } from '../config.ts'
import { clock, random, startRelay, type TestRelay } from '../relay.fixture.ts'
import { OverlayClient } from './overlay-client.ts'

const relays: TestRelay[] = []
const counters = new Counters()
let client: OverlayClient | undefined

/** Polls for what only time brings: packets between processes' sockets. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 20))
}

beforeAll(async () => {
  for (let i = 1; i <= 6; i++) {
    const first = relays[0]?.relay.udpAddress
    const exit = i > 4 ? { exit: { enabled: true, allowNetworks: ['127.0.0.0/8'] } } : {}
    relays.push(
      await startRelay(`127.0.93.${i}`, {
        nickname: `relay ${i}`,
        contact: `op${i}@example.org`,
        ...exit,
        ...(first ? { bootstrap: [first] } : {}),
      }),
    )
  }
  await until(() => relays.every(({ relay }) => relay.directory.served().length === relays.length - 1))
}, 60_000)
afterAll(async () => {
  await client?.stop()
  await Promise.all(relays.map(({ relay }) => relay.stop()))
})

describe('a client that compares what real relays tell (D-04, D-06, C-03)', () => {
  it('asks them through circuits, finds them of one mind, and hears what they think of each other', {
    timeout: 60_000,
  }, async () => {
    const config = parseConfig(
      JSON.stringify({
        lab: true,
        bootstrapDefaults: false,
        network: 'test',
        udp: { host: '127.0.93.100' },
        networkPrefixBits: 32,
        bootstrap: [relays[0]?.relay.udpAddress],
      }),
      'test',
    )
    const options = { config, hops: 3, clock, random, aead: nobleAead, counters } as const
    client = await OverlayClient.start({ ...options, minRelays: 6, comparison: { firstMs: 500 } })
    const { network } = client
    await until(() => network.status().comparison.asked >= 4 && !network.status().comparison.running)
    expect(network.status().comparison).toMatchObject({ hidden: 0, unconfirmed: 0 })
    const views = network.relayViews()
    expect(views.map(({ descriptor }) => descriptor?.contact).sort()).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => `op${n}@example.org`),
    )
    expect(views.every(({ confirmedBy }) => confirmedBy >= 2)).toBe(true)
    // Relays answer from loopback, which the lab allows: all five checks passed.
    const judged = views.filter(({ verdict }) => verdict.by === 'others')
    expect(judged.length).toBeGreaterThanOrEqual(3)
    expect(judged.every(({ verdict }) => verdict.checks.proof === true && verdict.voices >= 3)).toBe(true)
    const exits = views.filter(({ relay }) => relay.exit === 'stream')
    expect(exits.map(({ descriptor }) => descriptor?.exit?.refusedTcpPorts.length)).toEqual([4, 4])
    expect(network.status().primary?.path).toHaveLength(3)
  })
})
