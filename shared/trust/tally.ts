/** Good and bad observations of one kind; both fade with time. Times are wall milliseconds, since tallies outlast the program. */
export interface Tally {
  good: number
  bad: number
  /** Up to when the counts are faded. */
  atMs: number
  /** When the last observation came. */
  lastMs: number
}

/** How observations of one kind count. */
export interface TallyRule {
  readonly halfLifeMs: number
  /** Good and bad together never weigh more. */
  readonly maxWeight: number
  /** Of two observations within this time the second counts only as the part of it that has passed. */
  readonly spacingMs: number
}

export function newTally(): Tally {
  return { good: 0, bad: 0, atMs: 0, lastMs: Number.NEGATIVE_INFINITY }
}

/** Lets the counts fade up to now. A wall clock that was set back fades nothing. */
export function fade(tally: Tally, nowMs: number, { halfLifeMs }: Pick<TallyRule, 'halfLifeMs'>): void {
  const factor = fading(nowMs - tally.atMs, halfLifeMs)
  tally.good *= factor
  tally.bad *= factor
  tally.atMs = nowMs
}

/** What is left of something after so long: 1 at once, a half after the half-life. */
export function fading(passedMs: number, halfLifeMs: number): number {
  return 0.5 ** (Math.max(0, passedMs) / halfLifeMs)
}

/**
 * Enters one observation. None weighs more than 1, so no single one decides; many in a moment weigh no more than one, so no
 * burst does; and the past is cut to `maxWeight`, so no long good past buys a long bad future.
 * @param goodness 0 to 1
 * @param weight in (0, 1]: less where others may be to blame
 */
export function observe(
  tally: Tally,
  goodness: number,
  weight: number,
  nowMs: number,
  rule: TallyRule,
): void {
  fade(tally, nowMs, rule)
  const passed = Math.max(0, nowMs - tally.lastMs) / rule.spacingMs
  const counts = clamp(weight, 0, 1) * Math.min(passed, 1)
  const good = clamp(goodness, 0, 1)
  tally.good += good * counts
  tally.bad += (1 - good) * counts
  tally.lastMs = nowMs
  const excess = weightOf(tally) / rule.maxWeight
  if (excess > 1) {
    tally.good /= excess
    tally.bad /= excess
  }
}

export function weightOf({ good, bad }: Tally): number {
  return good + bad
}

/** The share of good ones, as if `priorWeight` observations more had come out at `prior`. */
export function shareOf(tally: Tally, prior: number, priorWeight: number): number {
  return (tally.good + prior * priorWeight) / (weightOf(tally) + priorWeight)
}

/** NaN comes out as the least. */
export function clamp(value: number, least: number, most: number): number {
  return value > least ? Math.min(value, most) : least
}
