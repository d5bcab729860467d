/**
 * A smoothed round trip and what is to be allowed for it, in milliseconds, as in RFC 6298 §2; but one sample is trusted twice as
 * much as there, since samples are few and a wrong guess costs no more than a change of wires.
 */
export class RoundTrip {
  private smoothed: number | undefined
  private variation = 0

  /** Undefined until one was measured. */
  get latencyMs(): number | undefined {
    return this.smoothed
  }

  /** How long an answer may take before it is late. @param unknownMs while nothing was measured */
  timeoutMs(unknownMs: number): number {
    return this.smoothed === undefined ? unknownMs : this.smoothed + 4 * this.variation
  }

  measured(ms: number): void {
    if (this.smoothed === undefined) {
      this.smoothed = ms
      this.variation = ms / 4
    } else {
      this.variation += (Math.abs(this.smoothed - ms) - this.variation) / 4
      this.smoothed += (ms - this.smoothed) / 8
    }
  }
}
