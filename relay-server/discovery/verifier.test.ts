import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Address,
  addressOf,
  formatAddress,
  type IpAddress,
  sameAddress,
} from '../../shared/bytes/address.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { simulatedLinks } from '../../shared/sim/simulated-link.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import type { VerificationResult } from '../../shared/trust/verification.ts'
import { Counters } from '../../shared/world/counters.ts'
import { RelayTrust } from './verifier.ts'

const quiet = { error: () => {}, info: () => {}, debug: () => {} }
const ip = (port: number): IpAddress => addressOf('127.0.0.1', port) as IpAddress

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-trust-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Two relays of a lab, joined by links that are made when needed. */
async function twoRelays(clock: VirtualClock) {
  const random = new SeededRandom(5)
  const ends = new Map<string, Link>()
  const results: VerificationResult[] = []
  const make = (port: number, other: number): RelayTrust =>
    new RelayTrust({
      config: {
        network: 'lab',
        lab: true,
        state: join(folder, String(port)),
        trust: {
          ...{ verify: true, probes: false, threshold: 0.7 },
          ...{ classes: { high: 0.8, medium: 0.5, low: 0.3 }, requestsPerMinute: 10 },
          ...{ attempts: 3, answerSeconds: 5, timeoutSeconds: 60 },
        },
      },
      keyPair: KeyPair.generate(new SeededRandom(port)),
      clock,
      random,
      counters: new Counters(),
      log: quiet,
      allowNetworks: ['127.0.0.0/8'],
      isOwn: (address: Address) => sameAddress(address, ip(port)),
      linkTo: (address: IpAddress) => ends.get(`${port} ${formatAddress(address)} ${other}`),
      onResult: (result) => results.push(result),
    })
  const a = make(7_001, 7_002)
  const b = make(7_002, 7_001)
  const [toB, toA] = simulatedLinks(
    clock,
    random,
    { delayMs: 5 },
    { address: ip(7_001), onPacket: (link, packet) => a.proofs.receive(link, packet) },
    { address: ip(7_002), onPacket: (link, packet) => b.proofs.receive(link, packet) },
  )
  ends.set(`7001 ${formatAddress(ip(7_002))} 7002`, toB)
  ends.set(`7002 ${formatAddress(ip(7_001))} 7001`, toA)
  await a.start()
  await b.start()
  return { a, b, results }
}

describe('a relay’s trust (D-06, D-07, D-09)', () => {
  it('proves a neighbour, and still knows it after a restart', async () => {
    const clock = new VirtualClock()
    const { a, b, results } = await twoRelays(clock)
    expect(a.verifier.add({ address: ip(7_002) })).toBe('queued')
    clock.advance(1_000)
    expect(results).toMatchObject([{ proven: true, score: 1 }])
    const [{ key } = { key: undefined }] = results
    const mid = key?.mid ?? new Uint8Array(20)
    expect(a.book.verdict(mid).standing).toBe('trusted')
    await a.stop()
    await b.stop()
    const { a: again, b: other } = await twoRelays(clock)
    expect(again.book.verdict(mid).standing).toBe('trusted')
    await again.stop()
    await other.stop()
    expect(clock.idle).toBe(true)
  })

  it('gives one stranger ten answers a minute, of proofs and probes together', async () => {
    const { a, b } = await twoRelays(new VirtualClock())
    const answers = Array.from({ length: 12 }, () => a.secirc.answer(ip(9_000), utf8ToBytes('PING')))
    expect(answers.filter(Boolean).length).toBe(10)
    expect(a.secirc.answer(ip(9_001), utf8ToBytes('SECIRC_HANDSHAKE'))).toEqual(
      utf8ToBytes('SECIRC_RESPONSE'),
    )
    await a.stop()
    await b.stop()
  })
})
