import { type Address, type IpAddress, NO_ADDRESS } from '../../bytes/address.ts'
import { concat } from '../../bytes/bytes.ts'
import { type Codec, encode } from '../../bytes/codec.ts'
import { ephemeralKey } from '../../crypto/handshake.ts'
import { DIRECTORY_COMMUNITY_ID } from '../../directory/constants.ts'
import { signDescriptor } from '../../directory/descriptor.ts'
import { descriptorRequest, descriptorResponse } from '../../directory/exchange.ts'
import type { KeyPair } from '../../identity/keys.ts'
import {
  DISCOVERY_COMMUNITY_ID,
  PING,
  PONG,
  SIMILARITY_REQUEST,
  SIMILARITY_RESPONSE,
  TUNNEL_COMMUNITY_ID,
} from '../../ipv8/constants.ts'
import { ping, similarityRequest, similarityResponse } from '../../ipv8/discovery.ts'
import { NEW_STYLE, OLD_STYLE } from '../../ipv8/introduction.ts'
import { prefixOf } from '../../ipv8/packet.ts'
import { DHT_COMMUNITY_ID, DHT_MESSAGE } from '../../ipv8-dht/constants.ts'
import { plainEntry } from '../../ipv8-dht/entry.ts'
import {
  acknowledgement,
  connectPeerRequest,
  connectPeerResponse,
  findRequest,
  findResponse,
  storePeerRequest,
  storeRequest,
} from '../../ipv8-dht/messages.ts'
import { FRAGMENT, FRAGMENT_COMMUNITY_ID } from '../../link/fragment-limits.ts'
import { plaintextCell } from '../../onion/cells.ts'
import { MESSAGE } from '../../onion/constants.ts'
import { encodeDestroy } from '../../onion/destroy.ts'
import { encodeMessage } from '../../onion/messages.ts'
import { PROOF_REQUEST, PROOF_RESPONSE } from '../../trust/constants.ts'
import { proofRequest, proofResponse } from '../../trust/proof-messages.ts'
import { below, type Random, uint16, uint32 } from '../../world/random.ts'
import { NETWORK } from './link-control.fixture.ts'

export const TUNNEL = prefixOf(TUNNEL_COMMUNITY_ID)
const DISCOVERY = prefixOf(DISCOVERY_COMMUNITY_ID)
const DIRECTORY = prefixOf(DIRECTORY_COMMUNITY_ID)
const DHT = prefixOf(DHT_COMMUNITY_ID)

/** A packet in parts, so that the body can be changed before it is signed. */
export interface Sample {
  readonly name: string
  readonly prefix: Uint8Array
  readonly id: number
  readonly body: Uint8Array
  readonly signed: boolean
}

type Maker = (random: Random, keyPair: KeyPair) => Sample

function sample<T>(
  name: string,
  prefix: Uint8Array,
  id: number,
  signed: boolean,
  codec: Codec<T>,
  make: (random: Random, keyPair: KeyPair) => T,
): Maker {
  return (random, keyPair) => ({ name, prefix, id, signed, body: encode(codec, make(random, keyPair)) })
}

export function anyIpv4(random: Random): IpAddress {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4)
  return { kind: 'ipv4', host: `${a}.${b}.${c}.${d}`, port: uint16(random) }
}

function anyAddressOf(random: Random): Address {
  const kind = below(random, 3)
  if (kind === 0) return { kind: 'ipv6', host: `2001:db8::${1 + below(random, 99)}`, port: uint16(random) }
  if (kind === 1) return { kind: 'domain', host: `host${below(random, 9)}.example`, port: uint16(random) }
  return anyIpv4(random)
}

const introduction = (random: Random) => ({
  time: BigInt(uint32(random)),
  destination: anyIpv4(random),
  lan: anyIpv4(random),
  wan: anyIpv4(random),
  bits: below(random, 256),
  identifier: uint16(random),
  extra: random.bytes(below(random, 4)),
})
const response = (random: Random) => ({
  ...introduction(random),
  introducedLan: anyIpv4(random),
  introducedWan: anyIpv4(random),
})
const punctureRequest = (random: Random) => ({
  time: BigInt(uint32(random)),
  walkerLan: anyIpv4(random),
  walkerWan: anyIpv4(random),
  identifier: uint16(random),
})
const puncture = (random: Random) => ({
  time: BigInt(uint32(random)),
  lan: anyIpv4(random),
  wan: anyIpv4(random),
  identifier: uint16(random),
})
const similarity = (random: Random) => ({
  time: BigInt(uint32(random)),
  identifier: uint16(random),
  lan: anyIpv4(random),
  wan: anyIpv4(random),
  bits: below(random, 256),
  communities: [TUNNEL_COMMUNITY_ID, random.bytes(20)],
  overlap: random.bytes(below(random, 8)),
})
const pingOf = (random: Random) => ({ time: BigInt(uint32(random)), identifier: uint16(random) })

