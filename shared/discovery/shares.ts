import { type ByMethod, DISCOVERY_METHODS, type DiscoveryMethod } from './constants.ts'

/**
 * The share of each method (D-01), moved within bounds by what it yields (D-10): relays that were new, a run, in the moving
 * mean. Methods that are switched off have none.
 */
export class Shares {
  private readonly weights: ByMethod<number>
  private readonly most: number
  private readonly gain: number
  private readonly means = new Map<DiscoveryMethod, number>()

  /** @param most how many times its weight a method may get, or lose; @param gain what the last run weighs in the mean */
  constructor(weights: ByMethod<number>, most: number, gain: number) {
    this.weights = weights
    this.most = most
    this.gain = gain
  }

  /** A run of `method` brought so many new relays. */
  note(method: DiscoveryMethod, fresh: number): void {
    const mean = this.means.get(method) ?? 0
    this.means.set(method, mean + this.gain * (fresh - mean))
  }

  yieldOf(method: DiscoveryMethod): number {
    return this.means.get(method) ?? 0
  }

  /** 0 to 1; those of `among` are 1 together. */
  shareOf(method: DiscoveryMethod, among: readonly DiscoveryMethod[] = DISCOVERY_METHODS): number {
    const all = among.reduce((sum, each) => sum + this.moved(each, among), 0)
    return all === 0 || !among.includes(method) ? 0 : this.moved(method, among) / all
  }

  private moved(method: DiscoveryMethod, among: readonly DiscoveryMethod[]): number {
    const mean = among.reduce((sum, each) => sum + this.yieldOf(each), 0) / among.length
    // One relay on either side of the fraction: the first few finds do not turn everything over.
    const factor = (this.yieldOf(method) + 1) / (mean + 1)
    return this.weights[method] * Math.min(this.most, Math.max(1 / this.most, factor))
  }
}
