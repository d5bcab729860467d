import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from '../bytes/address.ts'
import { decode, encode } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { prefixOf, unsignedPacket } from '../ipv8/packet.ts'
import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import {
  DESCRIPTOR_REQUEST,
  DESCRIPTOR_RESPONSE,
  DIRECTORY_COMMUNITY_ID,
  type ExchangeSettings,
  REQUEST_BYTES,
} from './constants.ts'
import { Directory } from './directory.ts'
import { TestWire } from './exchange.fixture.ts'
import { DirectoryExchange, descriptorRequest, descriptorResponse, SINCE_EVER } from './exchange.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from './relays.fixture.ts'

const prefix = prefixOf(DIRECTORY_COMMUNITY_ID)

/** A node with a directory, and what it sent. */
class Node {
  readonly counters = new Counters()
  readonly directory: Directory
  readonly exchange: DirectoryExchange

  constructor(n: number, clock: VirtualClock, own?: Uint8Array, settings: Partial<ExchangeSettings> = {}) {
    const { counters } = this
    this.directory = new Directory({ network: NETWORK, clock, counters, self: keyOf(n).publicKey })
    const random = new SeededRandom(500 + n)
    const { directory } = this
    this.exchange = new DirectoryExchange({ directory, own: () => own, clock, random, counters, settings })
  }

  get names(): string[] {
    return this.directory.list().map(({ descriptor }) => descriptor.nickname)
  }
}

/** A relay 0 with its own descriptor and `count` others, and an asker; both ends of their link. */
function town(
  count: number,
  asker: { n: number; own?: Uint8Array },
  settings: Partial<ExchangeSettings> = {},
) {
  const clock = new VirtualClock(NOW_MS)
  const relay = new Node(0, clock, descriptorOf(0), settings)
  for (let n = 1; n <= count; n++) relay.directory.add(descriptorOf(n))
  const other = new Node(asker.n, clock, asker.own, settings)
  const toRelay = new TestWire(clock, addressOfRelay(0))
  const toOther = new TestWire(clock, addressOfRelay(asker.n))
  toRelay.deliver = (packet) => relay.exchange.receive(toOther, packet)
  toOther.deliver = (packet) => other.exchange.receive(toRelay, packet)
  const results: [number, boolean][] = []
  const fetch = () => other.exchange.fetchFrom(toRelay, (added, answered) => results.push([added, answered]))
  return { clock, relay, other, toRelay, toOther, results, fetch }
}

function request(
  nonce: number,
  cursor: number,
  own: Uint8Array = new Uint8Array(),
  size = REQUEST_BYTES,
): Uint8Array {
  const head = prefix.length + 1 + 4 + 4 + 4 + 2 + own.length
  const padding = new Uint8Array(size - head)
  const value = { nonce, since: SINCE_EVER, cursor, own, padding }
  return unsignedPacket(prefix, DESCRIPTOR_REQUEST, descriptorRequest, value)
}

