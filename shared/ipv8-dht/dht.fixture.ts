import { formatAddress, type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import type { Codec } from '../bytes/codec.ts'
import { KeyPair } from '../identity/keys.ts'
import { messageIdOf, openSigned, prefixOf, signedPacket } from '../ipv8/packet.ts'
import { ip, Town, type TownPlace } from '../ipv8/town.fixture.ts'
import type { Walker, WalkerOptions } from '../ipv8/walker.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { DHT_COMMUNITY_ID, DHT_MESSAGE, type DhtSettings } from './constants.ts'
import { DhtCommunity } from './dht-community.ts'
import {
  acknowledgement,
  connectPeerRequest,
  connectPeerResponse,
  findRequest,
  findResponse,
  storePeerRequest,
  storeRequest,
} from './messages.ts'
import type { DhtNode } from './node.ts'

export const DHT_PREFIX = prefixOf(DHT_COMMUNITY_ID)

export interface DhtHouse {
  readonly address: IpAddress
  readonly walker: Walker
  readonly node: DhtNode
}

/** Nodes of the DHT on a virtual network, each with the walk that finds it the others. */
export class DhtTown extends Town {
  readonly dht: DhtHouse[] = []

  /** @param n address number n unless `place` has one; all but the first are told of it */
  member(
    n: number,
    more: Partial<WalkerOptions> = {},
    settings: Partial<DhtSettings> = {},
    place: TownPlace = {},
  ): DhtHouse {
    const beside = new DhtCommunity(settings)
    const walker = this.add(n, {
      ...place,
      bootstrap: this.dht.slice(0, 1).map(({ address }) => address),
      more: { beside, ...more },
    })
    const { node } = beside
    if (!node) throw new RangeError('not opened')
    const house = { address: place.address ?? ip(n), walker, node }
    this.dht.push(house)
    return house
  }

  /** So many of them, acquainted. */
  settled(count: number, ms = 60_000, settings: Partial<DhtSettings> = {}): readonly DhtHouse[] {
    for (let n = 0; n < count; n++) this.member(n, {}, settings)
    for (const { walker } of this.dht) walker.start()
    this.clock.advance(ms)
    return this.dht
  }

  stranger(n: number): Stranger {
    return new Stranger(this, ip(n), n)
  }
}

/** Somebody with a key who writes his packets himself, under whatever source address he likes. */
export class Stranger {
  readonly keyPair: KeyPair
  readonly address: IpAddress
  private readonly town: DhtTown

  constructor(town: DhtTown, address: IpAddress, seed: number) {
    this.town = town
    this.address = address
    this.keyPair = KeyPair.generate(new SeededRandom(10_000 + seed))
  }

  send<T>(to: DhtHouse, id: number, codec: Codec<T>, value: T, from = this.address): Uint8Array {
    const packet = signedPacket(DHT_PREFIX, id, this.keyPair, codec, value)
    to.walker.receive(from, packet)
    return packet
  }

  find(to: DhtHouse, identifier: number, target: Uint8Array, forceNodes = false): Uint8Array {
    const request = { identifier, lan: NO_ADDRESS, target, offset: 0, forceNodes }
    return this.send(to, DHT_MESSAGE.find, findRequest, request)
  }

  store(
    to: DhtHouse,
    token: Uint8Array,
    target: Uint8Array,
    values: Uint8Array[],
    from = this.address,
  ): void {
    this.send(to, DHT_MESSAGE.store, storeRequest, { identifier: 1, token, target, values }, from)
  }

  storePeer(to: DhtHouse, token: Uint8Array, target: Uint8Array): void {
    this.send(to, DHT_MESSAGE.storePeer, storePeerRequest, { identifier: 1, token, target })
  }

  connectPeer(to: DhtHouse, target: Uint8Array): void {
    this.send(to, DHT_MESSAGE.connectPeer, connectPeerRequest, { identifier: 2, lan: NO_ADDRESS, target })
  }

  /** What was sent to his address by a node since he last asked, as packets of the DHT community. */
  received(from: DhtHouse, address = this.address): { readonly id: number; readonly packet: Uint8Array }[] {
    const [source, destination] = [formatAddress(from.address), formatAddress(address)]
    const taken: { id: number; packet: Uint8Array }[] = []
    for (let i = 0; i < this.town.sent.length; i++) {
      const sent = this.town.sent[i]
      if (sent?.from !== source || sent.to !== destination) continue
      const id = messageIdOf(sent.packet, DHT_PREFIX)
      this.town.sent.splice(i--, 1)
      if (id !== undefined) taken.push({ id, packet: sent.packet })
    }
    return taken
  }

  /** Answers the pings among these. */
  pong(to: DhtHouse, packets: readonly { readonly id: number; readonly packet: Uint8Array }[]): void {
    for (const { id, packet } of packets) {
      if (id !== DHT_MESSAGE.ping) continue
      const { identifier } = openSigned(packet, acknowledgement).value
      this.send(to, DHT_MESSAGE.pong, acknowledgement, { identifier })
    }
  }

  /** Shows that he is where he says, and asks; what he is told. */
  found(to: DhtHouse, target: Uint8Array, forceNodes = false) {
    this.received(to)
    this.find(to, 7, target, forceNodes)
    const sent = this.received(to)
    this.pong(to, sent)
    const answer = [...sent, ...this.received(to)].find(({ id }) => id === DHT_MESSAGE.found)
    return answer && openSigned(answer.packet, findResponse).value
  }

  connected(to: DhtHouse) {
    const answer = this.received(to).find(({ id }) => id === DHT_MESSAGE.peerConnected)
    return answer && openSigned(answer.packet, connectPeerResponse).value
  }
}
