import type { Clock } from '../world/clock.ts'
import { below, fraction, type Random } from '../world/random.ts'

/** Messages of a circuit whose owner watches a film, inside their layers: bytes without the layers. */
export const ACKNOWLEDGEMENT_BYTES = 35
const PING_BYTES = 3
const FULL_BYTES = 1_371
const PING_MS = 7_500
/** What the far end sends at once, and how often: 1 MB/s while it sends. */
const BURST_MESSAGES = 4
const BURST_MS = 5

export interface FilmOptions {
  readonly clock: Clock
  readonly random: Random
  /** Of a message to the owner, on average; while it sends it is faster, and then it rests. */
  readonly bytesPerSecond: number
  /** Sends a message of so many bytes towards the owner. */
  toOwner(bytes: number): void
  /** Sends one towards the exit. */
  toExit(bytes: number): void
}

/**
 * What one circuit carries: pieces of a film of any length, one after the other with a pause between, each in messages of
 * one size and a shorter last one; what the owner has received he acknowledges, every second message. Half of the circuits
 * carry full messages, the others' peers send shorter ones.
 */
export class Film {
  private readonly options: FilmOptions
  private readonly messageBytes: number
  private left = 0
  private unacknowledged = 0

  constructor(options: FilmOptions) {
    const { random } = options
    this.options = options
    this.messageBytes = fraction(random) < 0.5 ? FULL_BYTES : FULL_BYTES - below(random, 400)
  }

  start(): void {
    const { clock, random } = this.options
    clock.after(below(random, 2_000), () => this.piece())
    clock.after(below(random, PING_MS), () => this.ping())
  }

  /** A message has come to the owner. */
  received(): void {
    this.unacknowledged++
    if (this.unacknowledged < 2 && this.left > 0) return
    this.unacknowledged = 0
    this.options.toExit(ACKNOWLEDGEMENT_BYTES)
  }

  private piece(): void {
    const { random } = this.options
    this.left = 16_384 + below(random, 262_144)
    this.burst()
  }

  private burst(): void {
    const { clock, toOwner, bytesPerSecond, random } = this.options
    for (let i = 0; i < BURST_MESSAGES && this.left > 0; i++) {
      const bytes = Math.min(this.messageBytes, this.left)
      this.left -= bytes
      toOwner(Math.max(bytes, ACKNOWLEDGEMENT_BYTES))
    }
    // Pieces are 147 kB on average, so this makes the rate.
    const restMs = -Math.log(1 - fraction(random)) * (147_000 / bytesPerSecond) * 1_000
    if (this.left > 0) clock.after(BURST_MS, () => this.burst())
    else clock.after(restMs, () => this.piece())
  }

  private ping(): void {
    const { clock, toExit } = this.options
    toExit(PING_BYTES)
    clock.after(PING_MS, () => this.ping())
  }
}