function descriptor(random: Random, keyPair: KeyPair): Uint8Array {
  const fields = {
    nickname: 'somebody',
    family: new Uint8Array(),
    flags: 9,
    udp: anyIpv4(random),
    websocket: undefined,
    bandwidth: uint32(random),
    published: 1_767_225_600,
    lifetime: 604_800,
  }
  return signDescriptor(fields, keyPair, NETWORK)
}

const inDht = (random: Random, keyPair: KeyPair) => ({
  identifier: uint16(random),
  lan: anyIpv4(random),
  token: random.bytes(20),
  target: below(random, 2) === 0 ? keyPair.publicKey.mid : random.bytes(20),
  offset: below(random, 9),
  forceNodes: below(random, 2) === 0,
  values: Array.from({ length: below(random, 9) }, () => plainEntry(random.bytes(below(random, 170)))),
  nodes: Array.from({ length: below(random, 9) }, () => ({
    address: anyIpv4(random),
    key: keyPair.publicKey.bytes,
  })),
})

/** Every packet that comes bare over a link (IPV8-WIRE "Format"), and those of our own communities. */
export const PACKETS: readonly Maker[] = [
  ...[OLD_STYLE, NEW_STYLE].flatMap((style) => [
    ...[TUNNEL, DISCOVERY, DHT].flatMap((prefix) => [
      sample('introduction request', prefix, style.requestId, true, style.request, introduction),
      sample('introduction response', prefix, style.responseId, true, style.response, response),
      sample(
        'puncture request',
        prefix,
        style.punctureRequestId,
        false,
        style.punctureRequest,
        punctureRequest,
      ),
      sample('puncture', prefix, style.punctureId, true, style.puncture, puncture),
    ]),
  ]),
  sample('similarity request', DISCOVERY, SIMILARITY_REQUEST, true, similarityRequest, similarity),
  sample('similarity response', DISCOVERY, SIMILARITY_RESPONSE, true, similarityResponse, similarity),
  sample('ping', DISCOVERY, PING, false, ping, pingOf),
  sample('pong', DISCOVERY, PONG, false, ping, pingOf),
  ...(['ping', 'pong', 'stored', 'peerStored'] as const).map((name) =>
    sample(`DHT ${name}`, DHT, DHT_MESSAGE[name], true, acknowledgement, inDht),
  ),
  sample('DHT store', DHT, DHT_MESSAGE.store, true, storeRequest, inDht),
  sample('DHT find', DHT, DHT_MESSAGE.find, true, findRequest, inDht),
  sample('DHT found', DHT, DHT_MESSAGE.found, true, findResponse, inDht),
  sample('DHT store peer', DHT, DHT_MESSAGE.storePeer, true, storePeerRequest, inDht),
  sample('DHT connect peer', DHT, DHT_MESSAGE.connectPeer, true, connectPeerRequest, inDht),
  sample('DHT peer connected', DHT, DHT_MESSAGE.peerConnected, true, connectPeerResponse, inDht),
  sample('descriptor request', DIRECTORY, 1, false, descriptorRequest, (random, keyPair) => ({
    nonce: uint32(random),
    cursor: below(random, 3),
    since: below(random, 3) * 60,
    own: descriptor(random, keyPair),
    padding: new Uint8Array(760),
  })),
  sample('descriptor response', DIRECTORY, 2, false, descriptorResponse, (random, keyPair) => ({
    nonce: uint32(random),
    cursor: 0,
    next: 1,
    left: below(random, 3),
    descriptors: [descriptor(random, keyPair)],
  })),
  sample('proof request', DIRECTORY, PROOF_REQUEST, false, proofRequest, (random) => ({
    nonce: random.bytes(16),
    target: anyAddressOf(random),
    padding: new Uint8Array(260),
  })),
  sample('proof response', DIRECTORY, PROOF_RESPONSE, false, proofResponse, (random, keyPair) => ({
    nonce: random.bytes(16),
    seen: anyAddressOf(random),
    publicKey: keyPair.publicKey,
    signature: random.bytes(64),
  })),
  (random) => ({
    name: 'fragment',
    prefix: prefixOf(FRAGMENT_COMMUNITY_ID),
    id: FRAGMENT,
    signed: false,
    body: concat(
      Uint8Array.of(0, 0, 0, below(random, 4), below(random, 3), 2 + below(random, 2)),
      random.bytes(below(random, 1_200)),
    ),
  }),
  // Neighbours, verdicts, drops.
  ...[3, 4, 7, 8, 9, 10].map((id): Maker => {
    return (random) => ({
      name: `directory ${id}`,
      prefix: DIRECTORY,
      id,
      signed: false,
      body: random.bytes(below(random, 1_100)),
    })
  }),
]

