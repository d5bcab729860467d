import type { IpAddress } from '../bytes/address.ts'
import { encodeBencode } from '../bytes/bencode.ts'
import { CulvertError } from '../bytes/error.ts'
import type { Family, KademliaEvents, NodeContact } from './api.ts'
import {
  ANSWER_BYTES_WITHOUT_NODES,
  MAX_OWN_ITEM_BYTES,
  MAX_SENT_BYTES,
  NODE_BYTES,
  NODES_PER_ANSWER,
} from './constants.ts'
import { sizeFaultOfPut, targetOf } from './item.ts'
import { ItemStore } from './item-store.ts'
import type { KrpcError, KrpcQuery, KrpcRequest, KrpcResponse, WireItem } from './krpc.ts'
import { encodeKrpc } from './krpc-codec.ts'
import { PeerStore } from './peer-store.ts'
import { type Core, type Side, sideOf } from './side.ts'
import { Tokens } from './token.ts'

/** Peers in one answer: eight bytes each of IPv4, twenty of IPv6, beside the nodes. */
const PEERS_PER_ANSWER: Record<Family, number> = { ipv4: 90, ipv6: 35 }

export interface ServerOptions {
  readonly core: Core
  readonly version: Uint8Array | undefined
  readonly events: Partial<KademliaEvents>
  ownItem(target: Uint8Array): Uint8Array | undefined
}

type Body = Omit<KrpcResponse, 'kind' | 'transaction' | 'id' | 'ip' | 'version'>
type Fault = Pick<KrpcError, 'code' | 'message'>

const BAD_TOKEN: Fault = { code: 203, message: 'bad token' }

/** What we answer to others (BEP 5, 32, 42, 44, 51), and what we keep for them. */
export class Server {
  readonly peers: PeerStore
  readonly items: ItemStore
  private readonly options: ServerOptions
  private readonly tokens: Tokens

  constructor(options: ServerOptions) {
    const { clock, random, settings } = options.core
    this.options = options
    this.peers = new PeerStore(settings)
    this.items = new ItemStore(settings)
    this.tokens = new Tokens(clock, random)
  }

  /** The datagram to be sent back. `queryBytes`: the size of the query's. */
  answer(from: IpAddress, query: KrpcQuery, queryBytes: number): Uint8Array | undefined {
    const side = sideOf(this.options.core.sides, from.kind)
    if (!side) return undefined
    const body = this.bodyOf(from, side, query, queryBytes)
    if ('code' in body) return this.error(from, query.transaction, body)
    return this.fitting(from, side, query.transaction, body)
  }

  error(from: IpAddress, transaction: Uint8Array, { code, message }: Fault): Uint8Array {
    const { version } = this.options
    return encodeKrpc({ kind: 'error', transaction, code, message, ip: from, ...(version && { version }) })
  }

  expire(now: number): void {
    this.peers.expire(now)
    this.items.expire(now)
  }

  private bodyOf(from: IpAddress, side: Side, query: KrpcQuery, queryBytes: number): Body | Fault {
    const { request } = query
    switch (request.method) {
      case 'ping':
        return {}
      case 'find_node':
        return this.nodesNear(request.target, from, queryBytes, request.want)
      case 'get_peers':
        return this.peersFor(request, from, queryBytes)
      case 'announce_peer':
        return this.announced(request, from, side)
      case 'get':
        return this.own(request, from, side, query, queryBytes) ?? this.itemFor(request, from, queryBytes)
      case 'put':
        return this.put(request, from, side)
      case 'sample_infohashes':
        return this.samples(request, from, queryBytes)
    }
  }

  /** Eight of each family wanted, or as many as the query is long; at most k. */
  private nodesNear(
    target: Uint8Array,
    from: IpAddress,
    queryBytes: number,
    want: readonly Family[] = [],
  ): Body {
    const families: readonly Family[] = want.length > 0 ? want : [from.kind]
    const of = (family: Family): readonly NodeContact[] | undefined => {
      const side = families.includes(family) ? sideOf(this.options.core.sides, family) : undefined
      const paidFor = Math.floor(
        (queryBytes - ANSWER_BYTES_WITHOUT_NODES) / NODE_BYTES[family] / families.length,
      )
      const count = Math.min(Math.max(NODES_PER_ANSWER, paidFor), this.options.core.settings.k)
      return side?.table.closestProven(target, count).map(({ contact }) => contact)
    }
    const nodes = of('ipv4')
    const nodes6 = of('ipv6')
    return { ...(nodes && { nodes }), ...(nodes6 && { nodes6 }) }
  }

