import { toHex } from '../bytes/bytes.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { SIGHTINGS } from './constants.ts'

/** Who tells of relays: a relay that was asked, or a way of finding them. */
export interface Source {
  /** `relayKey`, or a name. */
  readonly key: string
  /** Whom it cannot speak for: itself. Hex of its mid; empty for what is no relay. */
  readonly mid: string
  /** Sources of one network, or of one family, speak with one voice. */
  readonly network: string
  /** Empty for none. */
  readonly family: string
}

interface Told {
  readonly source: Source
  /** When it told of each relay first, by the hex of its mid. */
  readonly relays: Map<string, number>
  /** It has told all that it knows, once. */
  complete: boolean
}

/**
 * Which source told of which relay. A relay that one source alone knows may be its invention, and one that the others know and
 * one does not may be hidden by it.
 */
export class Sightings {
  /** Rises with everything that is told for the first time. */
  version = 0
  private readonly sources = new BoundedMap<string, Told>(SIGHTINGS.maxSources)
  /** Relays that were confirmed once, and when that was seen last (wall time): they stay so, from one run to the next. */
  private readonly confirmed = new BoundedMap<string, { readonly mid: string; wallMs: number }>(
    SIGHTINGS.maxConfirmed,
  )

  /** @param mids of the relays that it told of */
  told(source: Source, mids: Iterable<Uint8Array>, nowMs: number): void {
    const told = this.sources.get(source.key) ?? {
      source,
      relays: new Map<string, number>(),
      complete: false,
    }
    this.sources.set(source.key, told)
    for (const mid of mids) {
      const key = toHex(mid)
      if (told.relays.has(key) || told.relays.size >= SIGHTINGS.maxRelays) continue
      told.relays.set(key, nowMs)
      this.version++
    }
  }

  /** A source has told all that it knows. */
  completed(source: Source): void {
    const told = this.sources.get(source.key)
    if (told === undefined || told.complete) return
    told.complete = true
    this.version++
  }

  /** Voices of those that have told all that they know. */
  get complete(): number {
    return voicesOf(this.sources.values().filter(({ complete }) => complete)).length
  }

  /** How many tell of a relay, beside itself: sources of one network or family count once. */
  confirmedBy(mid: string): number {
    return this.tellersOf(mid).length
  }

  /** Whether enough tell of a relay, or did before. @param wallMs now, to be remembered */
  isConfirmed(mid: string, wallMs: number): boolean {
    if (this.confirmedBy(mid) >= SIGHTINGS.confirmedBy) {
      const known = this.confirmed.get(mid)
      if (known) known.wallMs = wallMs
      else this.confirmed.set(mid, { mid, wallMs })
      return true
    }
    return this.wasConfirmed(mid, wallMs)
  }

  /** Whether it was seen to be confirmed, in this run or an earlier one: told without a look at all sources. */
  wasConfirmed(mid: string, wallMs: number): boolean {
    const known = this.confirmed.get(mid)
    return known !== undefined && wallMs - known.wallMs < SIGHTINGS.rememberedMs
  }

  /** Whether another source than these tells of a relay, or it was confirmed in an earlier run. */
  isToldBesides(mid: string, keys: ReadonlySet<string>, wallMs: number): boolean {
    return (
      this.sources.values().some(({ source, relays }) => !keys.has(source.key) && relays.has(mid)) ||
      this.isConfirmed(mid, wallMs)
    )
  }

  /**
   * What a source does not tell though enough others do, and have for so long that it must have heard of it. Nothing of a source
   * that has not told all that it knows.
   */
  hiddenBy(key: string, nowMs: number): string[] {
    const judged = this.sources.get(key)
    if (!judged?.complete) return []
    const hidden: string[] = []
    for (const mid of this.mids()) {
      if (judged.relays.has(mid) || judged.source.mid === mid) continue
      const since = this.tellersOf(mid, judged.source).map(({ atMs }) => atMs)
      const enough = since.sort((a, b) => a - b)[SIGHTINGS.confirmedBy - 1]
      if (enough !== undefined && nowMs - enough >= SIGHTINGS.graceMs) hidden.push(mid)
    }
    return hidden
  }

  /** Of how many relays a source told. */
  count(key: string): number {
    return this.sources.get(key)?.relays.size ?? 0
  }

  /** Forgets relays that are not listed any more. */
  keepOnly(isListed: (mid: string) => boolean): void {
    for (const { relays } of this.sources.values()) {
      for (const mid of relays.keys()) if (!isListed(mid)) relays.delete(mid)
    }
  }

  /** Remembered confirmations, to be kept. */
  remembered(): readonly { readonly mid: string; readonly wallMs: number }[] {
    return this.confirmed.values()
  }

  remember(mid: string, wallMs: number): void {
    this.confirmed.set(mid, { mid, wallMs })
    this.version++
  }

  private mids(): Set<string> {
    return new Set(this.sources.values().flatMap(({ relays }) => [...relays.keys()]))
  }

  /** One for each voice; `besides` and its voice left out. */
  private tellersOf(mid: string, besides?: Source): { readonly atMs: number }[] {
    const tellers = this.sources
      .values()
      .filter(({ source, relays }) => source.mid !== mid && relays.has(mid) && !sameVoice(source, besides))
    return voicesOf(tellers).map(({ relays }) => ({ atMs: relays.get(mid) ?? 0 }))
  }
}

function sameVoice(a: Source, b: Source | undefined): boolean {
  return b !== undefined && (a.network === b.network || (a.family !== '' && a.family === b.family))
}

/** The first of each voice. */
function voicesOf(told: readonly Told[]): Told[] {
  const voices: Told[] = []
  for (const each of told) {
    if (!voices.some((other) => sameVoice(other.source, each.source))) voices.push(each)
  }
  return voices
}
