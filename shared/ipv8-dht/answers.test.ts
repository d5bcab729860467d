import { describe, expect, it } from 'vitest'
import { formatAddress, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import { concat, toHex } from '../bytes/bytes.ts'
import { encode, struct, u8, u32, varlen16 } from '../bytes/codec.ts'
import type { KeyPair } from '../identity/keys.ts'
import { PUNCTURE_REQUEST } from '../ipv8/constants.ts'
import { OLD_STYLE } from '../ipv8/introduction.ts'
import { readUnsigned } from '../ipv8/packet.ts'
import { ip } from '../ipv8/town.fixture.ts'
import { DHT_MESSAGE } from './constants.ts'
import { type DhtHouse, DhtTown } from './dht.fixture.ts'
import { plainEntry } from './entry.ts'
import { acknowledgement, findResponse } from './messages.ts'

const TARGET = new Uint8Array(20).fill(9)
const value = (n: number, length = 10) => plainEntry(new Uint8Array(length).fill(n))

function signedEntry(keyPair: KeyPair, data: Uint8Array, version: number): Uint8Array {
  const form = struct({ kind: u8, data: varlen16(0xffff), version: u32, key: varlen16(74, 74) })
  const bytes = encode(form, { kind: 1, data, version, key: keyPair.publicKey.bytes })
  return concat(bytes, keyPair.sign(bytes))
}

/** One node, not walking: it speaks only when spoken to. */
function alone(settings = {}) {
  const town = new DhtTown()
  return { town, house: town.member(0, {}, settings) }
}

/** Proves himself and gets a token. */
function tokenOf(town: DhtTown, house: DhtHouse, n: number) {
  const stranger = town.stranger(n)
  const token = stranger.found(house, TARGET)?.token
  if (!token) throw new RangeError('no token')
  return { stranger, token }
}

describe('what a node of IPv8’s DHT answers (issue 3; S-03: no amplification)', () => {
  it('says nothing longer than the question to who has not shown that he is there', () => {
    const { town, house } = alone()
    const { stranger, token } = tokenOf(town, house, 1)
    stranger.store(
      house,
      token,
      TARGET,
      [1, 2, 3].map((n) => value(n, 150)),
    )
    const other = town.stranger(2)
    const asked = other.find(house, 5, TARGET)
    const sent = other.received(house)
    expect(sent.map(({ id }) => id)).toEqual([DHT_MESSAGE.ping])
    expect(sent[0]?.packet.length).toBeLessThan(asked.length)
    // Somebody guesses at the ping; then the pong.
    other.send(house, DHT_MESSAGE.pong, acknowledgement, { identifier: 70_000 })
    expect(other.received(house)).toEqual([])
    other.pong(house, sent)
    const answered = other.received(house)
    expect(answered.map(({ id }) => id)).toEqual([DHT_MESSAGE.found])
    expect(answered[0]?.packet.length).toBeGreaterThan(2 * asked.length)
    // Known now: at once.
    other.find(house, 6, TARGET)
    expect(other.received(house).map(({ id }) => id)).toEqual([DHT_MESSAGE.found])
    town.stop()
  })

  it('sends a forged source no more bytes than came under it, whatever is asked', () => {
    const { town, house } = alone()
    const victim = ip(77)
    const forger = town.stranger(3)
    let came = 0
    for (let i = 0; i < 200; i++) {
      came += forger.find(house, i, TARGET, i % 2 === 0).length
      forger.connectPeer(house, TARGET)
      came += 194
      forger.storePeer(house, new Uint8Array(20), TARGET)
      town.clock.advance(100)
    }
    const went = town.sent.filter(({ to }) => to === formatAddress(forger.address))
    expect(went.reduce((sum, { packet }) => sum + packet.length, 0)).toBeLessThan(came)
    expect(town.sent.filter(({ to }) => to === formatAddress(victim))).toEqual([])
    town.stop()
  })

  it('keeps what comes with the token of that address and key alone', () => {
    const { town, house } = alone()
    const { stranger, token } = tokenOf(town, house, 1)
    const { stranger: other } = tokenOf(town, house, 2)
    other.store(house, token, TARGET, [value(1)])
    stranger.store(house, new Uint8Array(20), TARGET, [value(1)])
    stranger.store(house, token, TARGET, [value(1)], { ...stranger.address, port: 9 })
    expect(town.counters.get('ipv8-dht-token')).toBe(3)
    expect(house.node.stats.values).toBe(0)
    stranger.store(house, token, TARGET, [value(1)])
    expect(house.node.stats.values).toBe(1)
    // Good for the time of one secret and the next.
    town.clock.advance(300_000)
    stranger.store(house, token, TARGET, [value(2)])
    expect(house.node.stats.values).toBe(2)
    town.clock.advance(300_000)
    stranger.store(house, token, TARGET, [value(3)])
    expect(house.node.stats.values).toBe(2)
    town.stop()
  })

  it('refuses too many values and too long ones; takes as many as stock nodes send', () => {
    const { town, house } = alone()
    const { stranger, token } = tokenOf(town, house, 1)
    const many = Array.from({ length: 9 }, (_, n) => value(n))
    stranger.store(house, token, TARGET, many)
    stranger.store(house, token, TARGET, [value(1, 170)])
    expect(house.node.stats.values).toBe(0)
    stranger.store(house, token, TARGET, [...many.slice(0, 7), value(9, 169)])
    expect(house.node.stats).toMatchObject({ values: 8, bytes: 7 * 11 + 170 })
    // Eight of the longest do not fit a datagram.
    const { stranger: second, token: other } = tokenOf(town, house, 2)
    const target = new Uint8Array(20).fill(8)
    second.store(
      house,
      other,
      target,
      Array.from({ length: 8 }, (_, n) => value(n, 169)),
    )
    second.find(house, 3, target)
    const [found] = second.received(house).filter(({ id }) => id === DHT_MESSAGE.found)
    expect(found?.packet.length).toBeLessThanOrEqual(1_452)
    town.stop()
  })

  it('replaces signed values by later ones of the same key, and refuses forged ones', () => {
    const { town, house } = alone()
    const { stranger, token } = tokenOf(town, house, 1)
    const [first, second] = [1, 2].map((n) => town.stranger(10 + n).keyPair) as [KeyPair, KeyPair]
    const entry = (n: number, version: number, keyPair = first) =>
      signedEntry(keyPair, Uint8Array.of(n), version)
    const kept = () => stranger.found(house, TARGET)?.values.map(toHex)
    stranger.store(house, token, TARGET, [entry(1, 5), entry(2, 5, second)])
    stranger.store(house, token, TARGET, [entry(3, 4)])
    expect(kept()).toEqual([entry(2, 5, second), entry(1, 5)].map(toHex))
    stranger.store(house, token, TARGET, [entry(3, 6)])
    expect(kept()).toEqual([entry(3, 6), entry(2, 5, second)].map(toHex))
    const forged = entry(4, 9)
    forged[3] = 7
    stranger.store(house, token, TARGET, [forged, Uint8Array.of(9, 9), new Uint8Array()])
    expect(town.counters.get('ipv8-dht-value-forged')).toBe(1)
    expect(town.counters.get('ipv8-dht-value-malformed')).toBe(2)
    expect(kept()?.length).toBe(2)
    town.stop()
  })

  it('keeps only so much: for one target, by one network, and in all', () => {
    const { town, house } = alone({
      targets: 3,
      valuesPerTarget: 12,
      queriesPerSource: 1_000,
      queryBurst: 1_000,
    })
    for (let n = 1; n <= 3; n++) {
      const { stranger, token } = tokenOf(town, house, n)
      for (let i = 0; i < 3; i++) {
        const values = Array.from({ length: 4 }, (_, each) => value(each, 20 + 10 * n + i))
        stranger.store(house, token, TARGET, values)
      }
    }
    expect(house.node.stats.values).toBe(12)
    const { stranger, token } = tokenOf(town, house, 4)
    for (let i = 0; i < 20; i++) stranger.store(house, token, new Uint8Array(20).fill(i), [value(i)])
    expect(house.node.stats.values).toBeLessThanOrEqual(3 * 12)
    town.stop()
  })

  it('lets one network store only so much for all targets together', () => {
    const { town, house } = alone({ valuesPerNetwork: 10 })
    const { stranger, token } = tokenOf(town, house, 1)
    const own = Array.from({ length: 12 }, (_, i) => new Uint8Array(20).fill(i))
    for (const target of own) {
      stranger.store(house, token, target, [value(1)])
      town.clock.advance(1_000)
    }
    expect(house.node.stats.values).toBe(10)
    const { stranger: other, token: second } = tokenOf(town, house, 2)
    other.store(house, second, TARGET, [value(2)])
    expect(house.node.stats.values).toBe(11)
    town.stop()
  })

  it('tells what each network put there in turn, so that none hides the others', () => {
    const { town, house } = alone()
    const first = tokenOf(town, house, 1)
    first.stranger.store(house, first.token, TARGET, [value(1), value(2)])
    town.clock.advance(1_000)
    const loud = tokenOf(town, house, 2)
    const many = Array.from({ length: 8 }, (_, n) => value(100 + n))
    loud.stranger.store(house, loud.token, TARGET, many)
    const found = first.stranger.found(house, TARGET)?.values.map((each) => each[1])
    expect(found).toEqual([107, 2, 106, 1, 105, 104, 103, 102])
    town.stop()
  })

  it('answers only so often to one source', () => {
    const { town, house } = alone()
    const { stranger } = tokenOf(town, house, 1)
    const before = town.counters.get('ipv8-dht-query-limit')
    for (let i = 0; i < 100; i++) stranger.find(house, i, TARGET)
    expect(stranger.received(house).length).toBeLessThanOrEqual(20)
    expect(town.counters.get('ipv8-dht-query-limit') - before).toBeGreaterThanOrEqual(80)
    town.stop()
  })

  it('tells of nodes that answered it, and has the nearest punctured for the asker', () => {
    const town = new DhtTown()
    const [house, ...others] = town.settled(6)
    if (!house) throw new RangeError('nobody')
    const stranger = town.stranger(50)
    const found = stranger.found(house, TARGET, true)
    expect(found?.nodes.map(({ address }) => formatAddress(address)).sort()).toEqual(
      others.map(({ address }) => formatAddress(address)).sort(),
    )
    const [nearest] = found?.nodes ?? []
    const punctures = town.sent.filter(
      ({ from, to, packet }) =>
        from === formatAddress(house.address) &&
        to === formatAddress(nearest?.address as IpAddress) &&
        packet[22] === PUNCTURE_REQUEST,
    )
    const asked = punctures.map(({ packet }) => readUnsigned(packet, OLD_STYLE.punctureRequest))
    expect(asked.filter(({ walkerWan }) => walkerWan.host === stranger.address.host)).toMatchObject([
      { identifier: 7, walkerWan: stranger.address, walkerLan: NO_ADDRESS },
    ])
    town.stop()
  })

  it('keeps peers under their own mids as long as they ping, and has them punctured for others', () => {
    const { town, house } = alone()
    const { stranger: peer, token } = tokenOf(town, house, 1)
    peer.storePeer(house, token, TARGET)
    expect(town.counters.get('ipv8-dht-peer-refused')).toBe(1)
    peer.received(house)
    peer.storePeer(house, token, peer.keyPair.publicKey.mid)
    expect(peer.received(house).map(({ id }) => id)).toEqual([DHT_MESSAGE.peerStored])
    const { stranger: asker } = tokenOf(town, house, 2)
    const { mid } = peer.keyPair.publicKey
    peer.received(house)
    asker.connectPeer(house, mid)
    expect(asker.connected(house)?.nodes).toMatchObject([{ address: peer.address }])
    expect(peer.received(house).map(({ id }) => id)).toEqual([PUNCTURE_REQUEST])
    for (let i = 0; i < 3; i++) {
      town.clock.advance(50_000)
      peer.send(house, DHT_MESSAGE.ping, acknowledgement, { identifier: i })
    }
    tokenOf(town, house, 2).stranger.connectPeer(house, mid)
    expect(asker.connected(house)?.nodes.length).toBe(1)
    town.clock.advance(61_000)
    tokenOf(town, house, 2).stranger.connectPeer(house, mid)
    expect(asker.connected(house)?.nodes).toEqual([])
    town.stop()
  })

  it('takes no answers that it did not ask for, and none of another key or address', () => {
    const { town, house } = alone()
    const [stranger, other] = [town.stranger(1), town.stranger(2)]
    stranger.send(house, DHT_MESSAGE.pong, acknowledgement, { identifier: 1 })
    const answer = { identifier: 1, token: new Uint8Array(20), values: [], nodes: [] }
    stranger.send(house, DHT_MESSAGE.found, findResponse, answer)
    expect(town.counters.get('ipv8-dht-unasked-answer')).toBe(2)
    stranger.find(house, 5, TARGET)
    const pings = stranger.received(house)
    const identifier = Number.parseInt(toHex(pings[0]?.packet.subarray(99, 103) ?? new Uint8Array()), 16)
    other.send(house, DHT_MESSAGE.pong, acknowledgement, { identifier }, stranger.address)
    other.send(house, DHT_MESSAGE.pong, acknowledgement, { identifier })
    expect(stranger.received(house)).toEqual([])
    expect(town.counters.get('ipv8-dht-wrong-key')).toBe(1)
    // After three guesses the right one proves nothing; whoever waits for it is answered all the same, once.
    expect(house.walker.isVerified(stranger.address)).toBe(false)
    town.stop()
  })
})
