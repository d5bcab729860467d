import { toHex } from '../bytes/bytes.ts'
import type { VerdictRecord } from '../directory/verdict-record.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import type { TrustJudge, Voice } from '../trust/trust-judge.ts'
import { COMPARISON } from './constants.ts'
import type { Source } from './sightings.ts'

interface Heard {
  readonly source: Source
  readonly records: Map<string, VerdictRecord>
}

/** What relays said of each other, teller by teller, until it comes to a median in the trust book (D-06). */
export class OpinionsHeard {
  private readonly book: TrustJudge
  private readonly byTeller = new BoundedMap<string, Heard>(COMPARISON.maxTellers)

  constructor(book: TrustJudge) {
    this.book = book
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
    this.byTeller.set(source.key, { source, records })
  }

  /** Gives the book what is said of each relay. */
  settle(): void {
    const voices = new Map<string, { readonly mid: Uint8Array; readonly voices: Voice[] }>()
    for (const { source, records } of this.byTeller.values()) {
      for (const [key, opinion] of records) {
        const of = voices.get(key) ?? { mid: opinion.mid, voices: [] }
        of.voices.push({ network: source.network, opinion })
        voices.set(key, of)
      }
    }
    for (const { mid, voices: of } of voices.values()) this.book.recordOpinions(mid, of)
  }
}
