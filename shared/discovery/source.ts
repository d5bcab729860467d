import type { IpAddress } from '../bytes/address.ts'
import type { DiscoveryMethod } from './constants.ts'

/** A place where a relay may be. Nothing is proved yet. */
export interface Candidate {
  readonly address: IpAddress
  /** Its descriptor, where the source had it; else it is asked for. Not verified. */
  readonly descriptor?: Uint8Array
}

/**
 * What came of looking at a candidate: a relay that proved itself and was not known, one that had done so before, one that has
 * a descriptor but no proof, no relay of this network, or nobody at all.
 */
export type CandidateOutcome = 'new' | 'proven' | 'unproven' | 'refused' | 'silent'

/** What one run of one source brought (requirement D-01). */
export interface RunResult {
  readonly method: DiscoveryMethod
  /** Addresses that the source named, each once. */
  readonly candidates: number
  /** Relays among them: proven, whether they were known before or not. */
  readonly found: number
  /** Of these, relays that were not known. */
  readonly fresh: number
  /** How long it took, milliseconds, until the last candidate was looked at; at most the time limit. */
  readonly ms: number
  /** Whether the source could be asked at all: a DHT that answers, a tracker, a partner. */
  readonly success: boolean
  /** When it ended, milliseconds since 1970. */
  readonly endedMs: number
}

/** One way to find relays. A run ends with `done`, or is cancelled; after either it reports nothing more. */
export interface DiscoverySource {
  readonly method: DiscoveryMethod
  /**
   * Looks once.
   * @param report candidates as they come; may be called often
   * @param done once, at the end: whether anybody could be asked
   */
  run(report: (candidates: readonly Candidate[]) => void, done: (success: boolean) => void): SourceRun
  /** Milliseconds from now before which it must not run again, such as a tracker's interval; 0 for none. */
  notBefore?(): number
}

export interface SourceRun {
  /** Idempotent; without effect after the end. */
  cancel(): void
}
