import type { Aead } from '../../crypto/aead.ts'
import { KeyPair, SIGNATURE_BYTES } from '../../identity/keys.ts'
import {
  COMMUNITY_ID_BYTES,
  DISCOVERY_COMMUNITY_ID,
  SIMILARITY_REQUEST,
  TUNNEL_COMMUNITY_ID,
} from '../../ipv8/constants.ts'
import { similarityRequest } from '../../ipv8/discovery.ts'
import { NEW_STYLE, OLD_STYLE } from '../../ipv8/introduction.ts'
import { prefixOf, signedPacket, unsignedPacket } from '../../ipv8/packet.ts'
import { DHT_COMMUNITY_ID, DHT_MESSAGE } from '../../ipv8-dht/constants.ts'
import { acknowledgement, findRequest, storeRequest } from '../../ipv8-dht/messages.ts'
import { Circuit } from '../../onion/circuit.ts'
import { MESSAGE } from '../../onion/constants.ts'
import { encodeDestroy } from '../../onion/destroy.ts'
import { Counters } from '../../world/counters.ts'
import { uint32 } from '../../world/random.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { anyIpv4, innerMessage, TUNNEL, wholePacket } from './corpus.fixture.ts'
import { FuzzLink, FuzzNode, ip } from './node.fixture.ts'
import { RawOwner } from './raw-owner.fixture.ts'

/** Packets a second, for so many seconds of virtual time. */
export const FLOOD_RATE = 1_000
export const FLOOD_SECONDS = 10

/** A relay, a stranger's link to it, and an honest owner's. */
export class FloodWorld {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly random = new SeededRandom(11)
  readonly aead: Aead
  readonly node: FuzzNode
  /** Where the flood comes from; counts what goes back there. */
  readonly source = new FuzzLink(ip('100.64.1.1'))
  /** Everybody else: counts what a stranger makes the relay send to third parties. */
  readonly others = new FuzzLink(ip('100.99.9.9'))
  readonly stranger = KeyPair.generate(this.random)

  constructor(aead: Aead) {
    this.aead = aead
    this.node = new FuzzNode(this, (address) =>
      address.host === this.source.address.host ? this.source : this.others,
    )
    this.node.walker.stop()
  }

  /** A circuit of one hop, built. */
  honest(): Circuit {
    const toNode = new FuzzLink(ip('198.51.100.1'))
    const toOwner = new FuzzLink(ip('192.0.2.9'))
    const { clock, random, aead, counters } = this
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path: [{ publicKey: this.node.keyPair.publicKey, address: toNode.address, name: '' }],
      link: toNode,
      prefix: TUNNEL,
      clock,
      random,
      aead,
      counters,
      events: {
        changed: () => undefined,
        ready: () => undefined,
        datagram: () => undefined,
        stream: () => undefined,
        streamReset: () => undefined,
        closed: () => undefined,
      },
    })
    toNode.deliver = (packet) => this.node.receive(toOwner, packet)
    toOwner.deliver = (packet) => circuit.receive(packet)
    circuit.start()
    clock.advance(200)
    if (circuit.state !== 'ready') throw new RangeError(`the honest circuit is ${circuit.state}`)
    return circuit
  }

  /** Gives the relay all packets, at FLOOD_RATE, from one source. */
  flood(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      this.node.receive(this.source, packet)
      this.clock.advance(1_000 / FLOOD_RATE)
    }
  }
}

export interface Flood {
  readonly name: string
  /** Whether a packet proves who sent it before anything comes back: nothing to gain then from a false source. */
  readonly provesSource?: true
  /** `count` packets, made beforehand. */
  packets(world: FloodWorld, count: number): Uint8Array[]
}