describe('directory exchange (D-04, D-07)', () => {
  it('brings a page all that a relay serves, the relay itself included', () => {
    const { clock, other, results, fetch, toRelay, toOther } = town(30, { n: 200 })
    fetch()
    clock.advance(2_000)
    expect(results).toEqual([[31, true]])
    expect(other.names).toEqual(Array.from({ length: 31 }, (_, n) => `relay ${n}`))
    expect(toRelay.sent.every((packet) => packet.length === REQUEST_BYTES)).toBe(true)
    expect(Math.max(...toOther.sent.map((packet) => packet.length))).toBeLessThanOrEqual(REQUEST_BYTES)
    expect(toOther.sent.length).toBeLessThan(11)
    expect(clock.idle).toBe(true)
    fetch()
    clock.advance(2_000)
    expect(results).toEqual([
      [31, true],
      [0, true],
    ])
  })

  it('asks only for what is new, once it knows all', () => {
    const { clock, relay, other, results, fetch, toRelay } = town(30, { n: 200 })
    clock.advance(1_000_000)
    fetch()
    clock.advance(1_000)
    expect(results).toEqual([[31, true]])
    const before = toRelay.sent.length
    clock.advance(200_000)
    fetch()
    clock.advance(1_000)
    expect(toRelay.sent.length - before).toBe(1)
    expect(results[1]).toEqual([0, true])
    relay.directory.add(descriptorOf(31))
    relay.directory.add(descriptorOf(4, { published: NOW_MS / 1000 + 500, nickname: 'renewed' }))
    clock.advance(60_000)
    fetch()
    clock.advance(1_000)
    expect(toRelay.sent.length - before).toBe(2)
    expect(results[2]).toEqual([2, true])
    expect(other.names).toContain('renewed')
    expect(other.names.length).toBe(32)
  })

  it('asks for everything until neighbours of two networks have told it, whoever serves nothing', () => {
    const { clock, other, results } = town(0, { n: 200 })
    // Relays 300 and 301 are of one network.
    const place = (n: number) => ({ ...addressOfRelay(n), ...(n === 301 && { host: '198.19.44.9' }) })
    const neighbour = (n: number) => {
      const node = new Node(n, clock, descriptorOf(n, { udp: place(n) }))
      const there = new TestWire(clock, place(n))
      const back = new TestWire(clock, addressOfRelay(200))
      there.deliver = (packet) => node.exchange.receive(back, packet)
      back.deliver = (packet) => other.exchange.receive(there, packet)
      return { node, there }
    }
    const sinceOf = (wire: TestWire) =>
      decode(descriptorRequest, wire.sent.at(-1)!.subarray(prefix.length + 1)).since
    const fetch = ({ there }: ReturnType<typeof neighbour>) => {
      other.exchange.fetchFrom(there, (added, answered) => results.push([added, answered]))
      clock.advance(100_000)
      return sinceOf(there)
    }
    const silent = neighbour(300)
    const alike = neighbour(301)
    const honest = neighbour(302)
    const last = neighbour(303)
    for (const { node } of [alike, honest, last]) {
      for (let n = 1; n <= 20; n++) node.directory.add(descriptorOf(n))
    }
    clock.advance(1_000_000)
    // Each is asked for all once, and then for news.
    expect(fetch(silent)).toBe(SINCE_EVER)
    expect(fetch(silent)).toBe(220)
    expect(results.at(-1)).toEqual([0, true])
    expect(fetch(alike)).toBe(SINCE_EVER)
    expect(results.at(-1)).toEqual([21, true])
    expect(fetch(honest)).toBe(SINCE_EVER)
    // Two networks have told all: from then on others are asked for news alone.
    expect(fetch(last)).toBe(120 + 200)
  })

  it('fetches everything from few neighbours at a time, and from another if those fail', () => {
    const { clock, other, toRelay, results, fetch } = town(30, { n: 200 }, { maxAsking: 1 })
    const dead = new TestWire(clock, addressOfRelay(5))
    other.exchange.fetchFrom(dead, (added, answered) => results.push([added, answered]))
    fetch()
    clock.advance(1_000)
    // The other was only greeted, and told who it is.
    expect(results).toEqual([[1, true]])
    clock.advance(20_000)
    expect(results[1]).toEqual([0, false])
    fetch()
    clock.advance(1_000)
    expect(results[2]).toEqual([30, true])
    // One that was asked and kept silent is listed, and told to nobody.
    expect(other.directory.served().length).toBe(31)
    other.exchange.fetchFrom(dead, () => undefined)
    clock.advance(20_000)
    expect(other.directory.list().length).toBe(31)
    expect(other.directory.served().length).toBe(30)
    expect(toRelay.sent.length).toBeGreaterThan(5)
  })

  it('leaves it to who asks, if he wants, what silence means', () => {
    const { clock, other, results } = town(0, { n: 200 })
    other.directory.add(descriptorOf(5))
    const dead = new TestWire(clock, addressOfRelay(5))
    const silences: number[] = []
    const silent = () => silences.push(results.length)
    other.exchange.fetchFrom(dead, (added, answered) => results.push([added, answered]), { silent })
    clock.advance(20_000)
    expect([silences, results]).toEqual([[0], [[0, false]]])
    expect(other.directory.served()).toHaveLength(1)
    // An end of another kind is no silence.
    other.exchange.fetchFrom(dead, () => undefined, { silent })
    other.exchange.fetchFrom(dead, () => undefined, { silent })
    other.exchange.stop()
    clock.advance(20_000)
    expect(silences).toHaveLength(1)
  })

  it('makes two relays know each other by one request, and the asker hear the other', () => {
    const { clock, relay, other, fetch } = town(0, { n: 7, own: descriptorOf(7) })
    fetch()
    clock.advance(1_000)
    expect(relay.names).toEqual(['relay 7'])
    expect(other.names).toEqual(['relay 0'])
    expect(other.directory.list()[0]?.lastHeardMs).toBe(20)
    expect(relay.directory.list()[0]?.lastHeardMs).toBeUndefined()
  })

  it('does not count as heard a relay whose descriptor names another address', () => {
    const { clock, other, toRelay, fetch } = town(0, { n: 7 })
    Object.assign(toRelay, { address: addressOfRelay(66) })
    fetch()
    clock.advance(1_000)
    expect(other.names).toEqual(['relay 0'])
    expect(other.directory.list()[0]?.lastHeardMs).toBeUndefined()
  })

  it('tries again with longer waits, then gives up', () => {
    const { clock, toRelay, results, fetch } = town(3, { n: 200 })
    toRelay.deliver = undefined
    fetch()
    clock.advance(14_900)
    expect(toRelay.sent.length).toBe(4)
    expect(results).toEqual([])
    clock.advance(200)
    expect(results).toEqual([[0, false]])
    expect(clock.idle).toBe(true)
  })

  it('goes on where a lost packet interrupted it', () => {
    const { clock, toOther, other, results, fetch } = town(30, { n: 200 })
    const deliver = toOther.deliver!
    let number = 0
    toOther.deliver = (packet) => {
      if (number++ % 3 !== 1) deliver(packet)
    }
    fetch()
    clock.advance(20_000)
    expect(results).toEqual([[31, true]])
    expect(other.names.length).toBe(31)
  })

  it('answers nobody more than was asked with', () => {
    const { relay, toOther } = town(30, { n: 200 })
    relay.exchange.receive(toOther, request(1, 0, undefined, REQUEST_BYTES - 1))
    expect(toOther.sent).toEqual([])
    expect(relay.counters.get('directory-short-request')).toBe(1)
    relay.exchange.receive(toOther, request(1, 60_000))
    const answer = decode(descriptorResponse, toOther.sent[0]!.subarray(prefix.length + 1))
    expect(answer).toMatchObject({ nonce: 1, cursor: 60_000, next: 60_000, left: 0, descriptors: [] })
  })

  it('answers one link only so often', () => {
    const { relay, toOther, clock } = town(3, { n: 200 }, { requestsPerSecond: 2, requestsBurst: 5 })
    for (let n = 0; n < 20; n++) relay.exchange.receive(toOther, request(n, 0))
    expect(toOther.sent.length).toBe(5)
    expect(relay.counters.get('directory-limit')).toBe(15)
    clock.advance(1_000)
    for (let n = 0; n < 20; n++) relay.exchange.receive(toOther, request(n, 0))
    expect(toOther.sent.length).toBe(7)
  })

  it('answers one machine only so often over UDP, whatever ports it asks from', () => {
    const { relay, clock } = town(3, { n: 200 }, { requestsPerSecond: 2, requestsBurst: 5 })
    const answered = (kind: Link['kind'], host: string) => {
      const links = Array.from({ length: 20 }, (_, n) => {
        const address: Address = { kind: host.includes(':') ? 'ipv6' : 'ipv4', host, port: 7_000 + n }
        return Object.assign(new TestWire(clock, address), { kind })
      })
      for (const link of links) relay.exchange.receive(link, request(1, 0))
      return links.filter(({ sent }) => sent.length > 0).length
    }
    expect(answered('udp', '198.51.100.7')).toBe(5)
    expect(relay.counters.get('directory-limit')).toBe(15)
    expect(answered('udp', '198.51.100.8')).toBe(5)
    // A /64 is one machine.
    expect(answered('udp', '2001:db8::7')).toBe(5)
    expect(answered('udp', '2001:db8::8')).toBe(0)
    // Others have links of their own, and a lab has one address.
    expect(answered('websocket', '198.51.100.7')).toBe(20)
    expect(answered('udp', '127.0.0.1')).toBe(20)
  })

  it('verifies only so many askers', () => {
    const { relay, toOther } = town(0, { n: 200 }, { askersPerSecond: 2 })
    for (let n = 1; n <= 5; n++) relay.exchange.receive(toOther, request(n, 0, descriptorOf(n)))
    expect(relay.names).toEqual(['relay 1', 'relay 2'])
  })

  it('takes no response that it did not ask for', () => {
    const { clock, other, toRelay, fetch } = town(0, { n: 200 })
    const respond = (nonce: number) =>
      unsignedPacket(prefix, DESCRIPTOR_RESPONSE, descriptorResponse, {
        nonce,
        cursor: 0,
        next: 1,
        left: 1,
        descriptors: [descriptorOf(5)],
      })
    other.exchange.receive(toRelay, respond(1))
    toRelay.deliver = undefined
    fetch()
    clock.advance(10)
    other.exchange.receive(toRelay, respond(1))
    expect(other.names).toEqual([])
    expect(other.counters.get('directory-unasked-response')).toBe(2)
  })

  it('hangs up on who sends forgeries, and on who never ends', () => {
    const settings = { maxRefused: 3, maxRequests: 10 }
    const forger = town(0, { n: 200 }, settings)
    const reply = (scene: typeof forger, descriptor: () => Uint8Array) => {
      scene.toRelay.deliver = (packet) => {
        const { nonce, cursor } = decode(descriptorRequest, packet.subarray(prefix.length + 1))
        const value = { nonce, cursor, next: cursor + 1, left: 0xffff, descriptors: [descriptor()] }
        scene.toOther.send(unsignedPacket(prefix, DESCRIPTOR_RESPONSE, descriptorResponse, value))
      }
    }
    reply(forger, () => descriptorOf(5, {}, 'other'))
    forger.fetch()
    forger.clock.advance(5_000)
    expect(forger.results).toEqual([[0, false]])
    expect(forger.toRelay.sent.length).toBe(4)

    const endless = town(0, { n: 200 }, settings)
    reply(endless, () => descriptorOf(5))
    endless.fetch()
    endless.clock.advance(5_000)
    expect(endless.results).toEqual([[1, false]])
    expect(endless.toRelay.sent.length).toBe(10)
  })

  it('fetches once at a time over a link, ends with it, and stops when told', () => {
    const { clock, toRelay, results, fetch, other } = town(30, { n: 200 })
    fetch()
    fetch()
    expect(results).toEqual([[0, false]])
    toRelay.close()
    clock.advance(5_000)
    expect(results.length).toBe(2)
    toRelay.open = true
    toRelay.deliver = undefined
    fetch()
    other.exchange.stop()
    expect(results.length).toBe(3)
    clock.advance(10)
    expect(clock.idle).toBe(true)
  })

  it('leaves packets of others to others, and drops malformed ones of its own', () => {
    const { relay, toOther } = town(0, { n: 200 })
    expect(relay.exchange.receive(toOther, new Uint8Array(60))).toBe(false)
    expect(relay.exchange.receive(toOther, Uint8Array.from([...prefix, DESCRIPTOR_RESPONSE, 1]))).toBe(true)
    expect(relay.exchange.receive(toOther, Uint8Array.from([...prefix, 77, 1]))).toBe(true)
    expect(relay.counters.get('directory-refused-codec-short')).toBe(1)
    expect(relay.counters.get('directory-unknown-message')).toBe(1)
    expect(toOther.sent).toEqual([])
  })

  it('round-trips any messages', () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff), bytes, bytes, (nonce, left, own, padding) => {
        const [since, cursor, next] = [nonce ^ 1, 7 * left, 9 * left].map((value) => value >>> 0)
        const asked = { nonce, since: since!, cursor: cursor!, own, padding }
        expect(decode(descriptorRequest, encode(descriptorRequest, asked))).toEqual(asked)
        const answer = { nonce, cursor: cursor!, next: next!, left, descriptors: [own, padding] }
        expect(decode(descriptorResponse, encode(descriptorResponse, answer))).toEqual(answer)
      }),
    )
    expect(() => decode(descriptorRequest, new Uint8Array(7))).toThrow(CodecError)
  })
})
