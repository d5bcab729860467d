import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { decodePoint, encodePoint } from '../ipv8-dht/introduction-point.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage, encodeMessage } from '../onion/messages.ts'
import { PREFIX } from '../onion/onion.fixture.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { HIDDEN_RELAY_LIMITS } from './constants.ts'
import { HiddenRelay } from './hidden-relay.ts'

const KEY = new Uint8Array(20).fill(4)
const OWN = addressOf('198.51.100.1', 7000) as IpAddress
const random = new SeededRandom(5)
const key = () => KeyPair.generate(random).publicKey.bytes
const at = (host: string) => addressOf(host, 7000) as IpAddress

function point(host: string, seederKey = key(), nodeKey = key()) {
  return { address: at(host), lastSeen: 1, nodeKey, seederKey }
}

/** A relay's services over a DHT that the test answers for. */
function relay(limits = {}) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const publicKey = KeyPair.generate(random).publicKey
  const searches: { values: Uint8Array[]; done: () => void }[] = []
  const stores: { target: Uint8Array; data: Uint8Array; done: (stored: number) => void }[] = []
  let isUp = true
  const node = {
    find: (_target: Uint8Array, done: () => void) => {
      const search = { values: [] as Uint8Array[], done }
      searches.push(search)
      return { values: () => search.values.map((data) => ({ data, publicKey: undefined })) }
    },
    store: (target: Uint8Array, data: Uint8Array, done: (stored: number) => void) => {
      stores.push({ target, data, done })
      return true
    },
  }
  const hidden = new HiddenRelay({
    ...{ publicKey, prefix: PREFIX, clock, random, counters, limits },
    addresses: () => [OWN],
    join: () => true,
    dht: {
      node: () => (isUp ? node : undefined),
      mayReach: ({ host }) => !host.startsWith('10.'),
    },
  })
  return {
    ...{ clock, counters, publicKey, searches, stores, hidden },
    take: (up: boolean) => {
      isUp = up
    },
  }
}

/** A circuit that ends there, and what its owner is answered. */
function circuit() {
  const answers: string[][] = []
  const sent: number[] = []
  const made = {
    alive: true,
    maxAgeMs: 0,
    reply: (message: Uint8Array) => {
      sent.push(message[0] as number)
      if (message[0] !== MESSAGE.peersResponse) return
      const { peers } = decodeMessage(MESSAGE.peersResponse, message)
      answers.push(peers.map(({ address, source }) => `${address.host} ${source}`))
    },
    sendDatagram: () => undefined,
  } as unknown as RelayCircuit
  return { made, answers, sent }
}

function ask(
  { hidden }: ReturnType<typeof relay>,
  { made }: ReturnType<typeof circuit>,
  lookupKey = KEY,
): void {
  const message = encodeMessage(MESSAGE.peersRequest, { identifier: 3, infoHash: lookupKey })
  hidden.message(made, MESSAGE.peersRequest, message, 0, message.length)
}

function introduce(
  { hidden }: ReturnType<typeof relay>,
  { made }: ReturnType<typeof circuit>,
  seederKey = key(),
) {
  const message = encodeMessage(MESSAGE.establishIntro, { identifier: 1, infoHash: KEY, seederKey })
  hidden.message(made, MESSAGE.establishIntro, message, 0, message.length)
  return seederKey
}

