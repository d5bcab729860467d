import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { EXIT_PROBE } from './exit-probe-constants.ts'
import { ProbeEvidence, type Trial } from './exit-probe-evidence.ts'
import type { ProbeRelay } from './exit-probe-ports.ts'
import type { RunResult } from './exit-probe-run.ts'

const random = new SeededRandom(5)
const PROMISE = 2_000_000

function relay(i: number): ProbeRelay {
  const address: IpAddress = { kind: 'ipv4', host: `198.51.100.${i}`, port: 7000 }
  const { publicKey } = KeyPair.generate(random)
  const is = { exit: true, stream: true, bytesPerSecond: PROMISE, letsOut: () => true }
  return { publicKey, name: `relay ${i}`, address, claimed: [address], ...is }
}

const [middle, exit] = [relay(1), relay(2)]
const good: RunResult = {
  end: 'done',
  failedHop: undefined,
  sent: 48,
  arrived: 48,
  answered: 48,
  returned: 48,
  altered: 0,
  foreign: 0,
  bytesPerSecond: undefined,
  strangersAsked: 0,
  strangersAnswered: 0,
  stream: 'undone',
  bytes: 50_000,
  throughExit: true,
}

function evidence() {
  const told: string[] = []
  const all = new ProbeEvidence(EXIT_PROBE, {
    recordCircuit: () => undefined,
    recordBandwidth: () => undefined,
    recordMisbehaviour: (_, kind) => told.push(kind),
  })
  /** @param rate of the same path without it, and of others */
  const trial = (probe: Partial<RunResult>, rate = PROMISE): Trial => ({
    candidate: exit,
    path: [middle, exit],
    probe: { ...good, ...probe },
    control: { ...good, bytesPerSecond: rate },
    controlHops: 2,
    alive: true,
    echoProven: true,
    streamsProven: true,
    othersBytesPerSecond: rate,
    othersStrangers: undefined,
    others: 10,
  })
  const judge = (probe: Partial<RunResult>, rate?: number) => all.judge(trial(probe, rate))
  const times = (count: number, probe: Partial<RunResult>, rate?: number) => {
    for (let i = 0; i < count; i++) judge(probe, rate)
  }
  return { all, told, judge, times }
}

describe('what probes hold against a relay (D-06)', () => {
  it('fades if it was seen once, so that one glitch has nobody watched for ever', () => {
    const { all, told, judge, times } = evidence()
    expect(judge({ altered: 1 })).toBe('failed')
    times(EXIT_PROBE.strikeFades - 1, {})
    expect(all.isSuspicious(exit)).toBe(true)
    judge({})
    expect(all.isSuspicious(exit)).toBe(false)
    judge({ foreign: 48 })
    expect(told).toEqual([])
  })

  it('is told if it is seen again before', () => {
    const { all, told, judge, times } = evidence()
    judge({ altered: 1 })
    times(EXIT_PROBE.strikeFades - 1, {})
    judge({ altered: 1 })
    expect(told).toEqual(['altered-data'])
    // From then on each of two has to be made good.
    times(2 * EXIT_PROBE.strikeFades - 1, {})
    expect(all.isSuspicious(exit)).toBe(true)
    judge({})
    expect(all.isSuspicious(exit)).toBe(false)
  })

  it('fades too where the way to a relay has become too slow to say what it carries', () => {
    const { all, times } = evidence()
    times(1, { bytesPerSecond: PROMISE / 100 })
    expect(all.isSuspicious(exit)).toBe(true)
    times(EXIT_PROBE.strikeFades, { bytesPerSecond: PROMISE / 10 }, PROMISE / 8)
    expect(all.isSuspicious(exit)).toBe(false)
  })
})
