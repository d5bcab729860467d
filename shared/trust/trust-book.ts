import { addressOf, formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes, fromHex, toHex } from '../bytes/bytes.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { Clock } from '../world/clock.ts'
import { ALL_CHECKS, checkBits, classOf, isComplete, scoreOf } from './checks.ts'
import {
  BOOK_DEFAULTS,
  type BookSettings,
  CHECK_DEFAULTS,
  type CheckSettings,
  type ReputationSettings,
} from './constants.ts'
import { judgeRelay, newRelayRecord, type RelayRecord } from './judgement.ts'
import { consensusOf, WARNING_BIT } from './opinions.ts'
import { ReputationRules } from './reputation.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'
import { SpyMemory } from './spies.ts'
import { contentOf, recordOf } from './stored-relay.ts'
import type { CheckedRelay, TrustJudge, Voice } from './trust-judge.ts'
import type { Checks, Misbehaviour, Opinion, Verdict } from './verdict.ts'

export interface TrustBookOptions {
  readonly clock: Clock
  readonly checks?: Partial<CheckSettings>
  readonly reputation?: Partial<ReputationSettings>
  readonly book?: Partial<BookSettings>
}

type Mark = 'blocked' | 'trusted'

/** A verdict is computed anew after this: what it rests on fades slowly. */
const VERDICT_MS = 5_000

/**
 * What one node thinks of relays: checks, conduct, what others say, marks by hand; by mid, bounded. The same in relay and page.
 * Times are wall times, since the book outlasts the program. What is in it never leaves the node but as `opinions`.
 */
export class TrustBook implements TrustJudge {
  private readonly clock: Clock
  private readonly checkSettings: CheckSettings
  private readonly settings: BookSettings
  private readonly rules: ReputationRules
  private readonly relays = new Map<string, RelayRecord>()
  private readonly marks: BoundedMap<string, { readonly mid: string; readonly mark: Mark }>
  private readonly verdicts = new Map<string, { readonly verdict: Verdict; readonly atMs: number }>()
  private spiesByKey: SpyMemory
  private spiesByAddress: SpyMemory
  private changes = 0

  constructor({ clock, checks, reputation, book }: TrustBookOptions) {
    this.clock = clock
    this.checkSettings = { ...CHECK_DEFAULTS, ...checks }
    this.settings = { ...BOOK_DEFAULTS, ...book }
    this.rules = new ReputationRules(reputation)
    this.marks = new BoundedMap(this.settings.maxMarks)
    this.spiesByKey = this.newMemory()
    this.spiesByAddress = this.newMemory()
  }

  get version(): number {
    return this.changes
  }

  verdict(mid: Uint8Array): Verdict {
    return this.verdictOf(toHex(mid))
  }

  isBlocked(who: Uint8Array | IpAddress): boolean {
    if (who instanceof Uint8Array) return this.verdict(who).standing === 'blocked'
    return this.spiesByAddress.has(formatAddress(who), this.clock.wall())
  }

  recordChecks({ address, mid, claimed }: CheckedRelay, checks: Checks): Verdict | undefined {
    const nowMs = this.clock.wall()
    const isSpy = classOf(checks, this.checkSettings) === 'spy'
    const place = formatAddress(address)
    const claimedBy = mid && claimed ? toHex(mid) : undefined
    // Anybody may claim the address of another, who is silent for once: it is blocked only if it is nobody's, or answered itself.
    const isPlaceOfSpy = isSpy && (checks.address !== true || checks.proof === true)
    if (isPlaceOfSpy) this.spiesByAddress.add({ key: place, foundMs: nowMs, claimedBy })
    else if (!isSpy && isComplete(checks)) this.spiesByAddress.delete(place)
    this.changes++
    // Whoever names an address and somebody else's key together must not thereby speak ill of the key.
    if (mid === undefined || (!claimed && checks.proof !== true)) return undefined
    const key = toHex(mid)
    if (isSpy) this.spiesByKey.add({ key, foundMs: nowMs })
    else if (isComplete(checks)) this.spiesByKey.delete(key)
    return this.change(key, (record) => {
      record.checks = checks
      record.checkedMs = nowMs
      if (checks.answer !== undefined) this.rules.answered(record.conduct, checks.answer, nowMs)
    })
  }

