import type { Clock } from '../world/clock.ts'
import { doubledPause } from '../world/retry.ts'
import { RELIABILITY } from './constants.ts'
import { type PathRelay, relayKey } from './relay.ts'

interface Record {
  successes: number
  failures: number
  updatedMs: number
  /** Failures since the last success, and until when it rests for them. */
  inARow: number
  restsUntilMs: number
  /** What the relay adds to a round trip, smoothed; undefined until measured. */
  latencyMs: number | undefined
  /** Smoothed deviation from it. */
  deviationMs: number
  bytesPerSecond: number | undefined
  measuredMs: number
}

/** What is known of a relay from here, for a view or a test. */
export interface RelayRecord {
  /** 0 to 1; optimistic about relays that were hardly tried. */
  readonly successRate: number
  readonly latencyMs: number | undefined
  readonly deviationMs: number
  /** Measured, decayed; undefined if it never was. */
  readonly bytesPerSecond: number | undefined
}

/**
 * How well relays have served as hops, seen from here (requirements C-06, N-12): success rate, latency and its deviation, and
 * the rate at which circuits through them carried. Decays with time; never leaves the node.
 */
export class Reliability {
  private readonly records = new Map<string, Record>()
  private readonly clock: Clock
  private readonly heard: ((relay: PathRelay, ok: boolean) => void) | undefined

  /** @param heard told whenever a relay has served, or has not: what is remembered for longer than a run */
  constructor(clock: Clock, heard?: (relay: PathRelay, ok: boolean) => void) {
    this.clock = clock
    this.heard = heard
  }

  /** A circuit with it was built. */
  succeeded(relay: PathRelay): void {
    const record = this.record(relay)
    record.successes++
    record.inARow = 0
    record.restsUntilMs = Number.NEGATIVE_INFINITY
    this.heard?.(relay, true)
  }

  /** It did not answer, or answered wrongly. */
  failed(relay: PathRelay): void {
    const record = this.record(relay)
    record.failures++
    const { restMs, maxRestMs } = RELIABILITY
    record.restsUntilMs = this.clock.now() + doubledPause(restMs, maxRestMs, record.inARow++)
    this.heard?.(relay, false)
  }

  /** A circuit with it fell silent: this hop, or another of the same circuit. */
  suspected(relay: PathRelay): void {
    this.record(relay).failures += RELIABILITY.suspectedFailure
  }

  /** A circuit with it died by itself, or was refused on its way to it or by it, as above. */
  died(relay: PathRelay): void {
    this.record(relay).failures += RELIABILITY.diedFailure
  }

  /** @param latencyMs what the relay added to a round trip */
  latency(relay: PathRelay, latencyMs: number): void {
    const record = this.record(relay)
    if (record.latencyMs === undefined) {
      record.latencyMs = latencyMs
      record.deviationMs = latencyMs / 8
      return
    }
    const off = Math.abs(latencyMs - record.latencyMs)
    record.deviationMs += RELIABILITY.deviationGain * (off - record.deviationMs)
    record.latencyMs += RELIABILITY.latencyGain * (latencyMs - record.latencyMs)
  }

  /** A circuit with it carried this much, by a burst sent for the purpose: an upper bound as well as a lower one. */
  measured(relay: PathRelay, bytesPerSecond: number): void {
    const record = this.record(relay)
    const known = this.rateOf(record)
    record.bytesPerSecond = known === undefined ? bytesPerSecond : (known + bytesPerSecond) / 2
    record.measuredMs = this.clock.now()
  }

  /** A circuit with it carried at least this much: it can carry it, and perhaps more. */
  carried(relay: PathRelay, bytesPerSecond: number): void {
    const record = this.record(relay)
    if (bytesPerSecond <= (this.rateOf(record) ?? 0)) return
    record.bytesPerSecond = bytesPerSecond
    record.measuredMs = this.clock.now()
  }

  /** A factor in (0, 1] for the relay's weight in selection. */
  factor(relay: PathRelay): number {
    const record = this.records.get(relayKey(relay))
    if (record === undefined) return 1
    this.decay(record)
    const rate = rateOfSuccess(record)
    const { halfWeightLatencyMs, halfWeightDeviationMs, minFactor } = RELIABILITY
    const slow = halfWeightLatencyMs / (halfWeightLatencyMs + (record.latencyMs ?? 0))
    const unsteady = halfWeightDeviationMs / (halfWeightDeviationMs + record.deviationMs)
    return Math.max(minFactor, rate * rate * slow * unsteady)
  }

  /** Has failed just now, and not served since. */
  resting(relay: PathRelay): boolean {
    const record = this.records.get(relayKey(relay))
    return record !== undefined && this.clock.now() < record.restsUntilMs
  }

  /** Measured bandwidth; undefined for relays that were not measured, or too long ago. */
  bytesPerSecond(relay: PathRelay): number | undefined {
    const record = this.records.get(relayKey(relay))
    return record && this.rateOf(record)
  }

  of(relay: PathRelay): RelayRecord | undefined {
    const record = this.records.get(relayKey(relay))
    if (record === undefined) return undefined
    this.decay(record)
    const { latencyMs, deviationMs } = record
    return {
      successRate: rateOfSuccess(record),
      latencyMs,
      deviationMs,
      bytesPerSecond: this.rateOf(record),
    }
  }

  private record(relay: PathRelay): Record {
    const key = relayKey(relay)
    const known = this.records.get(key)
    if (known) {
      this.decay(known)
      return known
    }
    if (this.records.size >= RELIABILITY.maxRelays) {
      const [oldest] = this.records.keys()
      if (oldest !== undefined) this.records.delete(oldest)
    }
    const record: Record = {
      successes: 0,
      failures: 0,
      updatedMs: this.clock.now(),
      inARow: 0,
      restsUntilMs: Number.NEGATIVE_INFINITY,
      latencyMs: undefined,
      deviationMs: 0,
      bytesPerSecond: undefined,
      measuredMs: 0,
    }
    this.records.set(key, record)
    return record
  }

  /** The deviation decays too: a relay that is shunned for it gets another chance. */
  private decay(record: Record): void {
    const nowMs = this.clock.now()
    const factor = 0.5 ** ((nowMs - record.updatedMs) / RELIABILITY.halfLifeMs)
    record.successes *= factor
    record.failures *= factor
    record.deviationMs *= factor
    record.updatedMs = nowMs
  }

  private rateOf({ bytesPerSecond, measuredMs }: Record): number | undefined {
    if (bytesPerSecond === undefined) return undefined
    return bytesPerSecond * 0.5 ** ((this.clock.now() - measuredMs) / RELIABILITY.rateHalfLifeMs)
  }
}

function rateOfSuccess({ successes, failures }: Record): number {
  const tries = successes + RELIABILITY.priorSuccesses
  return tries / (tries + failures)
}
