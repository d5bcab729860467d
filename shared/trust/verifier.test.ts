import { describe, expect, it } from 'vitest'
import { type IpAddress, sameAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { readDescriptor } from '../directory/descriptor.fixture.ts'
import { signDescriptor } from '../directory/descriptor.ts'
import { PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { Counters } from '../world/counters.ts'
import { CheckRules } from './checks.ts'
import type { VerifierSettings } from './constants.ts'
import { RequestLimit } from './request-limit.ts'
import { answering, type House, ip, keyPairOf, NETWORK, Town } from './town.fixture.ts'
import { TrustBook } from './trust-book.ts'
import type { VerificationResult } from './verification.ts'
import { Verifier } from './verifier.ts'

const HOUR = 3_600_000

/** What a relay signs: that `address` is its own. */
function descriptorOf(town: Town, n: number, address: IpAddress) {
  const nowMs = town.clock.wall()
  const fields = {
    nickname: '',
    flags: 1,
    family: new Uint8Array(),
    udp: address,
    websocket: undefined,
    bandwidth: 0,
    published: Math.floor(nowMs / 1000),
    lifetime: 86_400,
  }
  return readDescriptor(signDescriptor(fields, keyPairOf(n), NETWORK), NETWORK, nowMs)
}

/** A town with a node that verifies. */
function verifying(
  town = new Town(),
  settings: Partial<VerifierSettings> = {},
  allowNetworks: readonly string[] = [],
) {
  const us = town.house(0)
  const counters = new Counters()
  const book = new TrustBook({ clock: town.clock })
  const rules = new CheckRules({ allowNetworks })
  const results: VerificationResult[] = []
  const asked: string[] = []
  const verifier = new Verifier({
    clock: town.clock,
    random: new SeededRandom(31),
    counters,
    book,
    rules,
    proofs: us.proofs,
    linkTo: (address) => {
      asked.push(address.host)
      return us.linkTo(address)
    },
    limit: new RequestLimit(town.clock, { perPort: (address) => rules.isLab(address) }),
    onResult: (result) => results.push(result),
    settings,
  })
  verifier.start()
  const claim = (n: number, address: IpAddress) => ({ address, descriptor: descriptorOf(town, n, address) })
  const at = (house: House, n: number) => claim(n, house.address)
  return { town, us, counters, book, results, asked, verifier, claim, at }
}

describe('verification of candidates (D-06)', () => {
  it('proves an honest relay in one round, and uses the result again', () => {
    const { town, verifier, at, results, book } = verifying()
    const relay = town.house(1)
    const told: VerificationResult[] = []
    expect(verifier.add(at(relay, 1), (result) => told.push(result))).toBe('queued')
    expect(verifier.add(at(relay, 1), (result) => told.push(result))).toBe('running')
    town.clock.advance(100)
    expect(results).toMatchObject([{ outcome: 'proved', ms: 40, score: 1, class: 'high', proven: true }])
    expect([relay.address, ip('11.0.9.9')].map((each) => verifier.isHome(each))).toEqual([true, false])
    expect(told).toEqual([results[0], results[0]])
    expect(book.verdict(relay.keyPair.publicKey.mid).standing).toBe('trusted')
    expect(verifier.add(at(relay, 1), (result) => told.push(result))).toBe('fresh')
    expect(verifier.add({ address: relay.address })).toBe('fresh')
    expect(told.length).toBe(3)
    expect(relay.received.length).toBe(1)
    expect(verifier.statistics).toEqual({
      attempted: 1,
      successful: 1,
      spies: 0,
      waiting: 0,
      running: 0,
      cached: 1,
      cacheHits: 2,
    })
  })

  it('finds the key of an address of which nothing else is known', () => {
    const { town, verifier, results, book } = verifying()
    const relay = town.house(1)
    verifier.add({ address: relay.address })
    town.clock.advance(100)
    expect(results.map(({ proven, key }) => [proven, key?.bytes])).toEqual([
      [true, relay.keyPair.publicKey.bytes],
    ])
    expect(book.verdict(relay.keyPair.publicKey.mid).standing).toBe('trusted')
  })

  it('asks a silent one three times within the minute, and calls it medium, not proven', () => {
    const { town, verifier, results, book, at } = verifying()
    const relay = town.house(1)
    relay.instead = () => {}
    verifier.add(at(relay, 1))
    town.clock.advance(60_000)
    expect(results).toMatchObject([{ outcome: 'silent', score: 0.6, class: 'medium', proven: false }])
    expect(relay.received.length).toBe(6)
    expect(book.verdict(keyPairOf(1).publicKey.mid)).toMatchObject({ standing: 'unproven' })
    expect(book.verdict(keyPairOf(1).publicKey.mid).reasons).toEqual(
      expect.arrayContaining(['no-answer', 'no-proof']),
    )
  })

  it('ends after 60 s as it stands', () => {
    const { town, verifier, results, at } = verifying(new Town(), { attempts: 10 })
    const relay = town.house(1)
    relay.instead = () => {}
    verifier.add(at(relay, 1))
    town.clock.advance(59_999)
    expect(results).toEqual([])
    town.clock.advance(1)
    expect(results).toMatchObject([{ outcome: 'silent' }])
    expect(verifier.statistics.running).toBe(0)
  })

  it('asks nobody at an address that is not public; with a port besides that is a spy, and it is remembered', () => {
    const { town, verifier, results, asked, claim, book } = verifying()
    verifier.add(claim(1, ip('192.168.1.1')))
    verifier.add(claim(2, ip('10.0.0.1', 80)))
    verifier.add({ address: ip('127.0.0.1', 22), key: keyPairOf(3).publicKey })
    town.clock.advance(60_000)
    expect(asked).toEqual([])
    expect(results.slice(0, 3).map(({ outcome, score, class: of }) => [outcome, score, of])).toEqual([
      ['unreachable', 0.4, 'low'],
      ['unreachable', 0.2, 'spy'],
      ['unreachable', 0.2, 'spy'],
    ])
    const { mid } = keyPairOf(2).publicKey
    expect(book.isBlocked(mid) && book.isBlocked(ip('10.0.0.1', 80))).toBe(true)
    // Whoever named key 3 and an address of a spy together has said nothing against the key.
    expect(book.isBlocked(keyPairOf(3).publicKey.mid)).toBe(false)
    town.clock.advance(48 * HOUR)
    expect(verifier.add(claim(2, ip('11.0.2.1')))).toBe('blocked')
    expect(verifier.add({ address: ip('10.0.0.1', 80) })).not.toBe('queued')
    expect(verifier.statistics.spies).toBe(2)
  })

  it('makes no spy of a bare address, and asks nothing of other services on low ports', () => {
    const { town, verifier, results, asked, claim, book } = verifying()
    verifier.add({ address: ip('11.0.7.1', 53) })
    verifier.add({ address: ip('192.168.1.1', 53) })
    verifier.add({ address: ip('11.0.8.1') })
    town.house(1, { address: ip('11.0.1.1', 443) })
    verifier.add(claim(1, ip('11.0.1.1', 443)))
    town.clock.advance(60_000)
    expect(asked.includes('11.0.7.1') || asked.includes('192.168.1.1')).toBe(false)
    const found = new Map(results.map(({ candidate, ...result }) => [candidate.address.host, result]))
    expect(found.get('11.0.7.1')).toMatchObject({ outcome: 'unreachable', class: 'unchecked', proven: false })
    expect(found.get('192.168.1.1')).toMatchObject({ outcome: 'unreachable', class: 'unchecked' })
    expect(found.get('11.0.8.1')).toMatchObject({ outcome: 'silent', class: 'unchecked', score: 0.4 })
    // A relay on a low port that signs for it lacks one check of five, and no more.
    expect(found.get('11.0.1.1')).toMatchObject({
      outcome: 'proved',
      class: 'high',
      score: 0.8,
      proven: true,
    })
    expect(verifier.statistics.spies).toBe(0)
    expect(book.isBlocked(ip('192.168.1.1', 53))).toBe(false)
  })

  it('takes a lab for the Internet where it is told to', () => {
    const { town, verifier, results } = verifying(new Town(), {}, ['127.0.0.0/8'])
    for (let n = 1; n <= 30; n++) {
      town.house(n, { address: ip('127.0.0.1', 7_000 + n) })
      verifier.add({ address: ip('127.0.0.1', 7_000 + n) })
    }
    town.clock.advance(5_000)
    expect(results.filter(({ proven }) => proven).length).toBe(30)
  })
})

describe('relays that lie to the verifier (D-06)', () => {
  it('are not proven, whatever they try; only their own keys pay for it', () => {
    const town = new Town((_from, to) => ({ delayMs: to.host === '11.0.4.1' ? 5_200 : 20 }))
    const { us, verifier, results, at, claim, book } = verifying(town)
    const honest = town.house(1)
    // 2 claims the address of 1; 3 hands our question on to 1; 4 answers late; 5 answers with the key of 6; 7 signs nonsense.
    verifier.add(claim(2, honest.address))
    const middleman = town.house(3)
    middleman.instead = (from, packet) => {
      const to = sameAddress(from, honest.address) ? us.address : honest.address
      middleman.linkTo(to).send(packet, 0)
    }
    verifier.add({ address: middleman.address, key: honest.keyPair.publicKey })
    verifier.add(at(town.house(4), 4))
    verifier.add(claim(5, town.house(6).address))
    const nonsense = town.house(7)
    answering(nonsense, (honest) => ({ ...honest, signature: new Uint8Array(64) }))
    verifier.add(at(nonsense, 7))
    verifier.add(at(honest, 1))
    town.clock.advance(60_000)
    const outcomes = new Map(results.map((result) => [result.candidate, result]))
    expect(outcomes.size).toBeGreaterThanOrEqual(6)
    const of = (n: number) => book.verdict(keyPairOf(n).publicKey.mid)
    expect(of(1)).toMatchObject({ standing: 'trusted', score: 1 })
    expect(of(2)).toMatchObject({ standing: 'unproven', checks: { answer: true, proof: false } })
    expect(of(3).by).toBeUndefined()
    expect(of(4)).toMatchObject({ score: 0.8, checks: { answer: false, proof: true } })
    expect(of(5)).toMatchObject({ standing: 'unproven', checks: { proof: false } })
    expect(of(7).standing).not.toBe('trusted')
    expect(new Set(results.filter(({ proven }) => proven).map(({ key }) => key && toHex(key.mid)))).toEqual(
      new Set([1, 4, 6].map((n) => toHex(keyPairOf(n).publicKey.mid))),
    )
  })

  it('who claims the address of another does not keep that one from being proven', () => {
    const { town, verifier, at, claim, results, book } = verifying()
    const honest = town.house(1)
    verifier.add(claim(2, honest.address))
    town.clock.advance(1_000)
    expect(results.map(({ proven, outcome, key }) => [proven, outcome, key?.bytes])).toEqual([
      [false, 'wrong-key', honest.keyPair.publicKey.bytes],
      [true, 'proved', honest.keyPair.publicKey.bytes],
    ])
    expect(book.verdict(honest.keyPair.publicKey.mid).standing).toBe('trusted')
    expect(book.verdict(keyPairOf(2).publicKey.mid).standing).toBe('unproven')
    expect(verifier.add(at(honest, 1))).toBe('fresh')
  })

  it('a key that anybody can sign for proves nothing', () => {
    const { town, verifier, results } = verifying()
    const bytes = Uint8Array.from(keyPairOf(1).publicKey.bytes)
    bytes.fill(0, 42)
    bytes[42] = 1
    const relay = town.house(1)
    verifier.add({ address: relay.address, key: PublicKey.parse(bytes) })
    town.clock.advance(1_000)
    expect(results[0]).toMatchObject({
      outcome: 'wrong-key',
      proven: false,
      checks: { key: false, proof: false },
    })
  })
})

describe('verification over time (D-06, D-08)', () => {
  it('looks at proven relays anew, each few hours and not all at once', () => {
    const { town, verifier, at, results } = verifying()
    const relays = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => town.house(n))
    for (const [i, relay] of relays.entries()) verifier.add(at(relay, i + 1))
    town.clock.advance(2.9 * HOUR)
    expect(results.length).toBe(8)
    const times: number[] = []
    for (let minute = 0; minute < 72; minute++) {
      const before = results.length
      town.clock.advance(60_000)
      if (results.length > before) times.push(minute)
    }
    expect(results.length).toBe(16)
    expect(times.length).toBeGreaterThan(4)
    expect(results.every(({ proven }) => proven)).toBe(true)
  })

  it('notices that a relay has gone, looks for it ever more seldom, and lets it be', () => {
    const { town, verifier, at, results, book } = verifying()
    const relay = town.house(1)
    verifier.add(at(relay, 1))
    town.clock.advance(HOUR)
    relay.socket.close()
    town.clock.advance(4 * HOUR)
    expect(results.at(-1)).toMatchObject({ proven: false, outcome: 'silent' })
    expect(book.verdict(relay.keyPair.publicKey.mid)).toMatchObject({ standing: 'unproven' })
    town.clock.advance(20 * HOUR)
    const count = results.length
    expect(count).toBeLessThan(12)
    town.clock.advance(48 * HOUR)
    expect(results.length).toBe(count)
    expect(verifier.statistics.cached).toBe(0)
  })

  it('follows a relay that has moved, and does not hold its old address against it', () => {
    const { town, verifier, at, claim, book } = verifying()
    const old = town.house(1)
    verifier.add(at(old, 1))
    town.clock.advance(HOUR)
    old.socket.close()
    const moved = ip('12.0.0.1')
    town.house(1, { address: moved })
    verifier.add(claim(1, moved))
    town.clock.advance(20 * HOUR)
    expect(book.verdict(old.keyPair.publicKey.mid)).toMatchObject({ standing: 'trusted', score: 1 })
    expect(verifier.statistics.cached).toBe(1)
  })

  it('leaves a silent candidate alone for a minute, then longer', () => {
    const { town, verifier } = verifying(new Town(), { attempts: 1 })
    const candidate = { address: ip('11.0.9.1') }
    const again = () => {
      let waited = 0
      while (verifier.add(candidate) !== 'queued') {
        town.clock.advance(5_000)
        waited += 5
      }
      return waited
    }
    expect(again()).toBe(0)
    const waits = [again(), again(), again()]
    expect(waits[0]).toBeGreaterThan(45)
    expect(waits[1]).toBeGreaterThan(90)
    expect(waits[2]).toBeGreaterThan(180)
  })

  it('begins only when started, and tells nothing after the end', () => {
    const { town, verifier, at, results } = verifying()
    const relay = town.house(1)
    verifier.stop()
    verifier.add(at(relay, 1))
    town.clock.advance(1_000)
    expect(relay.received).toEqual([])
    verifier.start()
    town.clock.advance(10)
    verifier.stop()
    town.clock.advance(60_000)
    expect(results).toEqual([])
    expect(town.clock.idle).toBe(true)
  })
})

describe('floods of candidates (D-07)', () => {
  it('one machine is asked ten times a minute at most, however many ports are named', () => {
    const { town, verifier, counters } = verifying(new Town(), { attempts: 1 })
    let packets = 0
    const victim = ip('11.0.5.1')
    for (let port = 1_024; port < 1_324; port++) {
      town.network.bind({ ...victim, port }, () => packets++)
      verifier.add({ address: { ...victim, port } })
    }
    town.clock.advance(59_000)
    expect(packets).toBeLessThanOrEqual(20)
    expect(counters.get('verifier-limited')).toBe(290)
  })

  it('tells eight at most of those who wait for one address, and the others at once that they wait in vain', () => {
    const { town, verifier } = verifying()
    const relay = town.house(1)
    let told = 0
    const outcomes = Array.from({ length: 20 }, () => verifier.add({ address: relay.address }, () => told++))
    expect(outcomes).toEqual(['queued', ...Array(7).fill('running'), ...Array(12).fill('full')])
    town.clock.advance(1_000)
    expect(told).toBe(8)
  })

  it('bounds what waits and what runs, in all and for each network', () => {
    const { town, verifier, counters } = verifying(new Town(), {
      maxWaiting: 100,
      maxWaitingPerNetwork: 5,
      concurrency: 4,
      concurrencyPerNetwork: 1,
    })
    const outcomes = new Map<string, number>()
    for (let i = 0; i < 3_000; i++) {
      const network = i % 3 === 0 ? 1 : 2 + (i >> 4)
      const outcome = verifier.add({ address: ip(`11.${network >> 8}.${network & 255}.${1 + (i & 63)}`) })
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      const { waiting, running } = verifier.statistics
      expect(waiting).toBeLessThanOrEqual(100)
      expect(running).toBeLessThanOrEqual(4)
    }
    expect(outcomes.get('full')).toBeGreaterThan(2_000)
    expect(counters.get('verifier-full')).toBe(outcomes.get('full'))
    town.clock.advance(3_600_000)
    expect(verifier.statistics).toMatchObject({ waiting: 0, running: 0 })
  })

  it('a crowd of silent ones does not keep an honest one from its turn for long', () => {
    const { town, verifier, at, results } = verifying()
    for (let i = 0; i < 16; i++) verifier.add({ address: ip(`11.9.9.${i + 1}`) })
    const relay = town.house(1)
    verifier.add(at(relay, 1))
    town.clock.advance(100)
    expect(results.map(({ proven, key }) => [proven, key?.bytes])).toEqual([
      [true, relay.keyPair.publicKey.bytes],
    ])
  })
})
