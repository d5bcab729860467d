import type { IpAddress } from '../../bytes/address.ts'
import { CodecError } from '../../bytes/error.ts'
import type { NodeContact } from '../../kademlia/api.ts'
import { ID_BYTES, NODES_PER_ANSWER } from '../../kademlia/constants.ts'
import { compareDistance, randomNear } from '../../kademlia/distance.ts'
import { byteStringValue } from '../../kademlia/item.ts'
import type { KrpcQuery, KrpcResponse, WireItem } from '../../kademlia/krpc.ts'
import { decodeKrpc, encodeKrpc } from '../../kademlia/krpc-codec.ts'
import { nodeIdFor } from '../../kademlia/node-id.ts'
import type { Clock } from '../../world/clock.ts'
import { below, pick } from '../../world/random.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { DhtPlace, DhtWires } from './dht-wires.ts'

/** `free`: closer to the target than anybody. `bound`: the best of the eight that each address may have (BEP 42). */
export type SybilIds = 'free' | 'bound'

export interface SybilOptions {
  readonly clock: Clock
  readonly random: SeededRandom
  readonly wires: DhtWires
  readonly count: number
  readonly ids: SybilIds
  /** How many of them share a /24. */
  readonly perNetwork: number
  readonly target: Uint8Array
  /** Addresses of honest nodes, closest to the target first: a Sybil knows them all. */
  honest(): readonly IpAddress[]
}

interface Sybil {
  readonly place: DhtPlace
  readonly id: Uint8Array
}

/** Equal leading bits of freely chosen ids with the target: more than any honest node has. */
const FREE_PREFIX_BITS = 40
/** Draws of an id that fits an address; all eight are then among them almost surely. */
const DRAWS = 48
/** Each makes itself known to so many honest nodes so often; one half of them close to the target. */
const CALLS = 10
const CALL_MS = 30_000
const CLOSE_HONEST = 60
const FALSE_PEERS = 20
const TRANSACTION_BYTES = 4

/**
 * Hostile nodes that stand around a target together: they answer everything, with each other for nodes, false peers and false or
 * outdated values; they take what is stored, and lose it. They call on honest nodes, to be in their tables.
 */
export class SybilRing {
  private readonly options: SybilOptions
  private readonly sybils: Sybil[] = []
  /** The first item put here, told from then on whatever comes after it. */
  private outdated: WireItem | undefined
  private gone = false

  constructor(options: SybilOptions) {
    this.options = options
    const { count, perNetwork, wires, random, clock } = options
    for (let i = 0; i < count; i++) {
      const before = i % perNetwork === 0 ? undefined : this.sybils[i - 1]
      const place = wires.add(before && networkOf(before.place.address))
      const sybil = { place, id: this.idFor(place.address) }
      place.receive = (from, datagram) => this.answer(sybil, from, datagram)
      this.sybils.push(sybil)
      clock.after(below(random, CALL_MS), () => this.call(sybil))
    }
    this.sybils.sort((a, b) => compareDistance(options.target, a.id, b.id))
  }

  leave(): void {
    this.gone = true
    for (const { place } of this.sybils) this.options.wires.remove(place)
  }

  /** How many of them are among the nodes given, by address. */
  among(contacts: readonly NodeContact[]): number {
    const hosts = new Set(this.sybils.map(({ place }) => place.address.host))
    return contacts.filter(({ address }) => hosts.has(address.host)).length
  }

  get closest(): readonly Uint8Array[] {
    return this.sybils.map(({ id }) => id)
  }

  private idFor(address: IpAddress): Uint8Array {
    const { ids, random, target } = this.options
    if (ids === 'free') return randomNear(target, FREE_PREFIX_BITS, random)
    let best = nodeIdFor(address, random)
    for (let i = 0; i < DRAWS; i++) {
      const id = nodeIdFor(address, random)
      // Behind the 21 bits of the address all are free, but for the last three.
      id[2] = ((id[2] as number) & 0xf8) | ((target[2] as number) & 0x07)
      id.set(target.subarray(3, ID_BYTES - 1), 3)
      if (compareDistance(target, id, best) < 0) best = id
    }
    return best
  }

  private call(sybil: Sybil): void {
    if (this.gone) return
    const { clock, random, wires, target } = this.options
    const honest = this.options.honest()
    const close = honest.slice(0, CLOSE_HONEST)
    for (let i = 0; i < CALLS; i++) {
      const to = pick(random, i % 2 === 0 ? close : honest)
      if (!to) break
      const request = { method: 'find_node', id: sybil.id, target } as const
      const query = { kind: 'query', transaction: random.bytes(TRANSACTION_BYTES), request } as const
      wires.send(sybil.place, to, encodeKrpc(query))
    }
    clock.after(CALL_MS, () => this.call(sybil))
  }

  private answer(sybil: Sybil, from: IpAddress, datagram: Uint8Array): void {
    try {
      const message = decodeKrpc(datagram)
      if (message.kind !== 'query') return
      this.options.wires.send(sybil.place, from, encodeKrpc(this.answerTo(sybil, message)))
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
    }
  }

  private answerTo(sybil: Sybil, { request, transaction }: KrpcQuery): KrpcResponse {
    const { random } = this.options
    const answer: KrpcResponse = { kind: 'response', transaction, id: sybil.id }
    if (request.method === 'put' && request.item.publicKey) this.outdated ??= copyOf(request.item)
    if (!('target' in request) || request.method === 'announce_peer') return answer
    const nodes = { nodes: this.accomplices(), token: random.bytes(8) }
    if (request.method === 'get_peers') return { ...answer, ...nodes, values: this.falsePeers() }
    if (request.method === 'get') {
      const item = this.outdated ?? { value: byteStringValue(random.bytes(20)) }
      return { ...answer, ...nodes, item }
    }
    return { ...answer, ...nodes }
  }

  /** Of the closest fourth mostly. */
  private accomplices(): NodeContact[] {
    const { random } = this.options
    const near = Math.max(NODES_PER_ANSWER, this.sybils.length >> 2)
    return Array.from({ length: NODES_PER_ANSWER }, (_, i) => {
      const bound = Math.min(i % 4 === 3 ? this.sybils.length : near, this.sybils.length)
      const { id, place } = this.sybils[below(random, bound)] as Sybil
      return { id, address: place.address }
    })
  }

  private falsePeers(): IpAddress[] {
    return Array.from({ length: FALSE_PEERS }, () => this.options.wires.freeAddress())
  }
}

function copyOf({ value, publicKey, sequence, signature }: WireItem): WireItem {
  if (!publicKey || !signature || sequence === undefined) return { value: Uint8Array.from(value) }
  return {
    value: Uint8Array.from(value),
    publicKey: Uint8Array.from(publicKey),
    signature: Uint8Array.from(signature),
    sequence,
  }
}

function networkOf(address: IpAddress): [number, number, number] {
  const [a = 0, b = 0, c = 0] = address.host.split('.').map(Number)
  return [a, b, c]
}
