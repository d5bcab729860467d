import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../config.ts'
import { startRelay, type TestRelay } from '../relay.fixture.ts'
import { probe } from './probe.ts'

const relays: TestRelay[] = []

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
afterAll(() => Promise.all(relays.map(({ relay }) => relay.stop())))

function configOf(more: object = {}) {
  return parseConfig(
    JSON.stringify({
      lab: true,
      bootstrapDefaults: false,
      network: 'test',
      udp: { host: '127.0.91.100' },
      networkPrefixBits: 32,
      bootstrap: [relays[0]?.relay.udpAddress],
      ...more,
    }),
    'test',
  )
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

  it('goes through peers that it knows from its walk alone', { timeout: 30_000 }, async () => {
    // Of another network by name: to this client none of their descriptors is worth anything.
    const words = await probe(configOf({ network: 'other' }), 2)
    expect(words.slice(2, 4).every((line) => line.includes('stock IPv8 peer'))).toBe(true)
  })
})