function many(count: number, make: (index: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** The last byte changed: of a signed packet that is its signature. */
function spoilt(packet: Uint8Array): Uint8Array {
  const copy = packet.slice()
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1
  return copy
}

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
const dhtPrefix = prefixOf(DHT_COMMUNITY_ID)

function request(world: FloodWorld, keyPair: KeyPair, style = OLD_STYLE): Uint8Array {
  const { random } = world
  return signedPacket(prefix, style.requestId, keyPair, style.request, {
    time: BigInt(uint32(random)),
    destination: ip('198.51.100.1'),
    lan: anyIpv4(random),
    wan: anyIpv4(random),
    bits: style.requestBits,
    identifier: uint32(random) & 0xffff,
    extra: Uint8Array.of(0, 9),
  })
}

const strangers = (world: FloodWorld) =>
  Array.from({ length: 200 }, () => KeyPair.generate(world.random)) as [KeyPair, ...KeyPair[]]

/** Who asks which communities we share, himself in so many. */
function similarity(world: FloodWorld, named: number): Uint8Array {
  const { random, stranger } = world
  return signedPacket(prefixOf(DISCOVERY_COMMUNITY_ID), SIMILARITY_REQUEST, stranger, similarityRequest, {
    time: BigInt(uint32(random)),
    identifier: uint32(random) & 0xffff,
    lan: anyIpv4(random),
    wan: anyIpv4(random),
    bits: 0,
    communities: Array.from({ length: named }, () => random.bytes(COMMUNITY_ID_BYTES)),
  })
}

/** In IPv8's DHT: for what is near to anything, from somebody who is not known there. */
function find({ random }: FloodWorld, keyPair: KeyPair): Uint8Array {
  return signedPacket(dhtPrefix, DHT_MESSAGE.find, keyPair, findRequest, {
    identifier: uint32(random) & 0xffff,
    lan: anyIpv4(random),
    target: random.bytes(20),
    offset: 0,
    forceNodes: true,
  })
}

/** Without its signature. */
function unsigned(packet: Uint8Array): Uint8Array {
  return packet.slice(0, -SIGNATURE_BYTES)
}

export const FLOODS: readonly Flood[] = [
  {
    name: 'introduction requests, unsigned',
    packets: (world, count) => many(count, () => unsigned(request(world, world.stranger))),
  },
  {
    name: 'introduction requests, wrongly signed',
    packets: (world, count) => many(count, () => spoilt(request(world, world.stranger))),
  },
  {
    name: 'introduction requests, one of a key',
    packets: (world, count) => {
      const keys = strangers(world)
      return many(count, (i) => request(world, keys[i % keys.length] ?? keys[0]))
    },
  },
  {
    name: 'introduction requests, one key',
    packets: (world, count) => many(count, () => request(world, world.stranger)),
  },
  {
    name: 'introduction requests, new style',
    packets: (world, count) => many(count, () => request(world, world.stranger, NEW_STYLE)),
  },
  {
    name: 'introduction requests, replayed',
    packets: (world, count) => {
      const packet = request(world, world.stranger)
      return many(count, () => packet.slice())
    },
  },
  {
    name: 'introduction responses that nobody asked for',
    packets: (world, count) => {
      const { random, stranger } = world
      const address = anyIpv4(random)
      const addresses = { destination: address, lan: address, wan: address }
      const introduced = { introducedLan: address, introducedWan: address }
      return many(count, (i) =>
        signedPacket(prefix, OLD_STYLE.responseId, stranger, OLD_STYLE.response, {
          ...{ ...addresses, ...introduced, time: 1n, bits: 0x10, identifier: i & 0xffff },
          extra: Uint8Array.of(0, 9),
        }),
      )
    },
  },
  {
    name: 'similarity requests',
    packets: (world, count) => many(count, (i) => similarity(world, 1 + (i % 3))),
  },
  {
    name: 'similarity requests that name no community',
    packets: (world, count) => many(count, () => similarity(world, 0)),
  },
  {
    name: 'pings in IPv8’s DHT',
    packets: (world, count) =>
      many(count, () =>
        signedPacket(dhtPrefix, DHT_MESSAGE.ping, world.stranger, acknowledgement, {
          identifier: uint32(world.random),
        }),
      ),
  },
  {
    name: 'finds in IPv8’s DHT, one of a key',
    packets: (world, count) => {
      const keys = strangers(world)
      return many(count, (i) => find(world, keys[i % keys.length] ?? keys[0]))
    },
  },
  {
    name: 'stores in IPv8’s DHT without a token',
    packets: (world, count) =>
      many(count, () =>
        signedPacket(dhtPrefix, DHT_MESSAGE.store, world.stranger, storeRequest, {
          ...{ identifier: 1, token: world.random.bytes(20), target: world.random.bytes(20) },
          values: [world.random.bytes(170)],
        }),
      ),
  },
  {
    name: 'pongs in IPv8’s DHT that nobody asked for',
    packets: (world, count) =>
      many(count, (i) =>
        signedPacket(dhtPrefix, DHT_MESSAGE.pong, world.stranger, acknowledgement, { identifier: i }),
      ),
  },
  {
    name: 'puncture requests',
    packets: (world, count) =>
      many(count, () =>
        unsignedPacket(prefix, OLD_STYLE.punctureRequestId, OLD_STYLE.punctureRequest, {
          time: 1n,
          walkerLan: anyIpv4(world.random),
          walkerWan: anyIpv4(world.random),
          identifier: uint32(world.random) & 0xffff,
        }),
      ),
  },
  {
    name: 'creates',
    packets: (world, count) =>
      many(count, () =>
        new RawOwner(
          world.random,
          world.aead,
          world.stranger,
          world.node.keyPair.publicKey,
          uint32(world.random),
        ).create(),
      ),
  },
  {
    name: 'creates, replayed',
    packets: (world, count) => {
      const owner = new RawOwner(world.random, world.aead, world.stranger, world.node.keyPair.publicKey, 77)
      const packet = owner.create()
      return many(count, () => packet.slice())
    },
  },
  {
    name: 'extends in a circuit of its own',
    provesSource: true,
    packets: (world, count) => {
      const owner = ownCircuit(world)
      return many(count, () => owner.cell(innerMessage(world.random, world.stranger, MESSAGE.extend), true))
    },
  },
  {
    name: 'extends, replayed',
    provesSource: true,
    packets: (world, count) => {
      const owner = ownCircuit(world)
      const cell = owner.cell(innerMessage(world.random, world.stranger, MESSAGE.extend), true)
      return many(count, () => cell.slice())
    },
  },
  {
    name: 'cells of no circuit',
    packets: (world, count) =>
      many(
        count,
        () => new Uint8Array([...TUNNEL, 0, ...world.random.bytes(4), 0, 0, ...world.random.bytes(600)]),
      ),
  },
  {
    name: 'forged cells in a circuit',
    packets: (world, count) => {
      const owner = ownCircuit(world)
      return many(count, () => spoilt(owner.cell(world.random.bytes(600), false)))
    },
  },
  {
    name: 'destroys of no circuit',
    packets: (world, count) =>
      many(count, () => encodeDestroy(TUNNEL, world.stranger, uint32(world.random), 1)),
  },
  {
    name: 'destroys of a circuit, wrongly signed',
    packets: (world, count) => {
      const owner = ownCircuit(world)
      return many(count, () => spoilt(encodeDestroy(TUNNEL, world.stranger, owner.id, 1)))
    },
  },
  {
    name: 'destroys of a circuit, unsigned',
    packets: (world, count) => {
      const owner = ownCircuit(world)
      return many(count, () => unsigned(encodeDestroy(TUNNEL, world.stranger, owner.id, 1)))
    },
  },
  {
    name: 'destroys of a circuit, replayed',
    packets: (world, count) => {
      const packet = encodeDestroy(TUNNEL, world.stranger, ownCircuit(world).id, 1)
      return many(count, () => packet.slice())
    },
  },
  {
    name: 'packets 13, 17 and 18 from anywhere',
    packets: (world, count) =>
      many(count, (i) => {
        for (;;) {
          const packet = wholePacket(world.random, world.stranger, i)
          if ([13, 17, 18].includes(packet[TUNNEL.length] ?? 0)) return packet
        }
      }),
  },
]

function ownCircuit(world: FloodWorld): RawOwner {
  const { random, aead, stranger, node, source } = world
  const owner = new RawOwner(random, aead, stranger, node.keyPair.publicKey, uint32(random))
  source.deliver = (packet) => owner.receive(packet)
  node.receive(source, owner.create())
  source.deliver = () => undefined
  if (!owner.ready) throw new RangeError('the relay took no create')
  return owner
}
