import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import { encodeMessage } from '../onion/messages.ts'
import { PREFIX, TestLink } from '../onion/onion.fixture.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { HiddenRelay } from './hidden-relay.ts'
import { decodePacket, encodePacket } from './packets.ts'

const OWN = addressOf('198.51.100.1', 7000) as IpAddress

function stage(join = () => true) {
  const clock = new VirtualClock()
  const random = new SeededRandom(8)
  const counters = new Counters()
  const { publicKey } = KeyPair.generate(random)
  const relay = new HiddenRelay({
    publicKey,
    prefix: PREFIX,
    clock,
    random,
    counters,
    addresses: () => [OWN],
    join,
    limits: { introductions: 5, rendezvous: 5, waiting: 3, answersPerSecond: 10, answerBurst: 10 },
  })
  return { clock, random, counters, relay }
}

function circuit() {
  const replies: Uint8Array[] = []
  const datagrams: { origin: IpAddress; data: Uint8Array }[] = []
  const made = {
    alive: true,
    maxAgeMs: 0,
    reply: (message: Uint8Array) => replies.push(message),
    sendDatagram: (origin: IpAddress, data: Uint8Array) => datagrams.push({ origin, data }),
  }
  return { replies, datagrams, circuit: made as unknown as RelayCircuit }
}

const hash = (n: number) => new Uint8Array(20).fill(n)

function establish(relay: HiddenRelay, to: RelayCircuit, seederKey: Uint8Array, infoHash = hash(1)) {
  const message = encodeMessage(MESSAGE.establishIntro, { identifier: 1, infoHash, seederKey })
  relay.message(to, MESSAGE.establishIntro, message, 0, message.length)
}

