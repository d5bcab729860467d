import type { Clock } from '../world/clock.ts'
import { type PathRelay, relayKey } from './relay.ts'

/** Counts lose half their weight in this time: a relay that was bad an hour ago is nearly forgiven. */
const HALF_LIFE_MS = 15 * 60_000
/** A relay that has just failed is a last resort for this long. */
const REST_MS = 60_000
const REST_FACTOR = 0.01
/** Optimism about relays never tried: as if they had succeeded this often. */
const PRIOR_SUCCESSES = 2
const MAX_RELAYS = 2_000

interface Record {
  successes: number
  failures: number
  updatedMs: number
  failedMs: number
}

/** How well relays have served as hops, seen from here (requirements C-06, N-12). Decays with time; never leaves the node. */
export class Reliability {
  private readonly records = new Map<string, Record>()
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  succeeded(relay: PathRelay): void {
    const record = this.record(relay)
    record.successes++
    record.failedMs = Number.NEGATIVE_INFINITY
  }

  failed(relay: PathRelay): void {
    const record = this.record(relay)
    record.failures++
    record.failedMs = this.clock.now()
  }

  /** A factor in (0, 1] for the relay's weight in selection. */
  factor(relay: PathRelay): number {
    const record = this.records.get(relayKey(relay))
    if (record === undefined) return 1
    this.decay(record)
    const successes = record.successes + PRIOR_SUCCESSES
    const rate = successes / (successes + record.failures)
    const resting = this.clock.now() - record.failedMs < REST_MS
    return rate * rate * (resting ? REST_FACTOR : 1)
  }

  private record(relay: PathRelay): Record {
    const key = relayKey(relay)
    const known = this.records.get(key)
    if (known) {
      this.decay(known)
      return known
    }
    if (this.records.size >= MAX_RELAYS) {
      const [oldest] = this.records.keys()
      if (oldest !== undefined) this.records.delete(oldest)
    }
    const record = {
      successes: 0,
      failures: 0,
      updatedMs: this.clock.now(),
      failedMs: Number.NEGATIVE_INFINITY,
    }
    this.records.set(key, record)
    return record
  }

  private decay(record: Record): void {
    const nowMs = this.clock.now()
    const factor = 0.5 ** ((nowMs - record.updatedMs) / HALF_LIFE_MS)
    record.successes *= factor
    record.failures *= factor
    record.updatedMs = nowMs
  }
}
