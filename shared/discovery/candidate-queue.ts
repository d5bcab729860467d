import { networkOf } from '../ipv8/network-of.ts'
import type { DiscoveryMethod } from './constants.ts'
import type { Candidate } from './source.ts'

interface Line<T> {
  readonly waiting: T[]
  /** How much of its share it has used; who used least is next (stride scheduling). */
  used: number
}

export interface Waiting {
  readonly candidate: Candidate
  readonly method: DiscoveryMethod
}

/**
 * Candidates that wait to be looked at: a line for each method, served by share, bounded for each method and for each network,
 * so that no source and nobody who names many addresses crowds out the rest.
 */
export class CandidateQueue<T extends Waiting> {
  private readonly lines = new Map<DiscoveryMethod, Line<T>>()
  private readonly perNetwork = new Map<string, number>()
  private readonly limits: { readonly waitingPerMethod: number; readonly waitingPerNetwork: number }
  private readonly shareOf: (method: DiscoveryMethod) => number
  private count = 0

  constructor(
    limits: { readonly waitingPerMethod: number; readonly waitingPerNetwork: number },
    shareOf: (method: DiscoveryMethod) => number,
  ) {
    this.limits = limits
    this.shareOf = shareOf
  }

  get size(): number {
    return this.count
  }

  /** @returns false if there is no room for it */
  push(job: T): boolean {
    const line = this.lineOf(job.method)
    const network = networkOf(job.candidate.address)
    const ofNetwork = this.perNetwork.get(network) ?? 0
    const full = line.waiting.length >= this.limits.waitingPerMethod
    if (full || ofNetwork >= this.limits.waitingPerNetwork) return false
    // A line that was empty gains no claim by having been away.
    if (line.waiting.length === 0) line.used = Math.max(line.used, this.leastUsed())
    line.waiting.push(job)
    this.perNetwork.set(network, ofNetwork + 1)
    this.count++
    return true
  }

  pop(): T | undefined {
    let next: Line<T> | undefined
    for (const line of this.lines.values()) {
      if (line.waiting.length > 0 && (next === undefined || line.used < next.used)) next = line
    }
    const job = next?.waiting.shift()
    if (next === undefined || job === undefined) return undefined
    next.used += 1 / Math.max(this.shareOf(job.method), 0.001)
    const network = networkOf(job.candidate.address)
    const left = (this.perNetwork.get(network) ?? 1) - 1
    if (left > 0) this.perNetwork.set(network, left)
    else this.perNetwork.delete(network)
    this.count--
    return job
  }

  clear(): void {
    this.lines.clear()
    this.perNetwork.clear()
    this.count = 0
  }

  private leastUsed(): number {
    const used = [...this.lines.values()].flatMap((line) => (line.waiting.length > 0 ? [line.used] : []))
    return used.length > 0 ? Math.min(...used) : 0
  }

  private lineOf(method: DiscoveryMethod): Line<T> {
    let line = this.lines.get(method)
    if (line === undefined) {
      line = { waiting: [], used: 0 }
      this.lines.set(method, line)
    }
    return line
  }
}
