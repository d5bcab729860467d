import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Clock } from '../world/clock.ts'
import { fraction, type Random } from '../world/random.ts'
import { doubledPause } from '../world/retry.ts'
import { REUSE_MS, type VerifierSettings } from './constants.ts'
import { idOf, isClaimed, keyOf, type VerificationResult, type VerifierCandidate } from './verification.ts'

interface Kept {
  readonly id: string
  readonly result: VerificationResult
  readonly untilMs: number
  /** Times in a row that it was not proven. */
  readonly failures: number
}

/**
 * Results of verifications, for as long as they may be used again: by class where the key was proven; a minute, and twice as long
 * each time up to an hour, where it was not. Says who is due to be looked at anew.
 */
export class VerificationCache {
  private readonly clock: Clock
  private readonly random: Random
  private readonly settings: VerifierSettings
  private readonly kept: BoundedMap<string, Kept>
  /** Where a key was proven last, by its address family. */
  private readonly homes: BoundedMap<string, string>
  /** What was proven at an address: does for those who name the address alone. */
  private readonly tenants: BoundedMap<string, string>

  constructor(clock: Clock, random: Random, settings: VerifierSettings) {
    this.clock = clock
    this.random = random
    this.settings = settings
    this.kept = new BoundedMap(settings.maxCached)
    this.homes = new BoundedMap(settings.maxCached)
    this.tenants = new BoundedMap(settings.maxCached)
  }

  get size(): number {
    return this.kept.size
  }

  /** The result for this candidate, if it may still be used. */
  fresh(candidate: VerifierCandidate): VerificationResult | undefined {
    const id = idOf(candidate)
    const tenant = keyOf(candidate) ? undefined : this.tenants.get(id)
    const kept = this.kept.get(tenant ?? id)
    return kept && this.clock.now() < kept.untilMs ? kept.result : undefined
  }

  /** Whether a key was proven there. */
  isHome(address: IpAddress): boolean {
    return this.tenants.has(idOf({ address }))
  }

  keep(given: VerificationResult): void {
    const { key, proven } = given
    const candidate = proven ? { ...given.candidate, key, signed: true } : given.candidate
    const result = { ...given, candidate }
    const id = idOf(candidate)
    const failures = result.proven ? 0 : (this.kept.get(id)?.failures ?? 0) + 1
    const { unprovenMs, maxUnprovenMs, jitter } = this.settings
    const reuseMs =
      result.proven || result.class === 'spy'
        ? REUSE_MS[result.class]
        : doubledPause(unprovenMs, maxUnprovenMs, failures - 1)
    const untilMs = this.clock.now() + reuseMs * (1 - jitter * fraction(this.random))
    this.kept.set(id, { id, result, untilMs, failures })
    if (proven && key) {
      this.moved(id, result, toHex(key.mid))
      this.tenants.set(idOf({ address: candidate.address }), id)
    }
  }

  forget(id: string): void {
    this.kept.delete(id)
  }

  /** Those whose time is over and who are worth another look: proven before, or claiming their address. Of others the failures are remembered a while longer. */
  due(limit: number): readonly { readonly id: string; readonly result: VerificationResult }[] {
    const nowMs = this.clock.now()
    const due: Kept[] = []
    for (const kept of this.kept.values()) {
      if (nowMs < kept.untilMs) continue
      const { result, failures, id } = kept
      const worth = isClaimed(result.candidate) && failures <= this.settings.maxFailures
      if (worth) {
        if (due.length < limit) due.push(kept)
      } else if (nowMs >= kept.untilMs + this.settings.maxUnprovenMs) this.kept.delete(id)
    }
    return due
  }

  /** A relay that is proven at a new address is looked for at the old one no more. */
  private moved(id: string, { candidate }: VerificationResult, mid: string): void {
    const key = `${candidate.address.kind} ${mid}`
    const home = this.homes.get(key)
    if (home !== undefined && home !== id) this.kept.delete(home)
    this.homes.set(key, id)
  }
}
