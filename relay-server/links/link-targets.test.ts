import { describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { DirectoryEntry } from '../../shared/directory/directory.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import { formatLinkAddress } from '../../shared/link/link-address.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { parseConfig } from '../config.ts'
import { linkOfCircuit } from './circuit-links.ts'
import { LinkTargets } from './link-targets.ts'

const random = new SeededRandom(3)
const newKey = () => KeyPair.generate(random).publicKey

interface Known {
  readonly key: PublicKey
  readonly proven?: boolean
  readonly standing?: 'trusted' | 'suspect'
  readonly byHand?: 'trusted'
  readonly blocked?: boolean
  readonly tcp?: string
  readonly websocket?: string
}

function targetsOf(known: readonly Known[], firstRing: object[] = []) {
  const of = (mid: Uint8Array) => known.find(({ key }) => toHex(key.mid) === toHex(mid))
  const entryOf = ({ key, proven = false, tcp, websocket }: Known) =>
    ({ descriptor: { publicKey: key, tcp, websocket }, proven }) as unknown as DirectoryEntry
  const found = (mid: Uint8Array) => {
    const one = of(mid)
    return one && entryOf(one)
  }
  return new LinkTargets({
    config: parseConfig(JSON.stringify({ links: { firstRing } }), 'test'),
    directory: { list: () => known.map(entryOf), find: found },
    book: {
      isBlocked: (who) => who instanceof Uint8Array && of(who)?.blocked === true,
      verdict: (mid) => ({ standing: of(mid)?.standing ?? 'unproven', byHand: of(mid)?.byHand }) as never,
    },
  })
}

describe('whom a relay keeps links with (L-05)', () => {
  it('has 10 for the first ring, 8, 6, 4 and 2 for the others, and nothing for who is blocked', () => {
    const ring = { key: newKey(), proven: true, tcp: 'tcp://198.51.100.1:6667' }
    const known: Known[] = [
      ring,
      { key: newKey(), byHand: 'trusted' },
      { key: newKey(), proven: true, standing: 'trusted' },
      { key: newKey() },
      { key: newKey(), proven: true, standing: 'suspect' },
      { key: newKey(), proven: true, blocked: true },
    ]
    const named = [{ key: toHex(ring.key.bytes), addresses: ['wss://ring.example.org/relay'] }]
    const targets = targetsOf(known, named)
    expect(known.map(({ key }) => targets.of(key)?.priority)).toEqual([10, 8, 6, 4, 2, undefined])
    expect(targets.list().map(({ priority }) => priority)).toEqual([10, 8, 6, 4, 2])
    expect(targets.of(newKey())).toBeUndefined()
    // As the operator says first, then as the relay itself does.
    expect(targets.of(ring.key)?.addresses.map(formatLinkAddress)).toEqual([
      'wss://ring.example.org/relay',
      'tcp://198.51.100.1:6667',
    ])
  })

  it('has relays of the first ring before anything else is known of them', () => {
    const key = newKey()
    const targets = targetsOf([], [{ key: toHex(key.bytes), addresses: ['tcp://198.51.100.1:6667'] }])
    expect(targets.list().map(({ publicKey }) => publicKey.equals(key))).toEqual([true])
  })
})

describe('who has a WebSocket URL (L-06)', () => {
  const URL = 'wss://relay.example.org/relay'
  const midsAt = (targets: LinkTargets) => targets.atWebsocket(URL).map(({ mid }) => toHex(mid))

  it('is whom the operator names, whoever claims it besides; a claim gives no priority', () => {
    const [named, claimant] = [newKey(), newKey()]
    const known = [{ key: claimant, proven: true, websocket: URL }]
    const targets = targetsOf(known, [{ key: toHex(named.bytes), addresses: [URL] }])
    expect(midsAt(targets)).toEqual([toHex(named.mid)])
    expect(targets.of(claimant)?.priority).toBe(6)
  })

  it('is any of those who claim it, where the operator names nobody: the proven ones first', () => {
    const [unproven, proven, blocked] = [newKey(), newKey(), newKey()]
    const known = [
      { key: unproven, websocket: URL },
      { key: blocked, websocket: URL, blocked: true },
      { key: proven, proven: true, websocket: URL },
      { key: newKey(), websocket: 'wss://other.example.org/relay' },
    ]
    expect(midsAt(targetsOf(known))).toEqual([proven, unproven].map(({ mid }) => toHex(mid)))
    expect(targetsOf(known).atWebsocket('tcp://198.51.100.1:6667')).toEqual([])
  })
})

describe('the link that a circuit hangs on (L-07)', () => {
  const [neighbour, bare] = ['neighbour', 'udp'].map((kind) => ({ kind }) as unknown as Link) as [Link, Link]
  const knows = (links: readonly Link[]) => (link: Link) => links.includes(link)

  it('is the one that knows it, whichever its cells come over; that one, where both do or none does', () => {
    for (const [came, other] of [
      [neighbour, bare],
      [bare, neighbour],
    ] as const) {
      expect(linkOfCircuit(knows([came]), 1, came, other)).toBe(came)
      expect(linkOfCircuit(knows([other]), 1, came, other)).toBe(other)
      expect(linkOfCircuit(knows([came, other]), 1, came, other)).toBe(came)
      expect(linkOfCircuit(knows([]), 1, came, other)).toBe(came)
      expect(linkOfCircuit(knows([other]), 1, came, undefined)).toBe(came)
    }
  })
})
