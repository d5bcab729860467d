import type { ExitProbeSettings } from './exit-probe-constants.ts'
import { Cusum } from './exit-probe-cusum.ts'
import { relayText } from './exit-probe-paths.ts'
import type { ProbeFault, ProbeRelay, ProbeReports } from './exit-probe-ports.ts'
import type { RunResult } from './exit-probe-run.ts'

/** What was done about one relay: a circuit through it and, if that was not clean, the same path without it. */
export interface Trial {
  readonly candidate: ProbeRelay
  readonly path: readonly ProbeRelay[]
  readonly probe: RunResult
  readonly control: RunResult | undefined
  /** Hops of the control's path. */
  readonly controlHops: number
  /** The relay answers what it is asked directly. */
  readonly alive: boolean
  /** The echo has heard of others lately: that nothing arrives there is not its own doing. */
  readonly echoProven: boolean
  /** The same of its TCP listener. */
  readonly streamsProven: boolean
  /** What others were measured at, in the same way; undefined if too few were. */
  readonly othersBytesPerSecond: number | undefined
  /** Share of strangers that answer through other exits; undefined if that is not known. */
  readonly othersStrangers: number | undefined
  /** How many other relays there are to be witnesses. */
  readonly others: number
}

/** What speaks against a relay in one of its roles. */
interface RoleRecord {
  /** What goes out, what comes back, and all of it: who drops one way only would be excused by the other. */
  readonly out: Cusum
  readonly back: Cusum
  readonly all: Cusum
  readonly dead: Cusum
}

/** `unclear`: the relay may not be the cause, whatever it was. */
export type TrialOutcome = 'carried' | 'failed' | 'unclear'

interface Record {
  /** As the last hop and as one in between: who lies as an exit only would be excused by the other. */
  readonly last: RoleRecord
  readonly middle: RoleRecord
  /** It serves the echo, and hardly anybody else. */
  readonly choosy: Cusum
  readonly strikes: Map<ProbeFault, number>
  /** How often in a row it carried next to nothing of what it promises. */
  broken: number
  /** Trials in which it did as it should since the last strike, or since one was forgotten. */
  clean: number
}

/** What speaks against relays, over all their trials; it is told when it is enough, and not before. */
export class ProbeEvidence {
  private readonly settings: ExitProbeSettings
  private readonly reports: ProbeReports
  private readonly records = new Map<string, Record>()

  constructor(settings: ExitProbeSettings, reports: ProbeReports) {
    this.settings = settings
    this.reports = reports
  }

  /** Whether there is something against a relay that is not enough yet. */
  isSuspicious(relay: ProbeRelay): boolean {
    const record = this.records.get(relayText(relay))
    if (record === undefined) return false
    const { dropThreshold, deadThreshold } = this.settings
    const speaksAgainst = ({ out, back, all, dead }: RoleRecord) =>
      [out, back, all].some(({ score }) => score > dropThreshold / 4) || dead.score > deadThreshold / 4
    return (
      speaksAgainst(record.last) ||
      speaksAgainst(record.middle) ||
      record.strikes.size > 0 ||
      record.broken > 0
    )
  }

  judge(trial: Trial): TrialOutcome {
    const { probe, path, candidate, control } = trial
    if (probe.end === 'unmade') return 'unclear'
    const last = path.at(-1)
    // The last hop alone sees what goes out and comes in: whatever is changed there is its doing, or that of its network.
    if (last && probe.altered > 0) this.strike(last, 'altered-data')
    if (last && probe.foreign > probe.arrived / 2) this.strike(last, 'wrong-address')
    if (control !== undefined && !this.isUsable(trial)) return 'unclear'
    const failed = this.isDead(trial)
    if (failed === undefined) return 'unclear'
    if (failed) {
      this.reports.recordCircuit(candidate.publicKey.mid, false)
      if (trial.alive) this.suspectDead(trial)
      return 'failed'
    }
    this.acquit(trial)
    const carried = this.weighLosses(trial)
    const ok = carried && probe.altered === 0
    this.reports.recordCircuit(candidate.publicKey.mid, ok)
    if (carried) {
      for (const hop of path) if (hop !== candidate) this.reports.recordCircuit(hop.publicKey.mid, true)
    }
    this.weighRate(trial)
    if (carried) this.weighStrangers(trial)
    if (ok) this.forgive(candidate)
    return ok ? 'carried' : 'failed'
  }