  private peersFor(
    { target, want }: KrpcRequest & { method: 'get_peers' },
    from: IpAddress,
    queryBytes: number,
  ): Body {
    const { clock, random, sides } = this.options.core
    // Whoever has an own item for it is a peer of it, but announces itself to others alone: in a DHT of two it would not be found.
    const own = this.options.ownItem(target) && sideOf(sides, from.kind)?.ownAddress
    const most = PEERS_PER_ANSWER[from.kind] - (own ? 1 : 0)
    const others = this.peers.some(target, from.kind, most, clock.now(), random)
    const values = own ? [own, ...others] : others
    return {
      ...this.nodesNear(target, from, queryBytes, want),
      ...(values.length > 0 && { values }),
      token: this.tokens.issue(from),
    }
  }

  private announced(
    { target, port, token }: KrpcRequest & { method: 'announce_peer' },
    from: IpAddress,
    side: Side,
  ): Body | Fault {
    if (!this.tokens.accepts(from, token)) return BAD_TOKEN
    const { core, events } = this.options
    const peer: IpAddress = { ...from, port: port ?? from.port }
    if (!this.peers.add(target, peer, side.id, core.clock.now())) {
      core.counters.add('kademlia-peers-refused')
      return { code: 202, message: 'no room' }
    }
    events.dataStored?.('peer', target)
    return {}
  }

  private itemFor(
    { target, want, sequence }: KrpcRequest & { method: 'get' },
    from: IpAddress,
    queryBytes: number,
  ): Body {
    const item = this.items.get(target, this.options.core.clock.now())
    const body = { ...this.nodesNear(target, from, queryBytes, want), token: this.tokens.issue(from) }
    if (!item) return body
    // Who has this one already wants no other but a newer one (BEP 44).
    const known = item.sequence !== undefined && sequence !== undefined && item.sequence <= sequence
    return known ? { ...body, sequence: item.sequence } : { ...body, item }
  }

  /**
   * Our own item, if the target is one that we have something of our own for. It is no item of BEP 44 (its hash is not the target's),
   * so others would not keep it; and as it is large, only who asks with as many bytes, or who reads at that address, gets it.
   */
  private own(
    { target, token }: KrpcRequest & { method: 'get' },
    from: IpAddress,
    side: Side,
    query: KrpcQuery,
    queryBytes: number,
  ): Body | undefined {
    const own = this.options.ownItem(target)
    if (!own || own.length > MAX_OWN_ITEM_BYTES) return undefined
    const body: Body = { item: { value: encodeBencode(own) }, token: this.tokens.issue(from) }
    const proven = token !== undefined && this.tokens.accepts(from, token)
    if (proven || this.encode(from, side, query.transaction, body).length <= queryBytes) return body
    this.options.core.counters.add('kademlia-own-item-unpadded')
    return undefined
  }

  private put(request: KrpcRequest & { method: 'put' }, from: IpAddress, side: Side): Body | Fault {
    const { core, events } = this.options
    const { item, salt, cas, token } = request
    if (!this.tokens.accepts(from, token)) return BAD_TOKEN
    const oversize = sizeFaultOfPut(item, salt)
    if (oversize) return oversize
    const target = targetOf(item, salt)
    const fault = this.items.put(target, item, from, side.id, core.clock.now(), { salt, cas })
    if (fault) {
      core.counters.add('kademlia-items-refused')
      return fault
    }
    events.dataStored?.(kindOf(item), target)
    return {}
  }

  private samples(
    { target, want }: KrpcRequest & { method: 'sample_infohashes' },
    from: IpAddress,
    queryBytes: number,
  ): Body {
    const { random, settings } = this.options.core
    return {
      ...this.nodesNear(target, from, queryBytes, want),
      samples: this.peers.sample(settings.samples, random),
      sampleTotal: this.peers.infoHashes,
      sampleIntervalSeconds: Math.round(settings.sampleIntervalMs / 1000),
    }
  }

  /** What does not fit a datagram goes without the nodes of the other family, then without any. */
  private fitting(from: IpAddress, side: Side, transaction: Uint8Array, body: Body): Uint8Array {
    const other = from.kind === 'ipv4' ? 'nodes6' : 'nodes'
    const { [other]: _, ...ofOne } = body
    const { nodes: _4, nodes6: _6, ...ofNone } = body
    for (const each of [body, ofOne, ofNone]) {
      const datagram = this.encode(from, side, transaction, each)
      if (datagram.length <= MAX_SENT_BYTES) return datagram
    }
    throw new CulvertError('kademlia-answer-size', 'an answer without nodes does not fit a datagram')
  }

  private encode(from: IpAddress, side: Side, transaction: Uint8Array, body: Body): Uint8Array {
    const { version } = this.options
    return encodeKrpc({
      kind: 'response',
      transaction,
      id: side.id,
      ip: from,
      ...(version && { version }),
      ...body,
    })
  }
}

function kindOf(item: WireItem): 'mutable' | 'immutable' {
  return item.publicKey ? 'mutable' : 'immutable'
}
