import type { Random } from '../world/random.ts'
import { ID_BYTES } from './constants.ts'
import { distanceShare } from './distance.ts'

/**
 * Counts distinct ids without keeping any: only the smallest distances to a secret point, from which the number of all follows
 * (k minimum values). Exact below twice `capacity`, which is the most numbers kept; then right to within about 1 / √capacity.
 */
export class DistinctCount {
  private readonly point: Uint8Array
  private readonly capacity: number
  private readonly shares = new Set<number>()
  /** Distances from here on are dropped. */
  private limit = 1

  constructor(capacity: number, random: Random) {
    this.capacity = capacity
    this.point = random.bytes(ID_BYTES)
  }

  add(id: Uint8Array): void {
    const share = distanceShare(this.point, id)
    if (share >= this.limit) return
    this.shares.add(share)
    if (this.shares.size >= 2 * this.capacity) this.trim()
  }

  /** Whether nothing was dropped. */
  get isExact(): boolean {
    return this.limit === 1
  }

  get count(): number {
    if (this.isExact) return this.shares.size
    const share = this.sorted()[this.capacity - 1] ?? 1
    return Math.round((this.capacity - 1) / Math.max(share, Number.MIN_VALUE))
  }

  private trim(): void {
    const sorted = this.sorted()
    this.limit = sorted[this.capacity] ?? 1
    for (const share of sorted.slice(this.capacity)) this.shares.delete(share)
  }

  private sorted(): number[] {
    return [...this.shares].sort((a, b) => a - b)
  }
}
