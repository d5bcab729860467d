import { type IpAddress, sameAddress } from '../bytes/address.ts'
import type { Random } from '../world/random.ts'
import { Bucket } from './bucket.ts'
import { ID_BYTES, type KademliaSettings } from './constants.ts'
import { randomNear } from './distance.ts'
import { nodeIdFits } from './node-id.ts'
import { comparePacked, type PackedId, packed, packedPrefixBits, unpacked } from './packed-id.ts'
import { countedNetworkOf, machineOf } from './place.ts'
import { type NodeIdentity, TableNode } from './table-node.ts'

const BUCKETS = 8 * ID_BYTES

/** What became of a node that answered. */
export type Offer =
  | { readonly kind: 'added' | 'known' | 'refused' }
  /** No place for now; it gets one if `asked` does not answer a ping (ping before evict). */
  | { readonly kind: 'spare'; readonly ask: TableNode | undefined }

/**
 * The nodes known of one address family, by XOR distance from us (K-02). Bucket i holds those that share i leading bits
 * with our id, the last bucket also all that share more: only it splits, as the bucket with our own id does in Kademlia.
 * Where few nodes are closer to us than a bucket, it takes twice as many (Kademlia §2.4: one knows the k closest to oneself).
 *
 * Who owns a network does not get the table (K-06): one node for each machine, few for each network in a bucket and in all,
 * ids that fit their addresses (BEP 42) first. Only nodes that answered get in, and those that go on answering stay.
 */
export class Table {
  private ownId: PackedId
  private readonly settings: KademliaSettings
  private buckets: Bucket[]
  private readonly byMachine = new Map<string, TableNode>()

  constructor(ownId: Uint8Array, settings: KademliaSettings, now: number) {
    this.ownId = packed(ownId)
    this.settings = settings
    this.buckets = [new Bucket(now)]
  }

  get size(): number {
    return this.byMachine.size
  }

  get bucketCount(): number {
    return this.buckets.length
  }

  /** Whether any node is there that may answer. */
  get usable(): boolean {
    for (const node of this.byMachine.values()) if (this.isGood(node)) return true
    return false
  }

  at(address: IpAddress): TableNode | undefined {
    const node = this.byMachine.get(machineOf(address))
    return node && sameAddress(node.address, address) ? node : undefined
  }

  /** A node answered from there, or asked, if it is known. */
  offer(id: Uint8Array, address: IpAddress, now: number, rttMs: number): Offer {
    const key = packed(id)
    const machine = machineOf(address)
    const there = this.byMachine.get(machine)
    if (there) {
      if (sameAddress(there.address, address) && there.key === key) {
        there.heard(now, rttMs)
        this.bucketAt(this.indexOf(key)).touchedMs = now
        return { kind: 'known' }
      }
      // A machine that has become another node; or one that plays many: then the first of them stays as long as it answers.
      if (this.isFresh(there, now)) return { kind: 'refused' }
      this.remove(there)
    }
    const network = countedNetworkOf(address)
    const fits = this.settings.nodeIds === 'off' || nodeIdFits(id, address)
    const node = new TableNode({ key, address, machine, network, fits }, now, rttMs)
    return this.place(node, now)
  }

  /** A node that had answered at `heardMs` when this table was saved. @returns whether it has a place */
  restore(node: NodeIdentity, heardMs: number): boolean {
    if (this.byMachine.has(node.machine)) return false
    return this.place(new TableNode(node, heardMs, 0), heardMs).kind === 'added'
  }

  /** Whether an unknown node of that id would get a place now, so that it is worth a ping. */
  hasRoomFor(id: Uint8Array, address: IpAddress, now: number): boolean {
    const key = packed(id)
    if (key === this.ownId) return false
    const there = this.byMachine.get(machineOf(address))
    if (there && this.isFresh(there, now)) return false
    const index = this.indexOf(key)
    const bucket = this.bucketAt(index)
    const room = bucket.nodes.length < this.room(index) || this.maySplit(index, key)
    const { nodeIds } = this.settings
    if (room && nodeIds !== 'require') return this.admits(countedNetworkOf(address), bucket)
    const fit = nodeIds === 'off' || nodeIdFits(id, address)
    if (nodeIds === 'require' && !fit) return false
    const worse = (node: TableNode) => !this.isGood(node) || (fit && !node.fits)
    return (room || bucket.nodes.some(worse)) && this.admits(countedNetworkOf(address), bucket)
  }

