import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { nobleAead } from '../../shared/crypto/noble-aead.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig } from '../config.ts'
import { clock, random, startRelay, type TestRelay } from '../relay.fixture.ts'
import { OverlayClient, type OverlayClientOptions } from './overlay-client.ts'
import { probe, whyNone } from './probe.ts'

const relays: TestRelay[] = []
const folder = mkdtempSync(join(tmpdir(), 'culvert-client-'))

beforeAll(async () => {
  for (let i = 1; i <= 5; i++) {
    const first = relays[0]?.relay.udpAddress
    const config = {
      nickname: `relay ${i}`,
      ...(i > 3 ? { exit: { enabled: true, allowNetworks: ['127.0.0.0/8'] } } : {}),
      ...(first ? { bootstrap: [first] } : {}),
    }
    relays.push(await startRelay(`127.0.91.${i}`, config))
  }
})
afterAll(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()))
  rmSync(folder, { recursive: true })
})

function configOf(more: object = {}) {
  return parseConfig(
    JSON.stringify({
      lab: true,
      bootstrapDefaults: false,
      network: 'test',
      udp: { host: '127.0.91.100' },
      networkPrefixBits: 32,
      bootstrap: [relays[0]?.relay.udpAddress],
      state: mkdtempSync(join(folder, 'state-')),
      ...more,
    }),
    'test',
  )
}

/** Polls for what only time brings: packets between processes' sockets. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function started(more: Partial<OverlayClientOptions> = {}) {
  const counters = new Counters()
  const options = { config: configOf(), hops: 3, clock, random, aead: nobleAead, counters } as const
  return OverlayClient.start({ ...options, ...more })
}

describe('a client of the overlay over UDP (C-01, C-03, N-12)', () => {
  it('joins, builds three hops and measures them', { timeout: 30_000 }, async () => {
    const words = await probe(configOf(), 3)
    expect(words[1]).toMatch(/^circuit of 3 hops ready after \d+ ms$/)
    expect(words.slice(2, 5).every((line) => /relay \d, \d+ ms$/.test(line))).toBe(true)
    expect(words[4]).toMatch(/relay [45],/)
    expect(words[5]).toMatch(/^speed test: \d+\.\d+ MB\/s/)
    expect(words.join()).not.toContain('127.0')
  })

  it('enters through the same guards in the next run (C-05)', { timeout: 60_000 }, async () => {
    const config = configOf()
    const kept = () => readFileSync(join(config.state, 'guards.test'))
    await probe(config, 3)
    const first = kept()
    expect(first.length).toBeGreaterThan(2)
    await probe(config, 3)
    // Behind version and number: with the date until when each serves, which is drawn when it is sampled.
    expect(kept().subarray(2, first.length)).toEqual(first.subarray(2))
  })

  it('goes through peers that it knows from its walk alone', { timeout: 30_000 }, async () => {
    // Of another network by name: to this client none of their descriptors is worth anything.
    const words = await probe(configOf({ network: 'other' }), 2)
    expect(words.slice(2, 4).every((line) => line.includes('stock IPv8 peer'))).toBe(true)
  })

  it.each([
    ['20 relays, so that few cannot be all', { lab: false }, 20],
    ['three in a lab', {}, 3],
    ['as many as the operator says', { minRelays: 7 }, 7],
  ])('waits for %s (N-07)', async (_, more, expected) => {
    const client = await started({ config: configOf(more) })
    expect(client.network.status().minRelays).toBe(expected)
    await client.stop()
  })

  it('says for what it waited in vain', () => {
    expect(whyNone({ relays: 0, minRelays: 3, problem: 'no-relay' })).toBe('no relay is known')
    expect(whyNone({ relays: 5, minRelays: 20, problem: undefined })).toContain('5 of the 20 relays')
    expect(whyNone({ relays: 20, minRelays: 20, problem: undefined })).toBe('none was ready in time')
  })

  it('knows the systems of relays and of stock peers by the table', { timeout: 30_000 }, async () => {
    const geo: Geo = {
      lookup: ({ host }) => ({ as: 64_500 + Number(host.split('.')[3]) }),
      centre: () => undefined,
    }
    for (const network of ['test', 'other']) {
      const client = await started({ config: configOf({ network }), geo })
      const known = client.network
      const those = () => known.relays().filter(({ culvert }) => culvert === (network === 'test'))
      await until(() => those().length >= 3)
      for (const { as, address } of known.relays()) expect(as).toBe(geo.lookup(address as IpAddress)?.as)
      await client.stop()
    }
  })

  it('reads the table that the configuration names before it begins', async () => {
    const config = configOf({ geo: { table: '/nowhere/geo.bin' } })
    await expect(probe(config, 3)).rejects.toMatchObject({ code: 'geo-file-missing' })
  })
})
