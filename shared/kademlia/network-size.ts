import { distanceShare } from './distance.ts'

/** Estimates remembered, the latest; their median is believed. */
const SAMPLES = 5
/** Closest nodes that an estimate needs at least. */
const LEAST_NODES = 8

/**
 * How many nodes the whole DHT has. Ids are spread evenly, so the n-th closest node to a random point tells (n - 1) / distance.
 * Only points that we chose by chance count: nobody can have placed nodes around them beforehand.
 */
export class NetworkSize {
  private readonly samples: number[] = []

  /** @param closest ids of all the nodes closest to `point`, closest first */
  sample(point: Uint8Array, closest: readonly Uint8Array[]): void {
    const farthest = closest.at(-1)
    if (!farthest || closest.length < LEAST_NODES) return
    this.samples.push((closest.length - 1) / Math.max(distanceShare(point, farthest), Number.MIN_VALUE))
    if (this.samples.length > SAMPLES) this.samples.shift()
  }

  /** Whether more estimates are wanted before one is believed. */
  get isUnsure(): boolean {
    return this.samples.length < SAMPLES
  }

  /** 0 while nothing is known. */
  get estimate(): number {
    const sorted = [...this.samples].sort((a, b) => a - b)
    return sorted[sorted.length >>> 1] ?? 0
  }

  /**
   * Whether the nodes closest to a target stand so much closer to it than chance would have it that somebody placed them there
   * (Sybils around a target: no honest node would be found among them).
   * @param factor how many times denser
   */
  isCrowded(target: Uint8Array, closest: readonly Uint8Array[], factor: number): boolean {
    const farthest = closest.at(-1)
    const { estimate } = this
    if (!farthest || closest.length < LEAST_NODES || estimate < 2 * closest.length) return false
    return factor * distanceShare(target, farthest) * estimate < closest.length
  }
}
