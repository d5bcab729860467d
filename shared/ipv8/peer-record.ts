import { toHex } from '../bytes/bytes.ts'
import type { PublicKey } from '../identity/keys.ts'
import { doubledPause } from '../world/retry.ts'
import { BoundedMap } from './bounded-map.ts'
import type { WalkSettings } from './constants.ts'

/** RFC 6298 §2: gains of the smoothed round trip and of its variation. */
const RTT_GAIN = 1 / 8
const VARIATION_GAIN = 1 / 4
/** Each outcome weighs this much of the one after it, so the last 20 or so decide. */
const FADE = 0.95
/** The round trip, variation included, at which a peer is worth half of what an instant one is. */
const HALF_WORTH_MS = 1_000
/**
 * Anyone can write a peer's address under nonsense, so that invalid messages weigh little: at most this share of the
 * suitability, a quarter of it for the first, and each sign of life makes a tenth of them forgotten.
 */
const DOUBT_WEIGHT = 0.2
const DOUBT_GAIN = 0.25
const DOUBT_FADE = 0.9
const SAME_CAUSE_MS = 9_000
/** Taken for a round trip that nobody measured yet. */
const UNMEASURED_MS = 1_000

/**
 * How one peer behaves (N-11, N-12): outcomes of handshakes, pings and circuits, and round trips. Kept by key beyond the
 * peer's time in a table, so that a bad one does not come back as a new one.
 */
export class PeerRecord {
  /** Smoothed; undefined until measured. */
  rttMs: number | undefined
  /** Mean deviation of the round trip. */
  rttVarianceMs: number | undefined
  consecutiveFailures = 0
  /** No further attempt before this time of the clock. */
  restUntil = Number.NEGATIVE_INFINITY
  consecutiveCircuitFailures = 0
  private lastFailureMs = Number.NEGATIVE_INFINITY
  private rests = 0
  private doubt = 0
  private succeeded = 0
  private failed = 0

  measured(rttMs: number): void {
    if (this.rttMs === undefined) {
      this.rttMs = rttMs
      this.rttVarianceMs = rttMs / 2
      return
    }
    const deviation = Math.abs(this.rttMs - rttMs)
    this.rttVarianceMs = (1 - VARIATION_GAIN) * (this.rttVarianceMs ?? 0) + VARIATION_GAIN * deviation
    this.rttMs = (1 - RTT_GAIN) * this.rttMs + RTT_GAIN * rttMs
  }

  /** It answered: it is there, which by itself makes it no better relay. */
  alive(): void {
    this.consecutiveFailures = 0
    this.doubt *= DOUBT_FADE
  }

  /** A handshake with it, or a circuit through it, came about. */
  success(): void {
    this.alive()
    this.rests = 0
    this.succeeded = this.succeeded * FADE + 1
    this.failed *= FADE
  }

  /** A handshake or ping was not answered. Those that fail within 10 s of each other have one cause, and count once in a row. */
  failure(nowMs: number): void {
    if (nowMs - this.lastFailureMs >= SAME_CAUSE_MS) {
      this.consecutiveFailures++
      this.lastFailureMs = nowMs
    }
    this.failed = this.failed * FADE + 1
    this.succeeded *= FADE
  }

  circuitSuccess(): void {
    this.consecutiveCircuitFailures = 0
    this.success()
  }

  /** Counted apart: a relay that answers pings and fails circuits is no good either. */
  circuitFailure(): void {
    this.consecutiveCircuitFailures++
    this.failed = this.failed * FADE + 1
    this.succeeded *= FADE
  }

  /** A message that came from its address was malformed or wrongly signed. */
  invalid(): void {
    this.consecutiveFailures++
    this.doubt += (1 - this.doubt) * DOUBT_GAIN
  }

  rest(nowMs: number, settings: WalkSettings): void {
    this.restUntil = nowMs + doubledPause(settings.restMs, settings.maxRestMs, this.rests++)
    this.consecutiveFailures = 0
    this.consecutiveCircuitFailures = 0
  }

  /** Faded share of successes, in (0, 1); one half for a peer that nothing is known of (Laplace's rule). */
  get successRate(): number {
    return (this.succeeded + 1) / (this.succeeded + this.failed + 2)
  }

  /**
   * 0 to 1: success rate x 1 s / (1 s + round trip + 4 x its variation) x (1 - 0.2 x doubt), doubt being 0 to 1 by its
   * invalid messages. Smooth and quick relays score high; what fails sinks whatever its speed.
   */
  get suitability(): number {
    const rtt = this.rttMs === undefined ? UNMEASURED_MS : this.rttMs + 4 * (this.rttVarianceMs ?? 0)
    const doubted = 1 - DOUBT_WEIGHT * this.doubt
    return (doubted * this.successRate * HALF_WORTH_MS) / (HALF_WORTH_MS + rtt)
  }
}

/** Records by key; the ones longest not asked for are forgotten. */
export class PeerRecords {
  private readonly byKey: BoundedMap<string, PeerRecord>

  constructor(capacity: number) {
    this.byKey = new BoundedMap(capacity)
  }

  of(key: PublicKey): PeerRecord {
    const text = toHex(key.bytes)
    const record = this.byKey.get(text) ?? new PeerRecord()
    this.byKey.set(text, record)
    return record
  }

  /** What is known of a key, without making a record of it. */
  find(key: PublicKey): PeerRecord | undefined {
    return this.byKey.get(toHex(key.bytes))
  }
}
