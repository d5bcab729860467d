import { ALL_CHECKS, checkBits, checksOf } from './checks.ts'
import type { RelayRecord } from './judgement.ts'
import type { StoredRelay } from './snapshot.ts'
import type { Tally } from './tally.ts'
import { CHECK_NAMES, type Checks, MISBEHAVIOURS } from './verdict.ts'

/** What a snapshot keeps of a relay. */
export function contentOf({ mid, checks, checkedMs, conduct, others, updatedMs }: RelayRecord): StoredRelay {
  const { circuits, bandwidth, uptime, misbehaviour } = conduct
  return {
    mid,
    checks: checkBits(checks),
    checksDone: doneBits(checks),
    checkedMs: checkedMs ?? 0,
    updatedMs,
    circuits,
    bandwidth,
    uptime,
    misbehaviour: [...misbehaviour].map(([kind, { points, atMs }]) => ({
      kind: MISBEHAVIOURS.indexOf(kind),
      points,
      atMs,
    })),
    others: others ?? { voices: 0, checks: 0, reputation: 0, checkedMs: 0, heardMs: 0 },
  }
}

/** @param past bounds a time to what has been */
export function recordOf(stored: StoredRelay, past: (ms: number) => number): RelayRecord {
  const tally = ({ good, bad, atMs }: Pick<Tally, 'good' | 'bad' | 'atMs'>): Tally => ({
    good,
    bad,
    atMs: past(atMs),
    lastMs: good + bad > 0 ? past(atMs) : Number.NEGATIVE_INFINITY,
  })
  const record: RelayRecord = {
    mid: stored.mid,
    checks: checksOf(stored.checks, stored.checksDone & ALL_CHECKS),
    checkedMs: stored.checkedMs === 0 ? undefined : past(stored.checkedMs),
    conduct: {
      circuits: tally(stored.circuits),
      bandwidth: tally(stored.bandwidth),
      uptime: tally(stored.uptime),
      misbehaviour: new Map(),
    },
    others:
      stored.others.voices === 0
        ? undefined
        : {
            ...stored.others,
            checkedMs: past(stored.others.checkedMs),
            heardMs: past(stored.others.heardMs),
          },
    updatedMs: past(stored.updatedMs),
  }
  for (const { kind, points, atMs } of stored.misbehaviour) {
    const name = MISBEHAVIOURS[kind]
    if (name) record.conduct.misbehaviour.set(name, { points, atMs: past(atMs) })
  }
  return record
}

function doneBits(checks: Checks): number {
  return CHECK_NAMES.reduce((bits, name, i) => bits | (checks[name] !== undefined ? 1 << i : 0), 0)
}