  /** A query to it was not answered. Bad nodes go when there is another, or if `online`: when it is they who are silent, not we. */
  failed(address: IpAddress, online: boolean): void {
    const node = this.at(address)
    if (!node) return
    node.failures = Math.min(node.failures + 1, this.settings.failures)
    if (this.isGood(node)) return
    const bucket = this.bucketAt(this.indexOf(node.key))
    if (!online && !bucket.spares) return
    this.remove(node)
    for (let spare = bucket.takeSpare(); spare; spare = bucket.takeSpare()) {
      if (this.byMachine.has(spare.machine)) continue
      // Full still: a bucket's room shrinks when those closer to us fill. The spare is one again.
      if (this.place(spare, spare.heardMs).kind !== 'refused') return
    }
  }

  /**
   * The nodes closest to the target, closest first: `count` whose ids fit their addresses, and then up to `unfit` others, which
   * also fill what is missing of the first. (With ids of any kind all fit.)
   */
  closest(target: Uint8Array, count: number, unfit = 0): TableNode[] {
    return this.select(target, count, unfit, (node) => this.isGood(node))
  }

  /** As `closest`, of those only that answered the last query: to be told to others. */
  closestProven(target: Uint8Array, count: number): TableNode[] {
    return this.select(target, count, 0, (node) => node.failures === 0)
  }

  private select(
    target: Uint8Array,
    count: number,
    unfit: number,
    suits: (node: TableNode) => boolean,
  ): TableNode[] {
    const fitting: TableNode[] = []
    const others: TableNode[] = []
    const point = packed(target)
    const centre = this.indexOf(point)
    const take = (from: number, to: number) => {
      const group: TableNode[] = []
      for (let i = from; i < to; i++) {
        for (const node of this.bucketAt(i).nodes) if (suits(node)) group.push(node)
      }
      group.sort((a, b) => comparePacked(point, a.key, b.key))
      for (const node of group) {
        if (!node.fits) others.push(node)
        else if (fitting.length < count) fitting.push(node)
      }
    }
    // Nodes in the target's bucket share more bits with it than any others do, all deeper ones equally many, and each
    // bucket before it fewer.
    take(centre, centre + 1)
    if (fitting.length < count) take(centre + 1, this.buckets.length)
    for (let i = centre - 1; i >= 0 && fitting.length < count; i--) take(i, i + 1)
    return [...fitting, ...others.slice(0, Math.max(unfit, count - fitting.length))]
  }

  nodes(): TableNode[] {
    return [...this.byMachine.values()].filter((node) => this.isGood(node))
  }

  /** The nodes that have been silent longest, of those not heard of for `questionableMs`. */
  questionable(now: number, count: number): TableNode[] {
    const stale: TableNode[] = []
    for (const node of this.byMachine.values()) {
      if (now - node.heardMs >= this.settings.questionableMs) stale.push(node)
    }
    return stale.sort((a, b) => a.heardMs - b.heardMs).slice(0, count)
  }

  /** A random id within the bucket that was not touched for longest, if that is `refreshMs` or more; it counts as touched then. */
  staleTarget(now: number, random: Random): Uint8Array | undefined {
    let index = -1
    for (const [i, bucket] of this.buckets.entries()) {
      if (index < 0 || bucket.touchedMs < this.bucketAt(index).touchedMs) index = i
    }
    const bucket = this.bucketAt(index)
    if (now - bucket.touchedMs < this.settings.refreshMs) return undefined
    bucket.touchedMs = now
    const last = index === this.buckets.length - 1
    return randomNear(unpacked(this.ownId), index, random, !last)
  }

  /** We have another id now: all nodes are sorted anew, those first that were heard of last. */
  moveTo(ownId: Uint8Array, now: number): void {
    const nodes = [...this.byMachine.values()].sort((a, b) => b.heardMs - a.heardMs)
    this.ownId = packed(ownId)
    this.buckets = [new Bucket(now)]
    this.byMachine.clear()
    for (const node of nodes) this.place(node, now)
  }

