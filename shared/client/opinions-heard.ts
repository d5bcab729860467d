import { toHex } from '../bytes/bytes.ts'
import type { VerdictRecord } from '../directory/verdict-record.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { BOOK_DEFAULTS } from '../trust/constants.ts'
import type { TrustJudge, Voice } from '../trust/trust-judge.ts'
import type { Clock } from '../world/clock.ts'
import { COMPARISON } from './constants.ts'
import type { Source } from './sightings.ts'

const MINUTE_MS = 60_000

interface Heard {
  readonly source: Source
  readonly toldWallMs: number
  readonly records: Map<string, VerdictRecord>
}

/** What relays said of each other, teller by teller, until it comes to a median in the trust book (D-06). */
export class OpinionsHeard {
  private readonly book: TrustJudge
  private readonly clock: Pick<Clock, 'wall'>
  private readonly byTeller = new BoundedMap<string, Heard>(COMPARISON.maxTellers)

  constructor(book: TrustJudge, clock: Pick<Clock, 'wall'>) {
    this.book = book
    this.clock = clock
  }

  /**
   * @param isListed whether a relay is known: opinions of others are not kept
   */
  told(source: Source, told: readonly VerdictRecord[], isListed: (mid: string) => boolean): void {
    const records = new Map<string, VerdictRecord>()
    for (const record of told) {
      const mid = toHex(record.mid)
      // Nobody is heard about himself.
      if (mid !== source.mid && isListed(mid)) records.set(mid, record)
    }
    this.byTeller.set(source.key, { source, toldWallMs: this.clock.wall(), records })
  }

  /** Gives the book what is said of each relay: all as old as it is by now, and nothing of what is older than a day. */
  settle(): void {
    const voices = new Map<string, { readonly mid: Uint8Array; readonly voices: Voice[] }>()
    const wallMs = this.clock.wall()
    // The newest first: of one network, the book takes one.
    for (const { source, toldWallMs, records } of this.byTeller.values().reverse()) {
      const sinceMs = Math.max(0, wallMs - toldWallMs)
      for (const [key, opinion] of records) {
        const age = opinion.age + Math.floor(sinceMs / MINUTE_MS)
        if (age * MINUTE_MS >= BOOK_DEFAULTS.opinionLifetimeMs) continue
        const of = voices.get(key) ?? { mid: opinion.mid, voices: [] }
        of.voices.push({ network: source.network, opinion: { ...opinion, age } })
        voices.set(key, of)
      }
    }
    for (const { mid, voices: of } of voices.values()) this.book.recordOpinions(mid, of)
  }
}
