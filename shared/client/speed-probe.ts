import type { Clock } from '../world/clock.ts'

/** Answers asked for in one burst, and bytes in each: 48 KiB a circuit, once. */
const ANSWERS = 40
const ANSWER_BYTES = 1_200
/** Fewer answers, or in a shorter time, tell nothing. */
const LEAST_ANSWERS = 20
const LEAST_MS = 1

interface Testable {
  /** Asks the last hop for random bytes. */
  sendTest(responseBytes: number, data: Uint8Array): number | undefined
}

/**
 * Measures what a new circuit carries (N-12): a burst of test answers, and how far apart they arrive. What a relay promises is
 * its own word; this is not.
 */
export class SpeedProbe {
  private readonly clock: Clock
  private readonly done: (bytesPerSecond: number) => void
  private readonly open = new Set<number>()
  private firstMs: number | undefined
  private bytes = 0
  private answers = 0
  private finished = false

  constructor(clock: Clock, done: (bytesPerSecond: number) => void) {
    this.clock = clock
    this.done = done
  }

  start(circuit: Testable): void {
    for (let i = 0; i < ANSWERS; i++) {
      const identifier = circuit.sendTest(ANSWER_BYTES, new Uint8Array())
      if (identifier !== undefined) this.open.add(identifier)
    }
  }

  tested(identifier: number, data: Uint8Array): void {
    if (!this.open.delete(identifier) || this.finished) return
    this.answers++
    if (this.firstMs === undefined) this.firstMs = this.clock.now()
    else this.bytes += data.length
    if (this.open.size > 0 && this.answers < ANSWERS) return
    this.finish()
  }

  /** Takes stock of what came, if some was lost on the way. */
  finish(): void {
    if (this.finished || this.firstMs === undefined || this.answers < LEAST_ANSWERS) return
    this.finished = true
    const tookMs = this.clock.now() - this.firstMs
    if (tookMs >= LEAST_MS) this.done((this.bytes * 1_000) / tookMs)
  }
}
