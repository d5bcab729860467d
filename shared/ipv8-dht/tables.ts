import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { KADEMLIA_DEFAULTS, type KademliaSettings } from '../kademlia/constants.ts'
import { Table } from '../kademlia/table.ts'
import type { TableNode } from '../kademlia/table-node.ts'
import type { Random } from '../world/random.ts'
import type { NodeContact } from './messages.ts'
import { dhtNodeId } from './node-id.ts'

type Kind = IpAddress['kind']
const KINDS: readonly Kind[] = ['ipv4', 'ipv6']

/** More than both tables ever hold. */
const MAX_KEYS = 2_048

/** The table of `kademlia/`, as IPv8's DHT wants it: buckets of eight, and ids that follow from address and key by themselves. */
const TABLE: KademliaSettings = {
  ...KADEMLIA_DEFAULTS,
  k: 8,
  nodeIds: 'off',
  questionableMs: 60_000,
}

export interface OwnPlace {
  readonly mid: Uint8Array
  /** NO_ADDRESS while unknown. */
  wan(kind: Kind): IpAddress
}

/** The nodes that we know, a table for each IP version: where we stand in it follows from our address there. */
export class Tables {
  private readonly own: OwnPlace
  private readonly now: () => number
  private readonly ids: Record<Kind, Uint8Array>
  private readonly byKind: Record<Kind, Table>
  private readonly keys = new BoundedMap<string, PublicKey>(MAX_KEYS)

  constructor(own: OwnPlace, now: () => number) {
    this.own = own
    this.now = now
    this.ids = { ipv4: this.idNow('ipv4'), ipv6: this.idNow('ipv6') }
    this.byKind = {
      ipv4: new Table(this.ids.ipv4, TABLE, now()),
      ipv6: new Table(this.ids.ipv6, TABLE, now()),
    }
  }

  get size(): number {
    return this.byKind.ipv4.size + this.byKind.ipv6.size
  }

  /** IP versions of which nodes are known. */
  get kinds(): readonly Kind[] {
    return KINDS.filter((kind) => this.byKind[kind].usable)
  }

  ownId(kind: Kind): Uint8Array {
    return this.ids[kind]
  }

  /** Others may see us elsewhere than they did. */
  settle(): void {
    for (const kind of KINDS) {
      const id = this.idNow(kind)
      if (equalBytes(id, this.ids[kind])) continue
      this.ids[kind] = id
      this.byKind[kind].moveTo(id, this.now())
    }
  }

  /** A node answered. */
  offer(node: NodeContact, rttMs: number): void {
    const { address, publicKey } = node
    const table = this.byKind[address.kind]
    const { kind } = table.offer(idOf(node), address, this.now(), rttMs)
    if (kind !== 'refused') this.keys.set(formatAddress(address), publicKey)
  }

  failed({ address }: NodeContact, online: boolean): void {
    this.byKind[address.kind].failed(address, online)
  }

  has(node: NodeContact): boolean {
    const found = this.byKind[node.address.kind].at(node.address)
    return found !== undefined && equalBytes(found.id, idOf(node))
  }

  hasRoomFor(node: NodeContact): boolean {
    return this.byKind[node.address.kind].hasRoomFor(idOf(node), node.address, this.now())
  }

  closest(kind: Kind, target: Uint8Array, count: number): NodeContact[] {
    return this.contacts(this.byKind[kind].closest(target, count))
  }

  /** Of those that answered the last time: to be told to others. */
  closestProven(kind: Kind, target: Uint8Array, count: number): NodeContact[] {
    return this.contacts(this.byKind[kind].closestProven(target, count))
  }

  /** Those not heard of for longest, if that is a minute. */
  questionable(count: number): NodeContact[] {
    return KINDS.flatMap((kind) => this.contacts(this.byKind[kind].questionable(this.now(), count)))
  }

  /** An id to look up, where a bucket was not looked into for a quarter of an hour. */
  staleTarget(random: Random): Uint8Array | undefined {
    for (const kind of this.kinds) {
      const target = this.byKind[kind].staleTarget(this.now(), random)
      if (target) return target
    }
    return undefined
  }

  private idNow(kind: Kind): Uint8Array {
    return dhtNodeId(this.own.wan(kind), this.own.mid)
  }

  private contacts(nodes: readonly TableNode[]): NodeContact[] {
    return nodes.flatMap(({ address }) => {
      const publicKey = this.keys.get(formatAddress(address))
      return publicKey ? [{ address, publicKey }] : []
    })
  }
}

export function idOf({ address, publicKey }: NodeContact): Uint8Array {
  return dhtNodeId(address, publicKey.mid)
}