describe('relays of hidden swarms against hostile owners and strangers (N-11, issue 3)', () => {
  it('bounds introductions through one circuit and in all, and lets nobody take over another’s', () => {
    const { relay, random } = stage()
    const keys = Array.from({ length: 8 }, () => KeyPair.generate(random).publicKey.bytes)
    const [a, b, c] = [circuit(), circuit(), circuit()]
    for (const key of keys) establish(relay, a.circuit, key)
    expect(a.replies).toHaveLength(4)
    for (const key of keys) establish(relay, b.circuit, key)
    expect(b.replies).toHaveLength(1)
    establish(relay, c.circuit, keys[7] as Uint8Array)
    expect(c.replies).toHaveLength(0)
    expect(relay.stats.introductions).toBe(5)
    relay.ended(a.circuit)
    expect(relay.stats.introductions).toBe(1)
    establish(relay, c.circuit, keys[0] as Uint8Array)
    expect(c.replies).toHaveLength(1)
  })

  it('bounds and forgets cookies, links each once, and never to its own circuit', () => {
    const joined: unknown[] = []
    const { relay, clock } = stage((...both: unknown[]) => joined.push(both) > 0)
    const seeders = Array.from({ length: 6 }, circuit)
    const send = (to: RelayCircuit, id: 11 | 15, cookie: Uint8Array) => {
      const message = encodeMessage(id, { identifier: 2, cookie })
      relay.message(to, id, message, 0, message.length)
    }
    seeders.forEach((seeder, n) => {
      send(seeder.circuit, MESSAGE.establishRendezvous, hash(n))
    })
    expect(relay.stats.rendezvous).toBe(5)
    const [first, second] = seeders
    if (!first || !second) throw new RangeError('no circuits')
    send(first.circuit, MESSAGE.linkE2e, hash(0))
    expect(joined).toEqual([])
    send(second.circuit, MESSAGE.establishRendezvous, hash(0))
    const downloader = circuit()
    send(downloader.circuit, MESSAGE.linkE2e, hash(0))
    send(circuit().circuit, MESSAGE.linkE2e, hash(0))
    expect(joined).toEqual([[downloader.circuit, first.circuit]])
    expect(downloader.replies).toHaveLength(1)
    clock.advance(61_000)
    send(downloader.circuit, MESSAGE.linkE2e, hash(1))
    expect(joined).toHaveLength(1)
    expect(relay.stats.rendezvous).toBe(0)
  })

  it('passes on a bounded number of requests to one seeder, and answers no stranger with more than he sent', () => {
    const { relay, random, counters } = stage()
    const seeder = circuit()
    const key = KeyPair.generate(random).publicKey.bytes
    establish(relay, seeder.circuit, key)
    const stranger = new TestLink(addressOf('192.0.2.9', 40_000))
    const create = { identifier: 3, infoHash: hash(1), seederKey: key, dhKey: random.bytes(32) }
    const request = encodePacket(PREFIX, MESSAGE.createE2e, create)
    for (let i = 0; i < 100; i++) relay.packet(stranger, request.slice())
    expect(seeder.datagrams).toHaveLength(10)
    expect(counters.get('hidden-request-limited')).toBe(90)
    const asked = encodePacket(PREFIX, MESSAGE.peersRequest, { identifier: 4, infoHash: hash(1) })
    relay.packet(stranger, asked)
    expect(stranger.take()).toEqual([])
    const padded = new Uint8Array(400)
    padded.set(asked)
    relay.packet(stranger, padded)
    const [answer] = stranger.take()
    if (!answer) throw new RangeError('no answer')
    expect(answer.length).toBeLessThanOrEqual(padded.length)
    expect(decodePacket(PREFIX, MESSAGE.peersResponse, answer).peers[0]?.seederKey).toEqual(key)
    for (let i = 0; i < 100; i++) relay.packet(stranger, padded.slice())
    expect(stranger.take().length).toBeLessThanOrEqual(9)
  })

  it('lets a seeder answer only those who wait, and only with an answer', () => {
    const { relay, random, counters } = stage()
    const seeder = circuit()
    const key = KeyPair.generate(random).publicKey.bytes
    establish(relay, seeder.circuit, key)
    const waiting = Array.from({ length: 4 }, circuit)
    const body = { identifier: 3, infoHash: hash(1), seederKey: key, dhKey: random.bytes(32) }
    for (const each of waiting) {
      expect(relay.datagram(each.circuit, OWN, encodePacket(PREFIX, MESSAGE.createE2e, body))).toBe(true)
    }
    const created = { identifier: 3, dhKey: random.bytes(32), auth: random.bytes(32), rendezvous: hash(7) }
    const answer = encodePacket(PREFIX, MESSAGE.createdE2e, created)
    for (const { origin } of seeder.datagrams) relay.datagram(seeder.circuit, origin, answer)
    relay.datagram(seeder.circuit, addressOf('0.9.9.9', 9) as IpAddress, answer)
    // Three may wait at a time: the oldest gave way.
    expect(waiting.map((each) => each.datagrams.length)).toEqual([0, 1, 1, 1])
    expect(counters.get('hidden-answer-unexpected')).toBe(2)
    const [, second] = seeder.datagrams
    relay.datagram(seeder.circuit, second?.origin as IpAddress, encodePacket(PREFIX, MESSAGE.createE2e, body))
    expect(waiting[1]?.datagrams).toHaveLength(1)
    expect(relay.datagram(seeder.circuit, addressOf('192.0.2.1', 9) as IpAddress, answer)).toBe(false)
  })

  it('lets nobody who floods push out those who wait for an answer', () => {
    const { relay, random } = stage()
    const [seeder, patient, hostile] = [circuit(), circuit(), circuit()]
    const seederKey = KeyPair.generate(random).publicKey.bytes
    establish(relay, seeder.circuit, seederKey)
    const ask = (from: RelayCircuit, key: Uint8Array) => {
      const body = { identifier: 3, infoHash: hash(1), seederKey: key, dhKey: random.bytes(32) }
      relay.datagram(from, OWN, encodePacket(PREFIX, MESSAGE.createE2e, body))
    }
    ask(patient.circuit, seederKey)
    for (let i = 0; i < 8; i++) ask(hostile.circuit, seederKey)
    for (let i = 0; i < 100; i++) ask(hostile.circuit, KeyPair.generate(random).publicKey.bytes)
    const created = { identifier: 3, dhKey: random.bytes(32), auth: random.bytes(32), rendezvous: hash(7) }
    const [asked] = seeder.datagrams
    if (!asked) throw new RangeError('not asked')
    relay.datagram(seeder.circuit, asked.origin, encodePacket(PREFIX, MESSAGE.createdE2e, created))
    expect(patient.datagrams).toHaveLength(1)
  })

  it('answers owners while strangers flood', () => {
    const { relay } = stage()
    const stranger = new TestLink(addressOf('192.0.2.9', 40_000))
    const packet = new Uint8Array(400)
    packet.set(encodePacket(PREFIX, MESSAGE.peersRequest, { identifier: 4, infoHash: hash(1) }))
    for (let i = 0; i < 100; i++) relay.packet(stranger, packet.slice())
    expect(stranger.take()).toHaveLength(10)
    const owner = circuit()
    const message = encodeMessage(MESSAGE.peersRequest, { identifier: 4, infoHash: hash(1) })
    relay.message(owner.circuit, MESSAGE.peersRequest, message, 0, message.length)
    expect(owner.replies).toHaveLength(1)
  })

  it('survives 20,000 mutated packets and messages', () => {
    const { relay, random } = stage()
    const key = KeyPair.generate(random).publicKey.bytes
    const good = [
      encodeMessage(MESSAGE.establishIntro, { identifier: 1, infoHash: hash(1), seederKey: key }),
      encodeMessage(MESSAGE.establishRendezvous, { identifier: 1, cookie: hash(2) }),
      encodeMessage(MESSAGE.linkE2e, { identifier: 1, cookie: hash(2) }),
      encodeMessage(MESSAGE.peersRequest, { identifier: 1, infoHash: hash(1) }),
      encodeMessage(MESSAGE.createE2e, {
        identifier: 1,
        infoHash: hash(1),
        seederKey: key,
        dhKey: random.bytes(32),
      }),
    ]
    const stranger = new TestLink(addressOf('192.0.2.9', 40_000))
    const owners = Array.from({ length: 8 }, circuit)
    const codes = new Set<string>()
    for (let i = 0; i < 20_000; i++) {
      const message = mutated(good[i % good.length] as Uint8Array, random)
      const owner = owners[i % owners.length] as (typeof owners)[0]
      try {
        relay.message(owner.circuit, message[0] ?? 0, message, 0, message.length)
      } catch (error) {
        // The router counts these.
        codes.add((error as { code?: string }).code ?? 'unexpected')
      }
      const packet = Uint8Array.from([...PREFIX, ...message])
      relay.packet(stranger, packet.slice())
      relay.datagram(owner.circuit, OWN, packet)
    }
    for (const code of codes) expect(code).toMatch(/^(codec|cell|key)-/)
    expect(relay.stats.introductions).toBeLessThanOrEqual(5)
    expect(relay.stats.rendezvous).toBeLessThanOrEqual(5)
  })
})

/** Some bytes changed, or an end cut off or added. */
function mutated(message: Uint8Array, random: SeededRandom): Uint8Array {
  const [how = 0, at = 0, value = 0, more = 0] = random.bytes(4)
  const copy = message.slice()
  if (how < 128) copy[at % copy.length] = value
  if (how < 64) copy[(at + more) % copy.length] = more
  if (how > 200) return copy.subarray(0, 1 + (at % copy.length))
  if (how > 180) return Uint8Array.from([...copy, ...random.bytes(1 + (more & 31))])
  return copy
}
