import type { KademliaSettings } from './constants.ts'

/** Before anything was measured. */
const FIRST_MS = 1_000

/** How long an answer may take before a query is sent again (K-03, K-09): RFC 6298's estimate over all nodes, or a node's own if it is slow. */
export class ResendTime {
  private readonly settings: KademliaSettings
  private smoothedMs = 0
  private variationMs = 0

  constructor(settings: KademliaSettings) {
    this.settings = settings
  }

  measured(rttMs: number): void {
    if (this.smoothedMs === 0) {
      this.smoothedMs = rttMs
      this.variationMs = rttMs / 2
      return
    }
    this.variationMs = (3 * this.variationMs + Math.abs(this.smoothedMs - rttMs)) / 4
    this.smoothedMs = (7 * this.smoothedMs + rttMs) / 8
  }

  /** @param rttMs the node's own smoothed time, if known */
  of(rttMs = 0): number {
    const { minResendMs, maxResendMs } = this.settings
    const usualMs = this.smoothedMs === 0 ? FIRST_MS : this.smoothedMs + 4 * this.variationMs
    return Math.min(maxResendMs, Math.max(minResendMs, usualMs, 2 * rttMs))
  }
}
