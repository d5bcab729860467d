import type { Circuit } from '../../shared/onion/circuit.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { PROBE } from './constants.ts'

/** What a speed test has found. */
export interface SpeedResult {
  readonly bytesPerSecond: number
  /** Answers that did not come, of 1. */
  readonly lost: number
}

/**
 * Asks the last hop of a circuit for random bytes (messages 19 and 20), so many answers at once, for some seconds. An answer that
 * has not come after a second counts as lost.
 */
export class SpeedTest {
  private readonly circuit: Circuit
  private readonly clock: Clock
  private readonly open = new Map<number, number>()
  private asked = 0
  private answered = 0
  private bytes = 0
  private startedMs = 0
  private running = false

  constructor(circuit: Circuit, clock: Clock) {
    this.circuit = circuit
    this.clock = clock
  }

  run(): Promise<SpeedResult> {
    this.startedMs = this.clock.now()
    this.running = true
    this.fill()
    return new Promise((resolve) => {
      const look = () => {
        const nowMs = this.clock.now()
        for (const [identifier, atMs] of this.open) if (nowMs - atMs >= 1_000) this.open.delete(identifier)
        if (nowMs - this.startedMs >= PROBE.testMs || this.circuit.state !== 'ready') {
          this.running = false
          resolve(this.result(nowMs))
        } else {
          this.fill()
          this.clock.after(100, look)
        }
      }
      look()
    })
  }

  /** To be called for each answer. */
  tested(identifier: number, data: Uint8Array): void {
    if (!this.open.delete(identifier) || !this.running) return
    this.answered++
    this.bytes += data.length
    this.fill()
  }

  private fill(): void {
    while (this.running && this.open.size < PROBE.window) {
      const identifier = this.circuit.sendTest(PROBE.answerBytes, new Uint8Array())
      if (identifier === undefined) return
      // Of two under one identifier the first answer is both's.
      if (!this.open.has(identifier)) this.asked++
      this.open.set(identifier, this.clock.now())
    }
  }

  private result(nowMs: number): SpeedResult {
    const closed = Math.max(1, this.asked - this.open.size)
    const seconds = Math.max(1, nowMs - this.startedMs) / 1_000
    return { bytesPerSecond: this.bytes / seconds, lost: 1 - Math.min(1, this.answered / closed) }
  }
}
