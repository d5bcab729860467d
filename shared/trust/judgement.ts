import { checksOf, classOf, scoreOf } from './checks.ts'
import type { BookSettings, CheckSettings } from './constants.ts'
import type { Consensus } from './opinions.ts'
import { WARNING_BIT } from './opinions.ts'
import { type Conduct, newConduct, type Reputation, type ReputationRules } from './reputation.ts'
import { clamp, weightOf } from './tally.ts'
import { type Checks, NO_CHECKS, type ReasonCode, type Standing, type Verdict } from './verdict.ts'

/** All that the book holds of one relay. Times are wall times. */
export interface RelayRecord {
  readonly mid: Uint8Array
  checks: Checks
  /** Undefined if this node has not checked it. */
  checkedMs: number | undefined
  readonly conduct: Conduct
  /** What others say of it. */
  others: Consensus | undefined
  updatedMs: number
}

export function newRelayRecord(mid: Uint8Array, nowMs: number): RelayRecord {
  const conduct = newConduct()
  return { mid, checks: NO_CHECKS, checkedMs: undefined, conduct, others: undefined, updatedMs: nowMs }
}

export interface Case {
  readonly record: RelayRecord
  readonly isSpy: boolean
  readonly mark: 'blocked' | 'trusted' | undefined
}

export interface Law {
  readonly rules: ReputationRules
  readonly checks: CheckSettings
  readonly book: BookSettings
}

/** From what is held of a relay to what is thought of it. The order of precedence: docs/trust.md. */
export function judgeRelay({ record, isSpy, mark }: Case, nowMs: number, law: Law): Verdict {
  const { book } = law
  const own = record.checkedMs !== undefined && nowMs - record.checkedMs < book.checksLifetimeMs
  const { others } = record
  const heard = others !== undefined && nowMs - others.heardMs < book.opinionLifetimeMs ? others : undefined
  const basis = own ? 'self' : heard ? 'others' : undefined
  const checks = own ? record.checks : heard ? checksOf(heard.checks) : NO_CHECKS
  const { othersLeast, othersMost } = book
  // What others say takes the place of not knowing, within bounds: they move a newcomer, and cannot make or break it.
  const prior = heard && clamp(heard.reputation, othersLeast, othersMost)
  const reputation = law.rules.judge(record.conduct, nowMs, prior)
  const warned = heard !== undefined && (heard.checks & WARNING_BIT) !== 0
  const facts: Facts = { checks, isSpy, mark, reputation, warned, knownWell: isKnownWell(record, law) }
  const checkedMs = basis === 'self' ? record.checkedMs : basis === 'others' ? heard?.checkedMs : undefined
  return {
    checks,
    score: scoreOf(checks),
    reputation: reputation.value,
    class: classOf(checks, law.checks),
    standing: standingOf(facts, law),
    reasons: reasonsOf(facts, basis),
    checkedMs,
    by: basis,
    voices: heard?.voices ?? 0,
    byHand: mark,
  }
}

interface Facts {
  readonly checks: Checks
  readonly isSpy: boolean
  readonly mark: 'blocked' | 'trusted' | undefined
  readonly reputation: Reputation
  /** Most of the others hold something against it. */
  readonly warned: boolean
  /** It has carried so much for us that warnings count for nothing. */
  readonly knownWell: boolean
}

/** The first that holds: by hand; spy or caught; suspect; all that trust takes; else not enough is known. */
function standingOf({ checks, isSpy, mark, reputation, warned, knownWell }: Facts, law: Law): Standing {
  if (mark !== undefined) return mark
  if (isSpy || reputation.blocked) return 'blocked'
  // Others may be wrong or lie together: their word alone blocks nobody.
  if (reputation.suspect || (warned && !knownWell) || classOf(checks, law.checks) === 'spy') return 'suspect'
  const passes = checks.proof === true && scoreOf(checks) >= law.checks.trustThreshold
  return passes && reputation.value >= law.rules.settings.trustedFrom ? 'trusted' : 'unproven'
}

function isKnownWell({ conduct: { circuits } }: RelayRecord, { rules: { settings } }: Law): boolean {
  const weight = weightOf(circuits)
  return weight >= 2 * settings.priorWeight && circuits.good >= settings.sureFrom * weight
}

function reasonsOf({ checks, isSpy, mark, reputation, warned }: Facts, by: Verdict['by']): ReasonCode[] {
  const reasons: ReasonCode[] = []
  if (mark !== undefined) reasons.push(mark === 'blocked' ? 'blocked-by-hand' : 'trusted-by-hand')
  if (isSpy) reasons.push('spy')
  if (by === undefined) reasons.push('not-checked')
  if (checks.address === false) reasons.push('address-not-public')
  if (checks.port === false) reasons.push('port-not-allowed')
  if (checks.key === false) reasons.push('key-invalid')
  if (checks.answer === false) reasons.push('no-answer')
  if (checks.proof === false) reasons.push('no-proof')
  if (checks.proof === true) reasons.push('proved-key')
  reasons.push(...reputation.reasons)
  if (warned) reasons.push('others-warn')
  if (by === 'others') reasons.push('told-by-others')
  return reasons
}
