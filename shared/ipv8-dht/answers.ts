import { type IpAddress, NO_ADDRESS } from '../bytes/address.ts'
import type { Codec } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { KEY_BYTES, SIGNATURE_BYTES } from '../identity/keys.ts'
import { BucketsBySource } from '../ipv8/buckets-by-source.ts'
import { PREFIX_BYTES } from '../ipv8/constants.ts'
import { NEW_STYLE, OLD_STYLE } from '../ipv8/introduction.ts'
import type { Refusal } from '../ipv8/introduction-answers.ts'
import { siteOf } from '../ipv8/network-of.ts'
import { parseSigned, unsignedPacket } from '../ipv8/packet.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import { compareDistance } from '../kademlia/distance.ts'
import { DHT_MESSAGE, TOKEN_BYTES } from './constants.ts'
import { parseEntry } from './entry.ts'
import {
  acknowledgement,
  connectPeerRequest,
  connectPeerResponse,
  type FindRequest,
  findRequest,
  findResponse,
  type NodeContact,
  storePeerRequest,
  storeRequest,
  told,
} from './messages.ts'
import { PeerStore } from './peer-store.ts'
import { idOf } from './tables.ts'
import { Tokens } from './tokens.ts'
import { type DhtWorld, opened, sendSigned } from './world.ts'

/** A found without values and nodes: prefix, id, key, identifier, token, two counts, signature. */
const EMPTY_FOUND_BYTES = PREFIX_BYTES + 1 + 2 + KEY_BYTES + 4 + TOKEN_BYTES + 2 + SIGNATURE_BYTES
/** How many of the nodes that are nearer than we are count for how long a value is kept (protocol). */
const NEARER_COUNTED = 20

export interface AnswersEvents {
  /** Somebody asked, and may belong into the table. */
  onAsked(node: NodeContact): void
  /** Runs `then` once the node has shown that it receives what is sent to its address; never if it does not. */
  prove(node: NodeContact, then: () => void): void
}

/**
 * What a node of the DHT does for others. Whoever asks writes his own source address: what is longer than its question goes out only
 * when a ping there was answered.
 */
export class Answers {
  private readonly world: DhtWorld
  private readonly events: AnswersEvents
  private readonly tokens: Tokens
  private readonly peers: PeerStore
  private readonly queries: BucketsBySource

  constructor(world: DhtWorld, events: AnswersEvents) {
    const { around, settings } = world
    this.world = world
    this.events = events
    this.tokens = new Tokens(around.clock, around.random, settings.tokenMs)
    this.peers = new PeerStore(settings, around.clock)
    this.queries = new BucketsBySource(
      () => new TokenBucket(around.clock, settings.queriesPerSource, settings.queryBurst),
    )
  }

  /** Takes a request. @throws CodecError */
  receive(id: number, source: IpAddress, packet: Uint8Array): Refusal {
    switch (id) {
      case DHT_MESSAGE.ping:
        return this.answer(source, packet, acknowledgement, (node, { identifier }) => {
          this.peers.heard(node)
          sendSigned(this.world, source, DHT_MESSAGE.pong, acknowledgement, { identifier })
          return undefined
        })
      case DHT_MESSAGE.store:
        return this.answer(source, packet, storeRequest, (node, request) => this.onStore(node, request))
      case DHT_MESSAGE.find:
        return this.answer(source, packet, findRequest, (node, request) => {
          const kept = { ...request, target: request.target.slice() }
          return this.whenProven(node, () => this.sendFound(node, kept))
        })
      case DHT_MESSAGE.storePeer:
        return this.answer(source, packet, storePeerRequest, (node, { identifier, token, target }) => {
          if (!this.holdsToken(node, token)) return 'ipv8-dht-token'
          if (!this.peers.put(target, node)) return 'ipv8-dht-peer-refused'
          sendSigned(this.world, source, DHT_MESSAGE.peerStored, acknowledgement, { identifier })
          return undefined
        })
      case DHT_MESSAGE.connectPeer:
        return this.answer(source, packet, connectPeerRequest, (node, { identifier, lan, target }) => {
          const wanted = this.peers.get(target)
          return this.whenProven(node, () => {
            if (wanted) this.askForPuncture(wanted, node, lan, identifier)
            const nodes = wanted ? [told(wanted)] : []
            sendSigned(this.world, source, DHT_MESSAGE.peerConnected, connectPeerResponse, {
              identifier,
              nodes,
            })
          })
        })
      default:
        return 'ipv8-unhandled-message'
    }
  }

  private answer<T>(
    source: IpAddress,
    packet: Uint8Array,
    codec: Codec<T>,
    reply: (node: NodeContact, value: T) => Refusal,
  ): Refusal {
    if (!this.world.around.limits.request(source)) return 'ipv8-request-limit'
    if (!this.queries.take(siteOf(source))) return 'ipv8-dht-query-limit'
    const request = opened(this.world, source, parseSigned(packet, codec))
    if (typeof request === 'string') return request
    const refused = reply(request.node, request.value)
    if (!refused) this.events.onAsked(request.node)
    return refused
  }

