import type { ByMethod } from './constants.ts'
import type { RunResult } from './source.ts'

/** What became of one method so far. */
export interface MethodStatistics {
  readonly attempted: number
  readonly successful: number
  /** Candidates named, over all runs. */
  readonly candidates: number
  /** Relays that this method was the first to find. */
  readonly relays: number
  /** Relays that were new, a run, in the moving mean. */
  readonly yield: number
  /** Its share now, 0 to 1, after adaptation. */
  readonly share: number
  /** Whether it runs now. */
  readonly running: boolean
  /** Milliseconds until it runs next; undefined while it runs or if it is switched off. */
  readonly nextMs: number | undefined
  readonly last: RunResult | undefined
}

/** Requirement D-08. Numbers and states alone: no addresses, no keys. */
export interface DiscoveryStatistics {
  readonly discoveriesAttempted: number
  readonly discoveriesSuccessful: number
  /** Relays that proved themselves and were not known before. */
  readonly relaysDiscovered: number
  /** Proven relays known now. */
  readonly relaysProven: number
  readonly dhtNodesKnown: number
  readonly trackerAnnounces: number
  readonly peerExchanges: number
  readonly verificationsAttempted: number
  readonly verificationsSuccessful: number
  readonly spiesDetected: number
  /** Candidates that wait or are being looked at. */
  readonly candidatesWaiting: number
  /** Candidates that were not looked at again, because it had been done lately. */
  readonly cacheHits: number
  readonly methods: ByMethod<MethodStatistics>
}