  /** Whether the path works without the relay, so that what fails with it is its doing. */
  private isUsable({ control, controlHops }: Trial): boolean {
    return control?.end === 'done' && linkDelivery(control, controlHops) >= this.settings.leastLinkDelivery
  }

  /** Whether the relay carried nothing; undefined if another may be why. */
  private isDead({ probe, path, candidate, control, ...trial }: Trial): boolean | undefined {
    if (probe.end !== 'done') {
      const before = probe.failedHop !== undefined && probe.failedHop < path.indexOf(candidate)
      return before || control === undefined ? undefined : true
    }
    if (probe.sent === 0) return undefined
    // Where it was too little to be answered, nothing could return.
    const nothing = probe.arrived === 0 || (probe.answered > 0 && probe.returned === 0)
    if (!nothing) return probe.stream === 'failed' && trial.streamsProven && control !== undefined
    // Of what arrives, and of what an exit gets no answer to, the echo's own network may be the cause.
    return control === undefined || (probe.throughExit && !trial.echoProven) ? undefined : true
  }

  private suspectDead(trial: Trial): void {
    const { deadThreshold, lyingFailures, honestFailures } = this.settings
    const { dead } = this.roleOf(trial)
    dead.add(Math.log(lyingFailures / honestFailures), witnessesOf(trial), this.share(trial, deadThreshold))
    if (dead.score < deadThreshold) return
    dead.halve()
    this.reports.recordMisbehaviour(trial.candidate.publicKey.mid, 'probe-only')
  }

  private acquit(trial: Trial): void {
    const { lyingFailures, honestFailures } = this.settings
    this.roleOf(trial).dead.add(Math.log((1 - lyingFailures) / (1 - honestFailures)), [], 0)
  }

  /** @returns whether it carried as much as an honest relay on this path would */
  private weighLosses(trial: Trial): boolean {
    const { probe, path, control, controlHops, candidate } = trial
    const { honestShare, lyingShare, dropThreshold } = this.settings
    const link = control === undefined ? 1 : linkDelivery(control, controlHops)
    let carried = true
    const [outAmount = 0, backAmount = 0] = waysOf(probe, path.length).map(({ sent, arrived, links }) => {
      const honest = honestShare * link ** links
      const lying = lyingShare * link ** links
      if (arrived < sent * lying) carried = false
      return arrived * Math.log(lying / honest) + (sent - arrived) * Math.log((1 - lying) / (1 - honest))
    })
    const { out, back, all } = this.roleOf(trial)
    const witnesses = witnessesOf(trial)
    const most = this.share(trial, dropThreshold)
    out.add(outAmount, witnesses, most)
    back.add(backAmount, witnesses, most)
    all.add(outAmount + backAmount, witnesses, most)
    if ([out, back, all].some(({ score }) => score >= dropThreshold)) {
      for (const each of [out, back, all]) each.halve()
      this.reports.recordMisbehaviour(candidate.publicKey.mid, 'dropped-data')
    }
    return carried
  }

  private weighRate({ probe, path, candidate, control, othersBytesPerSecond }: Trial): void {
    const { bottleneckShare, keptShare, overPromisedShare } = this.settings
    const measured = probe.bytesPerSecond
    const promised = candidate.bytesPerSecond
    if (measured === undefined || promised === 0 || path.at(-1) !== candidate) return
    const { mid } = candidate.publicKey
    const record = this.recordOf(candidate)
    if (measured >= keptShare * promised) {
      record.broken = 0
      this.reports.recordBandwidth(mid, promised, measured)
      return
    }
    const rest = Math.min(control?.bytesPerSecond ?? 0, othersBytesPerSecond ?? 0)
    // Else the path, or our own line, may be what is slow.
    if (measured >= bottleneckShare * rest) return
    // The book calls it a lie at once: one slow hour shall not look like one.
    if (measured < overPromisedShare * promised && ++record.broken < this.settings.strikes) return
    this.reports.recordBandwidth(mid, promised, measured)
  }