  private place(node: TableNode, now: number): Offer {
    const { nodeIds, replacements } = this.settings
    if (nodeIds === 'require' && !node.fits) return { kind: 'refused' }
    if (node.key === this.ownId) return { kind: 'refused' }
    let index = this.indexOf(node.key)
    const twin = this.bucketAt(index).withId(node.key)
    if (twin) {
      // Two addresses under one id: one of them only copied it.
      if (this.isFresh(twin, now)) return { kind: 'refused' }
      this.remove(twin)
    }
    while (this.bucketAt(index).nodes.length >= this.room(index) && this.maySplit(index, node.key)) {
      this.split(now)
      index = this.indexOf(node.key)
    }
    const bucket = this.bucketAt(index)
    if (!this.admits(node.network, bucket)) return { kind: 'refused' }
    if (bucket.nodes.length >= this.room(index)) {
      const loser =
        bucket.nodes.find((each) => !this.isGood(each)) ??
        (node.fits && nodeIds === 'prefer' ? bucket.nodes.find((each) => !each.fits) : undefined)
      if (!loser) {
        bucket.keepSpare(node, replacements)
        return { kind: 'spare', ask: this.oldestQuestionable(bucket, now) }
      }
      this.remove(loser)
    }
    bucket.nodes.push(node)
    bucket.touchedMs = now
    this.byMachine.set(node.machine, node)
    return { kind: 'added' }
  }

  private remove(node: TableNode): void {
    this.byMachine.delete(node.machine)
    this.bucketAt(this.indexOf(node.key)).remove(node)
  }

  private split(now: number): void {
    const depth = this.buckets.length - 1
    const last = this.bucketAt(depth)
    const deeper = new Bucket(now)
    deeper.touchedMs = last.touchedMs
    const isDeeper = (node: TableNode) => packedPrefixBits(this.ownId, node.key) > depth
    deeper.nodes = last.nodes.filter(isDeeper)
    deeper.spares = last.spares?.filter(isDeeper)
    last.nodes = last.nodes.filter((node) => !isDeeper(node))
    last.spares = last.spares?.filter((node) => !isDeeper(node))
    this.buckets.push(deeper)
  }

  /** The last bucket splits, but not for nodes that all lie on its far side: those would only leave an empty one behind. */
  private maySplit(index: number, key: PackedId): boolean {
    if (index !== this.buckets.length - 1 || this.buckets.length >= BUCKETS) return false
    const isDeeper = (each: PackedId) => packedPrefixBits(this.ownId, each) > index
    return isDeeper(key) || this.bucketAt(index).nodes.some((node) => isDeeper(node.key))
  }

  private room(index: number): number {
    const { k } = this.settings
    let deeper = 0
    for (let i = this.buckets.length - 1; i > index && deeper < k; i--)
      deeper += this.bucketAt(i).nodes.length
    return index < this.buckets.length - 1 && deeper < k ? 2 * k : k
  }

  private admits(network: string | undefined, bucket: Bucket): boolean {
    if (network === undefined) return true
    if (bucket.ofNetwork(network) >= this.settings.perNetworkInBucket) return false
    let count = 0
    for (const each of this.buckets) count += each.ofNetwork(network)
    return count < this.settings.perNetworkInTable
  }

  private oldestQuestionable(bucket: Bucket, now: number): TableNode | undefined {
    let oldest: TableNode | undefined
    for (const node of bucket.nodes) if (!oldest || node.heardMs < oldest.heardMs) oldest = node
    return oldest && !this.isFresh(oldest, now) ? oldest : undefined
  }

  private isGood(node: TableNode): boolean {
    return node.failures < this.settings.failures
  }

  private isFresh(node: TableNode, now: number): boolean {
    return node.failures === 0 && now - node.heardMs < this.settings.questionableMs
  }

  private indexOf(key: PackedId): number {
    return Math.min(packedPrefixBits(this.ownId, key), this.buckets.length - 1)
  }

  private bucketAt(index: number): Bucket {
    const bucket = this.buckets[index]
    if (!bucket) throw new RangeError(`no bucket ${index}`)
    return bucket
  }
}