  private whenProven(node: NodeContact, then: () => void): Refusal {
    if (this.world.around.contacts.at(node.address)?.proven) then()
    else {
      this.world.around.counters.add('ipv8-dht-asker-unproven')
      this.events.prove(node, then)
    }
    return undefined
  }

  private sendFound(node: NodeContact, { identifier, lan, target, offset, forceNodes }: FindRequest): void {
    const { store, tables, settings, around } = this.world
    const values: Uint8Array[] = []
    let bytes = EMPTY_FOUND_BYTES
    for (const value of forceNodes ? [] : store.get(target, around.clock.now(), offset)) {
      bytes += 2 + value.length
      if (bytes <= settings.foundBytes) values.push(value)
    }
    const { kind } = node.address
    const near = values.length > 0 ? [] : tables.closestProven(kind, target, settings.nodesPerMessage + 1)
    const nodes = near.filter(({ publicKey }) => !publicKey.equals(node.publicKey))
    const [nearest] = nodes
    if (nearest) this.askForPuncture(nearest, node, lan, identifier)
    sendSigned(this.world, node.address, DHT_MESSAGE.found, findResponse, {
      identifier,
      token: this.tokens.issue(node),
      values,
      nodes: nodes.slice(0, settings.nodesPerMessage).map(told),
    })
  }

  private onStore(
    node: NodeContact,
    {
      identifier,
      token,
      target,
      values,
    }: { identifier: number; token: Uint8Array; target: Uint8Array; values: Uint8Array[] },
  ): Refusal {
    const { settings, around, tables, store } = this.world
    if (values.length > settings.valuesPerMessage) return 'ipv8-dht-too-many-values'
    if (values.some(({ length }) => length > settings.entryBytes)) return 'ipv8-dht-value-too-long'
    if (!this.holdsToken(node, token)) return 'ipv8-dht-token'
    const near = tables.ownId(node.address.kind)
    for (const value of values) {
      const refused = this.keep(node, target, value, near)
      around.counters.add(refused ?? 'ipv8-dht-value-stored')
    }
    store.expire(around.clock.now())
    sendSigned(this.world, node.address, DHT_MESSAGE.stored, acknowledgement, { identifier })
    return undefined
  }

  /** @returns why it is not kept, as a counter's name */
  private keep(
    { address }: NodeContact,
    target: Uint8Array,
    value: Uint8Array,
    near: Uint8Array,
  ): string | undefined {
    const { store, around } = this.world
    const { limits, contacts, clock } = around
    try {
      const entry = parseEntry(value)
      if (entry.publicKey && !limits.verification(address, contacts.at(address))) {
        return 'ipv8-verification-limit'
      }
      if (!entry.verify()) return 'ipv8-dht-value-forged'
      const ageMs = this.ageOf(target, address.kind, near)
      return store.put(target, entry, address, near, clock.now(), ageMs)
        ? undefined
        : 'ipv8-dht-value-refused'
    } catch (error) {
      if (error instanceof CodecError) return 'ipv8-dht-value-malformed'
      throw error
    }
  }

  /** Half as long for each node beyond seven that is nearer than we are, so that what is asked for much is not kept everywhere (protocol). */
  private ageOf(target: Uint8Array, kind: IpAddress['kind'], near: Uint8Array): number {
    const { tables, settings } = this.world
    const nearer = tables
      .closest(kind, target, NEARER_COUNTED)
      .filter((node) => compareDistance(target, idOf(node), near) < 0).length
    return settings.entryMs / 2 ** Math.max(0, nearer - settings.replicas + 1)
  }

  /** A token has been read at its address: that proves it as well. */
  private holdsToken(node: NodeContact, token: Uint8Array): boolean {
    const holds = this.tokens.accepts(node, token)
    if (holds) this.world.around.contacts.answered(node.address)
    return holds
  }

  /** 45 bytes, to a node that has answered us; what it sends then, and to whom, is its own affair. */
  private askForPuncture(wanted: NodeContact, asker: NodeContact, lan: IpAddress, identifier: number): void {
    const { community, around } = this.world
    if (identifier > 0xffff || wanted.address.kind !== asker.address.kind) return
    const style = asker.address.kind === 'ipv4' ? OLD_STYLE : NEW_STYLE
    const packet = unsignedPacket(community.prefix, style.punctureRequestId, style.punctureRequest, {
      time: community.claimTime(),
      walkerLan: style === NEW_STYLE || lan.kind === 'ipv4' ? lan : NO_ADDRESS,
      walkerWan: asker.address,
      identifier,
    })
    around.send(wanted.address, packet)
  }
}