  private weighStrangers(trial: Trial): void {
    const { probe, candidate, path, othersStrangers } = trial
    const { leastStrangers, honestStrangers, lyingStrangers, deadThreshold } = this.settings
    if (path.at(-1) !== candidate || othersStrangers === undefined || othersStrangers < leastStrangers) return
    const honest = honestStrangers * othersStrangers
    const lying = lyingStrangers * othersStrangers
    const { strangersAsked, strangersAnswered } = probe
    const amount =
      strangersAnswered * Math.log(lying / honest) +
      (strangersAsked - strangersAnswered) * Math.log((1 - lying) / (1 - honest))
    const { choosy } = this.recordOf(candidate)
    choosy.add(amount, witnessesOf(trial), this.share(trial, deadThreshold))
    if (choosy.score < deadThreshold) return
    choosy.halve()
    this.reports.recordMisbehaviour(candidate.publicKey.mid, 'probe-only')
  }

  private strike(relay: ProbeRelay, fault: ProbeFault): void {
    const record = this.recordOf(relay)
    const { strikes } = record
    const count = (strikes.get(fault) ?? 0) + 1
    strikes.set(fault, count)
    record.clean = 0
    if (count >= this.settings.strikes) this.reports.recordMisbehaviour(relay.publicKey.mid, fault)
  }

  /** What cannot be taken back by a sum, as losses can, is forgotten step by step. */
  private forgive(relay: ProbeRelay): void {
    const record = this.records.get(relayText(relay))
    if (record === undefined || ++record.clean < this.settings.strikeFades) return
    record.clean = 0
    record.broken = 0
    for (const [fault, count] of record.strikes) {
      if (count > 1) record.strikes.set(fault, count - 1)
      else record.strikes.delete(fault)
    }
  }

  private share({ others }: Trial, threshold: number): number {
    return threshold / Math.max(1, Math.min(this.settings.witnesses, others))
  }

  private roleOf({ candidate, path }: Trial): RoleRecord {
    return this.recordOf(candidate)[path.at(-1) === candidate ? 'last' : 'middle']
  }

  private recordOf(relay: ProbeRelay): Record {
    const key = relayText(relay)
    let record = this.records.get(key)
    if (record === undefined) {
      if (this.records.size >= this.settings.maxRelays) {
        const [oldest] = this.records.keys()
        if (oldest !== undefined) this.records.delete(oldest)
      }
      record = {
        last: roleRecord(),
        middle: roleRecord(),
        choosy: new Cusum(),
        strikes: new Map(),
        broken: 0,
        clean: 0,
      }
      this.records.set(key, record)
    }
    return record
  }
}

function roleRecord(): RoleRecord {
  return { out: new Cusum(), back: new Cusum(), all: new Cusum(), dead: new Cusum() }
}

interface Way {
  readonly sent: number
  readonly arrived: number
  /** Links that each datagram passes. */
  readonly links: number
}

/** Whether a run lost so little that there is nothing to explain. */
export function isClean(run: RunResult, hops: number, settings: ExitProbeSettings): boolean {
  return (
    run.end === 'done' &&
    run.sent > 0 &&
    run.stream !== 'failed' &&
    waysOf(run, hops).every(({ sent, arrived }) => arrived >= settings.cleanShare * sent)
  )
}

/** To the echo and back, each seen by itself; or there and back again, where the last hop is asked. */
function waysOf(run: RunResult, hops: number): readonly Way[] {
  if (!run.throughExit) return [{ sent: run.sent, arrived: run.returned, links: 2 * hops }]
  return [
    { sent: run.sent, arrived: run.arrived, links: hops + 1 },
    { sent: run.answered, arrived: run.returned, links: hops + 1 },
  ]
}

/** What one link delivers, on average over those of a path; a little less than was seen, since it was seen but a few times. */
function linkDelivery(run: RunResult, hops: number): number {
  const ways = waysOf(run, hops)
  const sent = ways.reduce((sum, way) => sum + way.sent, 0)
  const arrived = ways.reduce((sum, way) => sum + way.arrived, 0)
  return ((arrived + 1) / (sent + 2)) ** (1 / (ways[0]?.links ?? 1))
}

function witnessesOf({ path, candidate }: Trial): string[] {
  return path.filter((hop) => hop !== candidate).map(relayText)
}
