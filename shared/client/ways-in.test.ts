import { describe, expect, it } from 'vitest'
import { Directory } from '../directory/directory.ts'
import { descriptorOf, keyOf, NETWORK, NOW_MS } from '../directory/relays.fixture.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY } from '../ipv8/constants.ts'
import type { Link } from '../link/link.ts'
import { GUARDS } from '../path/constants.ts'
import { Reliability } from '../path/reliability.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { EntryAddresses } from './entry-addresses.ts'
import { describedRelay } from './path-relays.ts'
import { WaysIn } from './ways-in.ts'

const EXITS = 3

function fakeLink(): Link {
  const address = { kind: 'ipv4', host: '198.51.100.1', port: 1 } as const
  return { kind: 'simulated', mtu: 1_500, address, open: true, send: () => {}, close: () => {} }
}

/** Ways into a network of a dozen relays that let pages in, three of them exits, none of which can be reached. */
function ways() {
  const clock = new VirtualClock(NOW_MS)
  const random = new SeededRandom(2)
  const directory = new Directory({ network: NETWORK, clock, counters: new Counters() })
  for (let i = 0; i < 12; i++) {
    const flags = FLAG_RELAY | (i < EXITS ? FLAG_EXIT_BITTORRENT : 0)
    directory.add(
      descriptorOf(i, { flags, websocket: `wss://relay${i}.example.net/relay`, lifetime: 86_400 }),
    )
  }
  const exits = Array.from({ length: EXITS }, (_, i) => keyOf(i).publicKey)
  const asked: string[] = []
  let kept = 0
  const waysIn = new WaysIn({
    clock,
    random,
    networkBits: { ipv4: 24, ipv6: 48 },
    entries: [],
    guardStore: {
      load: async () => undefined,
      save: async (bytes) => {
        kept = bytes[1] as number
      },
    },
    addresses: new EntryAddresses({ entries: [], directory: () => directory, webrtc: false }),
    openLink: async ({ publicKey, url }) => {
      asked.push(url)
      if (exits.some((exit) => exit.equals(publicKey))) throw new RangeError('shut')
      return fakeLink()
    },
    directory,
    reliability: new Reliability(clock),
    relayOf: (publicKey) => {
      const entry = directory.find(publicKey.mid)
      return entry && describedRelay(entry.descriptor)
    },
    circuitsOf: () => [],
    receive: () => undefined,
    opened: () => undefined,
    linkClosed: () => undefined,
    changed: () => undefined,
  })
  const settle = async (ms: number) => {
    for (let at = 0; at <= ms; at += 1_000) {
      clock.advance(1_000)
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
  }
  return { waysIn, asked, settle, kept: () => kept }
}

describe('ways in (C-05)', () => {
  it('need no further guards because exits cannot be reached for circuits of one hop', async () => {
    const { waysIn, asked, settle, kept } = ways()
    await waysIn.start()
    waysIn.directoryChanged(true)
    await settle(1_000)
    expect(waysIn.guards()).toHaveLength(2)
    expect(waysIn.exits()).toEqual([])
    await settle(2 * GUARDS.growEveryMs)
    expect(new Set(asked).size).toBe(2 + EXITS)
    expect(kept()).toBe(GUARDS.sampled)
    waysIn.stop()
  })
})