/** Packets of the tunnel community that are made whole: create and created in plaintext, destroy, 13, 17, 18. */
export function wholePacket(random: Random, keyPair: KeyPair, circuitId: number): Uint8Array {
  const kind = below(random, 7)
  const identifier = uint16(random)
  if (kind === 0) return encodeDestroy(TUNNEL, keyPair, circuitId, below(random, 6))
  if (kind === 1) return plaintextCell(TUNNEL, circuitId, true, createdMessage(random))
  if (kind === 2) return bare(MESSAGE.createE2e, innerMessage(random, keyPair, MESSAGE.createE2e))
  if (kind === 3) return bare(MESSAGE.peersRequest, innerMessage(random, keyPair, MESSAGE.peersRequest))
  if (kind === 4) return bare(MESSAGE.peersResponse, innerMessage(random, keyPair, MESSAGE.peersResponse))
  const create = {
    identifier,
    nodeKey: keyPair.publicKey.bytes,
    dhKey: ephemeralKey(random).publicKey,
  }
  return plaintextCell(TUNNEL, circuitId, kind === 5, encodeMessage(MESSAGE.create, create))
}

function bare(id: number, message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(TUNNEL.length + message.length)
  packet.set(TUNNEL)
  packet.set(message, TUNNEL.length)
  packet[TUNNEL.length] = id
  return packet
}

export function createdMessage(random: Random): Uint8Array {
  const created = {
    identifier: uint16(random),
    dhKey: random.bytes(32),
    auth: random.bytes(32),
    candidates: random.bytes(below(random, 600)),
  }
  return encodeMessage(MESSAGE.created, created)
}

/** Ids of all messages that a cell may carry, known and unknown. */
export const INNER_IDS: readonly number[] = [...Array.from({ length: 32 }, (_, i) => i), 80, 81, 82, 83, 255]

/** A well-formed message of that id where one is known, random bytes behind the id elsewhere. */
export function innerMessage(random: Random, keyPair: KeyPair, id: number): Uint8Array {
  const identifier = uint16(random)
  const nodeKey = keyPair.publicKey.bytes
  const dhKey = ephemeralKey(random).publicKey
  const infoHash = random.bytes(20)
  const address = anyIpv4(random)
  switch (id) {
    case MESSAGE.data:
    case MESSAGE.stream: {
      const data = random.bytes(below(random, 400))
      return encodeMessage(id, { destination: anyAddressOf(random), origin: NO_ADDRESS, data })
    }
    case MESSAGE.extend:
      return encodeMessage(id, { identifier, nodeKey, dhKey, address })
    case MESSAGE.created:
      return createdMessage(random)
    case MESSAGE.extended: {
      const message = createdMessage(random)
      message[0] = MESSAGE.extended
      return message
    }
    case MESSAGE.ping:
    case MESSAGE.pong:
    case MESSAGE.introEstablished:
    case MESSAGE.linkedE2e:
      return encodeMessage(id, { identifier })
    case MESSAGE.establishIntro:
      return encodeMessage(id, { identifier, infoHash, seederKey: nodeKey })
    case MESSAGE.establishRendezvous:
    case MESSAGE.linkE2e:
      return encodeMessage(id, { identifier, cookie: random.bytes(20) })
    case MESSAGE.rendezvousEstablished:
      return encodeMessage(id, { identifier, address })
    case MESSAGE.createE2e:
      return encodeMessage(id, { identifier, infoHash, seederKey: nodeKey, dhKey })
    case MESSAGE.createdE2e:
      return encodeMessage(id, {
        identifier,
        dhKey,
        auth: random.bytes(32),
        rendezvous: random.bytes(150),
      })
    case MESSAGE.peersRequest:
      return encodeMessage(id, { identifier, infoHash })
    case MESSAGE.peersResponse: {
      const peers = [{ address, nodeKey, seederKey: nodeKey, source: below(random, 3) }]
      return encodeMessage(id, { identifier, infoHash, peers })
    }
    case MESSAGE.testRequest:
      return encodeMessage(id, { identifier, responseBytes: uint16(random), data: random.bytes(20) })
    case MESSAGE.wideTestRequest:
      return encodeMessage(id, {
        identifier: uint32(random),
        responseBytes: uint16(random),
        data: random.bytes(20),
      })
    case MESSAGE.wideTestResponse:
      return encodeMessage(id, { identifier: uint32(random), data: random.bytes(20) })
    case MESSAGE.httpRequest: {
      const request = random.bytes(below(random, 300))
      return encodeMessage(id, { identifier: uint32(random), target: anyAddressOf(random), request })
    }
    case MESSAGE.httpResponse: {
      const response = random.bytes(below(random, 900))
      const part = below(random, 3)
      return encodeMessage(id, { identifier: below(random, 4), part, parts: 1 + below(random, 3), response })
    }
    case MESSAGE.testResponse:
      return encodeMessage(id, { identifier, data: random.bytes(20) })
    case MESSAGE.directory:
      return encodeMessage(
        id,
        concat(Uint8Array.of(1 + below(random, 11)), random.bytes(below(random, 1_100))),
      )
    case MESSAGE.mtu:
      return encodeMessage(id, { identifier, bytes: uint16(random) })
    case MESSAGE.streamReset:
      return encodeMessage(id, {
        destination: anyAddressOf(random),
        connectionId: identifier,
        reason: below(random, 12),
      })
    default: {
      const message = random.bytes(1 + below(random, 200))
      message[0] = id
      return message
    }
  }
}
