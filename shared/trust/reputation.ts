import { REPUTATION_DEFAULTS as DEFAULTS, MISBEHAVIOUR_POINTS, type ReputationSettings } from './constants.ts'
import {
  clamp,
  fade,
  fading,
  newTally,
  observe,
  shareOf,
  type Tally,
  type TallyRule,
  weightOf,
} from './tally.ts'
import { MISBEHAVIOURS, type Misbehaviour, type ReasonCode } from './verdict.ts'

/** What was seen of one relay over time. */
export interface Conduct {
  readonly circuits: Tally
  readonly bandwidth: Tally
  readonly uptime: Tally
  readonly misbehaviour: Map<Misbehaviour, { points: number; atMs: number }>
}

export function newConduct(): Conduct {
  return { circuits: newTally(), bandwidth: newTally(), uptime: newTally(), misbehaviour: new Map() }
}

/** What conduct comes to. */
export interface Reputation {
  /** 0 to 1. */
  readonly value: number
  /** Points of misbehaviour that are left. */
  readonly points: number
  /** Suspect by conduct alone. */
  readonly suspect: boolean
  readonly blocked: boolean
  readonly reasons: readonly ReasonCode[]
}

type Part = 'circuits' | 'bandwidth' | 'uptime'

/** The rules by which conduct is noted and judged. Requirement D-10; docs/trust.md has them in words. */
export class ReputationRules {
  readonly settings: ReputationSettings
  private readonly tallies: Readonly<Record<Part, TallyRule>>

  constructor(settings: Partial<ReputationSettings> = {}) {
    this.settings = { ...DEFAULTS, ...settings }
    const { maxWeight, spacingMs, circuitHalfLifeMs, bandwidthHalfLifeMs, uptimeHalfLifeMs } = this.settings
    this.tallies = {
      circuits: { halfLifeMs: circuitHalfLifeMs, maxWeight, spacingMs },
      bandwidth: { halfLifeMs: bandwidthHalfLifeMs, maxWeight, spacingMs },
      uptime: { halfLifeMs: uptimeHalfLifeMs, maxWeight, spacingMs: this.settings.uptimeSpacingMs },
    }
  }

  circuit(conduct: Conduct, ok: boolean, weight: number, nowMs: number): void {
    observe(conduct.circuits, ok ? 1 : 0, weight, nowMs, this.tallies.circuits)
  }

  /** A promise that is kept to the half counts as kept: rates differ by the hour and by the way there. */
  bandwidth(conduct: Conduct, promised: number, measured: number, nowMs: number): void {
    if (!(promised > 0) || !(measured >= 0)) return
    const kept = measured / (promised * this.settings.promiseKept)
    observe(conduct.bandwidth, kept, 1, nowMs, this.tallies.bandwidth)
    if (measured < promised * this.settings.promiseBroken) this.caught(conduct, 'over-promised', nowMs)
    else if (kept >= 1) conduct.misbehaviour.delete('over-promised')
  }

  answered(conduct: Conduct, ok: boolean, nowMs: number): void {
    observe(conduct.uptime, ok ? 1 : 0, 1, nowMs, this.tallies.uptime)
  }

  caught(conduct: Conduct, kind: Misbehaviour, nowMs: number): void {
    const points = this.pointsOf(conduct, kind, nowMs) + MISBEHAVIOUR_POINTS[kind].points
    conduct.misbehaviour.set(kind, { points: Math.min(points, this.settings.maxPoints), atMs: nowMs })
  }

  /** Points of one kind that are left, or of all kinds. */
  pointsOf(conduct: Conduct, kind: Misbehaviour | 'all', nowMs: number): number {
    if (kind === 'all') {
      const sum = MISBEHAVIOURS.reduce((total, each) => total + this.pointsOf(conduct, each, nowMs), 0)
      return Math.min(sum, this.settings.maxPoints)
    }
    const noted = conduct.misbehaviour.get(kind)
    if (noted === undefined) return 0
    return noted.points * fading(nowMs - noted.atMs, MISBEHAVIOUR_POINTS[kind].halfLifeMs)
  }

  /**
   * Judges conduct as it stands now.
   * @param prior what is thought of the parts of which nothing was seen: neutral, or what others say
   */
  judge(conduct: Conduct, nowMs: number, prior: number = this.settings.neutral): Reputation {
    const { settings } = this
    for (const part of ['circuits', 'bandwidth', 'uptime'] as const)
      fade(conduct[part], nowMs, this.tallies[part])
    const share = (part: Part) => shareOf(conduct[part], prior, settings.priorWeight)
    const points = this.pointsOf(conduct, 'all', nowMs)
    const parts =
      settings.circuitShare * share('circuits') +
      settings.bandwidthShare * share('bandwidth') +
      settings.uptimeShare * share('uptime')
    // Each point halves it: what was caught is not outweighed by what went well.
    const value = clamp(parts * 0.5 ** points, 0, 1)
    const failing = this.isFailing(conduct.circuits)
    const suspect = points >= settings.suspectPoints || failing || value < settings.suspectBelow
    const blocked = points >= settings.blockPoints
    return { value, points, suspect, blocked, reasons: this.reasons(conduct, nowMs, failing) }
  }

  /** Seen often enough, and most of its circuits fail. */
  private isFailing(circuits: Tally): boolean {
    const { failingFrom, failingBelow } = this.settings
    return weightOf(circuits) >= failingFrom && shareOf(circuits, 0, 0) < failingBelow
  }

  private reasons(conduct: Conduct, nowMs: number, failing: boolean): ReasonCode[] {
    const { noticeFrom, sureFrom } = this.settings
    const { circuits, bandwidth, uptime } = conduct
    const reasons: ReasonCode[] = MISBEHAVIOURS.filter(
      (kind) => this.pointsOf(conduct, kind, nowMs) >= this.settings.noticePoints,
    )
    const add = (reason: ReasonCode, holds: boolean) => {
      if (holds && !reasons.includes(reason)) reasons.push(reason)
    }
    const known = (tally: Tally) => weightOf(tally) >= noticeFrom
    add('circuits-fail', failing)
    // It is there whenever it is asked, and nothing gets through it.
    add('probe-only', failing && known(uptime) && shareOf(uptime, 0, 0) > sureFrom)
    add('often-away', known(uptime) && shareOf(uptime, 0, 0) < 0.5)
    add('circuits-work', known(circuits) && shareOf(circuits, 0, 0) > sureFrom)
    add('keeps-promise', known(bandwidth) && shareOf(bandwidth, 0, 0) > sureFrom)
    add('long-up', weightOf(uptime) >= this.settings.longFrom && shareOf(uptime, 0, 0) > sureFrom)
    add('few-observations', weightOf(circuits) + weightOf(uptime) < noticeFrom)
    return reasons
  }
}