  recordCircuit(mid: Uint8Array, ok: boolean, weight = 1): void {
    this.change(toHex(mid), ({ conduct }, nowMs) => this.rules.circuit(conduct, ok, weight, nowMs))
  }

  recordBandwidth(mid: Uint8Array, promised: number, measured: number): void {
    this.change(toHex(mid), ({ conduct }, nowMs) => this.rules.bandwidth(conduct, promised, measured, nowMs))
  }

  recordMisbehaviour(mid: Uint8Array, kind: Misbehaviour): void {
    this.change(toHex(mid), ({ conduct }, nowMs) => this.rules.caught(conduct, kind, nowMs))
  }

  recordOpinions(mid: Uint8Array, voices: readonly Voice[]): void {
    const others = consensusOf(voices, this.clock.wall(), this.settings)
    if (others === undefined) return
    this.change(toHex(mid), (record) => {
      record.others = others
    })
  }

  markByHand(mid: Uint8Array, mark: Mark | undefined): void {
    const key = toHex(mid)
    if (mark !== undefined) this.marks.set(key, { mid: key, mark })
    else {
      this.marks.delete(key)
      this.spiesByKey.delete(key)
    }
    if (mark !== 'blocked') this.spiesByAddress.deleteOf(key)
    this.changed(key)
  }

  unblockAddress(address: IpAddress): void {
    this.spiesByAddress.delete(formatAddress(address))
    this.changes++
  }

  list(): readonly { readonly mid: Uint8Array; readonly verdict: Verdict }[] {
    const spies = this.spiesByKey.list(this.clock.wall()).map(({ key }) => key)
    const marked = this.marks.values().map(({ mid }) => mid)
    const keys = new Set([...this.relays.keys(), ...marked, ...spies])
    return [...keys].map((key) => ({ mid: fromHex(key), verdict: this.verdictOf(key) }))
  }

  opinions(): readonly Opinion[] {
    const nowMs = this.clock.wall()
    const opinions: Opinion[] = []
    for (const { mid, checks, checkedMs, conduct } of this.relays.values()) {
      if (checkedMs === undefined || nowMs - checkedMs >= this.settings.checksLifetimeMs) continue
      // Without what others say: nobody shall hear his own voice again as another's.
      const { value, suspect } = this.rules.judge(conduct, nowMs)
      opinions.push({
        mid,
        checks: (checkBits(checks) & ALL_CHECKS) | (suspect ? WARNING_BIT : 0),
        score: Math.round(100 * scoreOf(checks)),
        reputation: Math.round(100 * value),
        age: Math.min(0xffff, Math.max(0, Math.floor((nowMs - checkedMs) / 60_000))),
      })
    }
    return opinions
  }

  snapshot(): Uint8Array {
    const nowMs = this.clock.wall()
    return writeSnapshot({
      relays: [...this.relays.values()].map(contentOf),
      spiesByKey: this.spiesByKey.list(nowMs).map(({ key, foundMs }) => ({ mid: fromHex(key), foundMs })),
      spiesByAddress: this.spiesByAddress.list(nowMs).map(({ key, foundMs, claimedBy }) => ({
        address: placeOf(key),
        foundMs,
        claimedBy: claimedBy === undefined ? NO_MID : fromHex(claimedBy),
      })),
      marks: this.marks
        .values()
        .map(({ mid, mark }) => ({ mid: fromHex(mid), mark: mark === 'blocked' ? 1 : 2 })),
    })
  }

