/** The passing of time, handed in. Real in relay and page, virtual in tests and in the simulator. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start; for intervals and time-outs. */
  now(): number
  /** Milliseconds since 1970-01-01 UTC; only for what is signed and dated, never for intervals. */
  wall(): number
  /** Runs `run` once, `delayMs` or a little more from now, unless cancelled first. */
  after(delayMs: number, run: () => void): Timer
}

export interface Timer {
  /** Idempotent; has no effect after the timer has run. */
  cancel(): void
}
