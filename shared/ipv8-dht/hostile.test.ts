import { describe, expect, it } from 'vitest'
import { type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { concat } from '../bytes/bytes.ts'
import { type Codec, encode } from '../bytes/codec.ts'
import { KeyPair } from '../identity/keys.ts'
import { openSigned, signedPacket } from '../ipv8/packet.ts'
import { ip } from '../ipv8/town.fixture.ts'
import { mutated } from '../sim/fuzz/mutate.fixture.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { below } from '../world/random.ts'
import { DHT_MESSAGE } from './constants.ts'
import { DHT_PREFIX, type DhtHouse, DhtTown, type Stranger } from './dht.fixture.ts'
import { plainEntry } from './entry.ts'
import { acknowledgement, findRequest, findResponse, storeRequest } from './messages.ts'

const TARGET = new Uint8Array(20).fill(9)
const random = new SeededRandom(42)

/** Signed after the change. */
function resigned<T>(stranger: Stranger, id: number, codec: Codec<T>, value: T): Uint8Array {
  const body = mutated(random, encode(codec, value))
  const raw: Codec<Uint8Array> = { write: (w, bytes) => void w.raw(bytes), read: (r) => r.rest() }
  return signedPacket(DHT_PREFIX, id, stranger.keyPair, raw, body)
}

/** Answers pings well, finds badly, and asks badly, with a good token. */
class Liar {
  readonly stranger: Stranger
  private token: Uint8Array = new Uint8Array(20)
  private readonly house: DhtHouse

  constructor(town: DhtTown, house: DhtHouse, n: number) {
    this.stranger = town.stranger(n)
    this.house = house
  }

  act(): void {
    const { stranger, house } = this
    for (const { id, packet } of stranger.received(house)) {
      if (id === DHT_MESSAGE.ping) stranger.pong(house, [{ id, packet }])
      if (id === DHT_MESSAGE.found) this.token = openSigned(packet, findResponse).value.token
      if (id === DHT_MESSAGE.find) this.give(this.lie(openSigned(packet, findRequest).value.identifier))
    }
    const values = Array.from({ length: below(random, 9) }, () =>
      plainEntry(random.bytes(below(random, 169))),
    )
    const request = {
      identifier: below(random, 0x10000),
      token: this.token,
      target: random.bytes(20),
      values,
    }
    if (below(random, 4) === 0) this.give(resigned(stranger, DHT_MESSAGE.store, storeRequest, request))
    else stranger.store(house, this.token, request.target, values)
    stranger.find(house, request.identifier, TARGET)
  }

  private lie(identifier: number): Uint8Array {
    const nodes = Array.from({ length: below(random, 20) }, () => ({
      address: below(random, 4) === 0 ? NO_ADDRESS : ip(200 + below(random, 500)),
      key: below(random, 4) === 0 ? random.bytes(74) : KeyPair.generate(random).publicKey.bytes,
    }))
    const values = Array.from({ length: below(random, 20) }, () => concat(random.bytes(1), random.bytes(50)))
    const found = { identifier, token: random.bytes(20), values, nodes }
    return below(random, 2) === 0
      ? signedPacket(DHT_PREFIX, DHT_MESSAGE.found, this.stranger.keyPair, findResponse, found)
      : resigned(this.stranger, DHT_MESSAGE.found, findResponse, found)
  }

  private give(packet: Uint8Array): void {
    this.house.walker.receive(this.stranger.address, packet)
  }
}

describe('a node of IPv8’s DHT among liars (issue 3; N-09, K-06)', () => {
  it('lets no exception out, stays within its bounds, and finds what an honest node has', () => {
    const town = new DhtTown()
    const [house, other] = town.settled(8, 10_000)
    if (!house || !other) throw new RangeError('nobody')
    other.node.store(TARGET, Uint8Array.of(1, 2, 3), () => undefined)
    town.clock.advance(2_000)
    const liars = Array.from({ length: 8 }, (_, i) => new Liar(town, house, 20 + i))
    for (const { stranger } of liars) {
      stranger.send(house, DHT_MESSAGE.ping, acknowledgement, { identifier: 1 })
    }
    let lookups = 0
    let found = 0
    for (let i = 0; i < 600; i++) {
      for (const liar of liars) liar.act()
      town.clock.advance(100)
      if (i % 20 !== 19) continue
      lookups++
      const search = house.node.find(TARGET, () => {
        const isThere = search?.values().some(({ data }) => data.length === 3 && data[1] === 2)
        if (isThere) found++
      })
    }
    town.clock.advance(12_000)
    const { nodes, values, open } = house.node.stats
    expect(nodes).toBeLessThanOrEqual(15)
    expect(values).toBeLessThanOrEqual(8 * 200 + 1)
    expect(open).toBeLessThanOrEqual(512)
    expect(values).toBeGreaterThan(100)
    expect(found / lookups).toBeGreaterThan(0.9)
    // Whoever was named, and never asked anything, is sent no more than a few packets.
    const named = new Map<string, number>()
    for (const { to } of town.sent) named.set(to, (named.get(to) ?? 0) + 1)
    for (let n = 200; n < 700; n++) {
      const { host, port } = ip(n) as IpAddress
      expect(named.get(`${host}:${port}`) ?? 0).toBeLessThan(20)
    }
    town.stop()
  })
})
