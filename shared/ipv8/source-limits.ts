import type { IpAddress } from '../bytes/address.ts'
import type { Clock } from '../world/clock.ts'
import { BucketsBySource } from './buckets-by-source.ts'
import type { WalkSettings } from './constants.ts'
import type { Contact } from './contacts.ts'
import { networkOf, siteOf } from './network-of.ts'
import { TokenBucket } from './token-bucket.ts'

/** An introducer that was never answered from its address gets few punctures out of us: two, then one in 10 s. */
const UNPROVEN_PUNCTURES = { perSecond: 0.1, burst: 2 }

/**
 * What packets from outside may cost: signatures checked, answers, punctures. By source first, so that one that floods uses
 * up its own share; then over all of them, strangers apart from known addresses, so that a flood under forged sources
 * cannot silence the peers that we have.
 */
export class SourceLimits {
  private readonly strangers: TokenBucket
  private readonly known: TokenBucket
  private readonly verificationsBySource: BucketsBySource
  private readonly requestsBySource: BucketsBySource
  private readonly unsigned: TokenBucket
  private readonly unsignedBySource: BucketsBySource
  private readonly answersByNetwork: BucketsBySource
  private readonly puncturesBySource: BucketsBySource
  private readonly puncturesByUnproven: BucketsBySource
  private readonly puncturesByTarget: BucketsBySource

  constructor(clock: Clock, settings: WalkSettings) {
    const bucket = (rate: number, burst = rate) => new TokenBucket(clock, rate, burst)
    const bySource = (rate: number, burst: number) => new BucketsBySource(() => bucket(rate, burst))
    this.strangers = bucket(settings.verificationsPerSecond)
    this.known = bucket(settings.verificationsPerSecond)
    this.verificationsBySource = bySource(
      settings.verificationsPerSource,
      2 * settings.verificationsPerSource,
    )
    this.requestsBySource = bySource(settings.requestsPerSource, 2 * settings.requestsPerSource)
    this.unsigned = bucket(settings.unsignedAnswersPerSecond)
    this.unsignedBySource = bySource(settings.unsignedAnswersPerSource, 2 * settings.unsignedAnswersPerSource)
    this.answersByNetwork = bySource(settings.answersPerNetwork, 4 * settings.answersPerNetwork)
    this.puncturesBySource = bySource(settings.puncturesPerSource, 5 * settings.puncturesPerSource)
    this.puncturesByUnproven = bySource(UNPROVEN_PUNCTURES.perSecond, UNPROVEN_PUNCTURES.burst)
    this.puncturesByTarget = bySource(settings.puncturesPerSource, 5 * settings.puncturesPerSource)
  }

  /** Whether an introduction or similarity request from there may be looked at now. */
  request(source: IpAddress): boolean {
    return this.requestsBySource.take(siteOf(source))
  }

  /** Whether a signature from there may be checked now. `contact`: what is known of the source. */
  verification(source: IpAddress, contact: Contact | undefined): boolean {
    return this.verificationsBySource.take(siteOf(source)) && (contact ? this.known : this.strangers).take()
  }

  /** Whether an unsigned packet of `source` may make us send one of at most its size. */
  unsignedAnswer(source: IpAddress): boolean {
    return this.unsignedBySource.take(siteOf(source)) && this.unsigned.take()
  }

  /**
   * Whether a signed request may get an answer that is larger than itself (206 bytes for 194). Whoever signs may still
   * write any source address, so it may go on unhindered only to one that answered something of ours from there.
   */
  largerAnswer(source: IpAddress, contact: Contact | undefined): boolean {
    return contact?.proven === true || this.answersByNetwork.take(networkOf(source))
  }

  /** Whether `introducer` may make us send a puncture (about 190 bytes for its 45) to `target`. */
  puncture(introducer: IpAddress, contact: Contact, target: IpAddress): boolean {
    const bySource = contact.proven ? this.puncturesBySource : this.puncturesByUnproven
    return (
      bySource.take(siteOf(introducer)) && this.puncturesByTarget.take(siteOf(target)) && this.unsigned.take()
    )
  }
}