  restore(bytes: Uint8Array): void {
    const content = readSnapshot(bytes)
    const nowMs = this.clock.wall()
    // A clock that was ahead when this was written must not make anything last for ever.
    const past = (ms: number) => Math.min(ms, nowMs)
    this.relays.clear()
    this.verdicts.clear()
    this.marks.prune(() => true)
    this.spiesByKey = this.newMemory()
    this.spiesByAddress = this.newMemory()
    for (const stored of content.relays.slice(-this.settings.maxRelays)) {
      this.relays.set(toHex(stored.mid), recordOf(stored, past))
    }
    for (const { mid, foundMs } of content.spiesByKey) {
      this.spiesByKey.add({ key: toHex(mid), foundMs: past(foundMs) })
    }
    for (const { address, foundMs, claimedBy } of content.spiesByAddress) {
      const mid = equalBytes(claimedBy, NO_MID) ? undefined : toHex(claimedBy)
      this.spiesByAddress.add({ key: formatAddress(address), foundMs: past(foundMs), claimedBy: mid })
    }
    for (const { mid, mark } of content.marks) {
      this.marks.set(toHex(mid), { mid: toHex(mid), mark: mark === 1 ? 'blocked' : 'trusted' })
    }
    this.changes++
  }

  private newMemory(): SpyMemory {
    return new SpyMemory(this.settings.maxSpies, this.settings.spyRememberedMs)
  }

  private verdictOf(key: string): Verdict {
    const atMs = this.clock.now()
    const known = this.verdicts.get(key)
    if (known && atMs - known.atMs < VERDICT_MS) return known.verdict
    const wallMs = this.clock.wall()
    const record = this.relays.get(key)
    const verdict = judgeRelay(
      {
        record: record ?? newRelayRecord(NO_MID, wallMs),
        isSpy: this.spiesByKey.has(key, wallMs),
        mark: this.marks.get(key)?.mark,
      },
      wallMs,
      { rules: this.rules, checks: this.checkSettings, book: this.settings },
    )
    // Only of relays that are known: whoever asks for others must not fill our memory.
    if (record) this.verdicts.set(key, { verdict, atMs })
    return verdict
  }

  private change(key: string, change: (record: RelayRecord, nowMs: number) => void): Verdict {
    const nowMs = this.clock.wall()
    let record = this.relays.get(key)
    if (record === undefined) {
      this.makeRoom(nowMs)
      record = newRelayRecord(fromHex(key), nowMs)
      this.relays.set(key, record)
    }
    change(record, nowMs)
    record.updatedMs = nowMs
    this.changed(key)
    return this.verdictOf(key)
  }

  private changed(key: string): void {
    this.changes++
    this.verdicts.delete(key)
  }

  /**
   * The relay longest without news goes: first of those that never proved a key, of which anybody can make as many as he likes;
   * then of the others; those that were caught at something go last.
   */
  private makeRoom(nowMs: number): void {
    if (this.relays.size < this.settings.maxRelays) return
    let leaving: { readonly key: string; readonly worth: number; readonly updatedMs: number } | undefined
    for (const [key, record] of this.relays) {
      const worth = this.worthOf(key, record, nowMs)
      const { updatedMs } = record
      const sooner =
        leaving === undefined ||
        (worth === leaving.worth ? updatedMs < leaving.updatedMs : worth < leaving.worth)
      if (sooner) leaving = { key, worth, updatedMs }
    }
    if (leaving === undefined) return
    this.relays.delete(leaving.key)
    this.verdicts.delete(leaving.key)
  }

  private worthOf(key: string, { checks, conduct }: RelayRecord, nowMs: number): number {
    if (this.rules.pointsOf(conduct, 'all', nowMs) >= this.rules.settings.suspectPoints) return 2
    // A proven one that is silent today has carried, or been up, before.
    const known = conduct.circuits.good > 0 || conduct.uptime.good > 0 || this.marks.has(key)
    return checks.proof === true || known ? 1 : 0
  }
}

const NO_MID = new Uint8Array(20)

/** The address that `formatAddress` wrote. */
function placeOf(text: string): IpAddress {
  const cut = text.lastIndexOf(':')
  return addressOf(text.slice(0, cut), Number(text.slice(cut + 1))) as IpAddress
}