describe('hidden swarms in IPv8’s DHT (issue 3: hidden seeding)', () => {
  it('tells an owner what is introduced here and what is found there, at once from then on', () => {
    const world = relay()
    introduce(world, circuit())
    const owner = circuit()
    ask(world, owner)
    expect(owner.answers).toEqual([])
    const [search] = world.searches
    search?.values.push(encodePoint(point('203.0.113.1')), encodePoint(point('203.0.113.2')))
    search?.done()
    const [answer] = owner.answers
    expect(answer?.toSorted()).toEqual(['198.51.100.1 2', '203.0.113.1 1', '203.0.113.2 1'])
    ask(world, owner)
    expect(owner.answers.length).toBe(2)
    expect(world.searches.length).toBe(1)
    world.clock.advance(HIDDEN_RELAY_LIMITS.dhtFreshMs)
    ask(world, owner)
    expect(world.searches.length).toBe(2)
  })

  it('does not keep an owner waiting: what was found so far goes after 1.5 s, the rest to the next', () => {
    const world = relay()
    const [owner, next] = [circuit(), circuit()]
    ask(world, owner)
    world.searches[0]?.values.push(encodePoint(point('203.0.113.1')))
    world.clock.advance(HIDDEN_RELAY_LIMITS.askMs)
    expect(owner.answers).toEqual([['203.0.113.1 1']])
    world.searches[0]?.values.push(encodePoint(point('203.0.113.2')))
    ask(world, next)
    world.searches[0]?.done()
    expect(next.answers[0]?.toSorted()).toEqual(['203.0.113.1 1', '203.0.113.2 1'])
    expect(owner.answers.length).toBe(1)
    expect(world.searches.length).toBe(1)
  })

  it('answers at once where the DHT is not there', () => {
    const world = relay()
    world.take(false)
    const owner = circuit()
    ask(world, owner)
    expect(owner.answers).toEqual([[]])
  })

  it('believes no point that may not be reached, that is no point, or that is this relay itself', () => {
    const world = relay()
    const owner = circuit()
    ask(world, owner)
    const values = [
      encodePoint(point('10.0.0.1')),
      encodePoint(point('224.0.0.1')),
      Uint8Array.of(1, 2, 3),
      encodePoint(point('198.51.100.1', key(), world.publicKey.bytes)),
      encodePoint(point('203.0.113.9')),
    ]
    world.searches[0]?.values.push(...values)
    world.searches[0]?.done()
    expect(owner.answers).toEqual([['203.0.113.9 1']])
    expect(world.counters.get('hidden-dht-unreachable')).toBe(2)
    expect(world.counters.get('hidden-dht-malformed')).toBe(1)
  })

  it('tells seven at most, of both kinds where there are many', () => {
    const world = relay()
    for (let i = 0; i < 9; i++) introduce(world, circuit())
    const owner = circuit()
    ask(world, owner)
    for (let i = 0; i < 20; i++) world.searches[0]?.values.push(encodePoint(point(`203.0.113.${i + 1}`)))
    world.searches[0]?.done()
    const [answer] = owner.answers
    expect(answer?.length).toBe(7)
    for (const source of [' 1', ' 2']) {
      expect(answer?.filter((each) => each.endsWith(source)).length).toBeGreaterThanOrEqual(3)
    }
  })

  it('tells one point of a seeder, and not always the same', () => {
    const world = relay()
    const seederKey = introduce(world, circuit())
    const sources = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const owner = circuit()
      ask(world, owner)
      if (i === 0) {
        world.searches[0]?.values.push(encodePoint(point('203.0.113.1', seederKey)))
        world.searches[0]?.done()
      }
      expect(owner.answers[0]?.length).toBe(1)
      sources.add(owner.answers[0]?.[0])
    }
    expect([...sources].toSorted()).toEqual(['198.51.100.1 2', '203.0.113.1 1'])
  })

  it('looks up only so often for one circuit, and for all', () => {
    const world = relay()
    const owner = circuit()
    for (let i = 0; i < 10; i++) ask(world, owner, new Uint8Array(20).fill(100 + i))
    expect(world.searches.length).toBe(HIDDEN_RELAY_LIMITS.dhtBurstOfCircuit)
    expect(owner.answers.length).toBe(10 - HIDDEN_RELAY_LIMITS.dhtBurstOfCircuit)
    for (let i = 0; i < 50; i++) ask(world, circuit(), new Uint8Array(20).fill(150 + i))
    expect(world.searches.length).toBe(HIDDEN_RELAY_LIMITS.dhtBurst)
    expect(world.counters.get('hidden-dht-limited')).toBe(60 - HIDDEN_RELAY_LIMITS.dhtBurst)
  })

  it('asks the DHT for nobody who did not come through a circuit', () => {
    const world = relay()
    const packet = new Uint8Array(1_300)
    const body = encodeMessage(MESSAGE.peersRequest, { identifier: 3, infoHash: KEY })
    packet.set(PREFIX)
    packet.set(body, PREFIX.length)
    const link = { kind: 'udp', address: at('203.0.113.3'), send: () => undefined }
    world.hidden.packet(link as never, packet)
    expect(world.searches).toEqual([])
  })

  it('stores who is introduced here, again each half hour, and no more when the circuit has ended', () => {
    const world = relay()
    const seeder = circuit()
    const seederKey = introduce(world, seeder)
    const [first] = world.stores
    expect(first?.target).toEqual(KEY)
    const stored = decodePoint(first?.data ?? new Uint8Array())
    expect(stored).toEqual({
      address: OWN,
      lastSeen: Math.floor(world.clock.wall() / 1_000),
      nodeKey: world.publicKey.bytes,
      seederKey,
    })
    first?.done(8)
    // Said twice, stored once.
    introduce(world, seeder, seederKey)
    world.clock.advance(HIDDEN_RELAY_LIMITS.publishMs - 1)
    expect(world.stores.length).toBe(1)
    world.clock.advance(1)
    expect(world.stores.length).toBe(2)
    expect(toHex(world.stores[1]?.data ?? new Uint8Array())).not.toBe(toHex(first?.data ?? new Uint8Array()))
    seeder.made.alive = false
    world.hidden.ended(seeder.made)
    world.stores[1]?.done(8)
    world.clock.advance(10 * HIDDEN_RELAY_LIMITS.publishMs)
    expect(world.stores.length).toBe(2)
  })

  it('tries again soon where nobody took it', () => {
    const world = relay()
    world.take(false)
    introduce(world, circuit())
    world.clock.advance(HIDDEN_RELAY_LIMITS.publishSoonMs)
    expect(world.stores).toEqual([])
    world.take(true)
    world.clock.advance(HIDDEN_RELAY_LIMITS.publishSoonMs)
    world.stores[0]?.done(0)
    world.clock.advance(HIDDEN_RELAY_LIMITS.publishSoonMs)
    expect(world.stores.length).toBe(2)
  })
})
