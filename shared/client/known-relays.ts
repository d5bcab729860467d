import { toHex } from '../bytes/bytes.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import type { Directory } from '../directory/directory.ts'
import type { StockPeers } from '../directory/stock-peers.ts'
import type { Geo } from '../geo/geo.ts'
import type { PublicKey } from '../identity/keys.ts'
import { type PathRelay, relayKey } from '../path/relay.ts'
import type { TrustJudge } from '../trust/trust-judge.ts'
import type { Verdict } from '../trust/verdict.ts'
import type { Clock } from '../world/clock.ts'
import { KNOWN_RELAYS_MS } from './constants.ts'
import { describedRelay, toldRelay } from './path-relays.ts'

/** A relay as it may be shown: what it says, what is thought of it, and who told of it. */
export interface RelayView {
  readonly relay: PathRelay
  /** Undefined for stock peers, which sign none. */
  readonly descriptor: RelayDescriptor | undefined
  readonly verdict: Verdict
  /** Bytes per second that circuits through it carried; undefined if that was not seen. */
  readonly measured: number | undefined
  /** Sources of distinct networks and families that tell of it, beside itself. */
  readonly confirmedBy: number
  /** Others tell of it, and an entry relay has kept it back. */
  readonly hiddenByEntry: boolean
  /** Too few tell of it: it is no exit and no guard. */
  readonly unconfirmed: boolean
}

/** What a comparison knows of a relay, by the hex of its mid. */
export interface Confirmations {
  /** Rises with what is told. */
  version(): number
  confirmedBy(mid: string): number
  isHidden(mid: string): boolean
  isUnconfirmed(mid: string): boolean
}

export interface KnownRelaysOptions {
  readonly clock: Clock
  readonly directory: Directory
  readonly stock: StockPeers
  readonly book: TrustJudge
  readonly confirmations: Confirmations
  /** Countries and networks of addresses, once they are known. */
  geo?(): Geo | undefined
  extraRelays?(): readonly PathRelay[]
  measured?(relay: PathRelay): number | undefined
}

/** What was found, and from what. */
interface Found {
  readonly relays: readonly PathRelay[]
  readonly atMs: number
  readonly version: number
  readonly told: number
  readonly geo: Geo | undefined
}

/** What of a verdict path selection looks at. */
interface Judgement {
  readonly standing: Verdict['standing'] | undefined
  readonly trust: number
  readonly unconfirmed: boolean
}

const mids = new WeakMap<PublicKey, string>()

/** Hex of a relay's mid: made once, since all relays are looked through time and again. */
export function midOf({ publicKey }: { readonly publicKey: PublicKey }): string {
  let mid = mids.get(publicKey)
  if (mid === undefined) {
    mid = toHex(publicKey.mid)
    mids.set(publicKey, mid)
  }
  return mid
}

/**
 * All that could be hops: relays of the directory, and stock peers that relays or this client's own walk know; with what the trust
 * book and the comparison of sources say of them. Those that are blocked are not among them.
 */
export class KnownRelays {
  private readonly options: KnownRelaysOptions
  private found: Found | undefined
  private blocked: ReadonlySet<string> = new Set()
  /** Exits that are none, being unconfirmed. */
  private noExits: ReadonlySet<string> = new Set()
  private readonly judged = new WeakMap<PathRelay, Judgement & { readonly relay: PathRelay }>()

  constructor(options: KnownRelaysOptions) {
    this.options = options
  }

  /** To be called when something has changed that is no descriptor. */
  changed(): void {
    this.found = undefined
  }

  list(): readonly PathRelay[] {
    const { clock, directory, confirmations } = this.options
    const nowMs = clock.now()
    const geo = this.options.geo?.()
    const { found } = this
    // The directory drops what has expired when it is looked at, no sooner; and verdicts move slowly.
    if (
      found !== undefined &&
      found.version === directory.version &&
      found.told === confirmations.version() &&
      found.geo === geo &&
      nowMs - found.atMs < KNOWN_RELAYS_MS
    ) {
      return found.relays
    }
    const relays = this.usable()
    this.found = { relays, atMs: nowMs, geo, version: directory.version, told: confirmations.version() }
    return relays
  }

  /** As of the last list: cheap enough to be asked of every hop of every circuit. */
  isBlocked(relay: PathRelay): boolean {
    this.list()
    return this.blocked.has(midOf(relay))
  }

  /** Whether it is no exit for being unconfirmed; as of the last list. */
  isNoExit(relay: PathRelay): boolean {
    this.list()
    return this.noExits.has(midOf(relay))
  }

  /** Also if it is blocked: the link to it may be open still. */
  of(publicKey: PublicKey): PathRelay | undefined {
    const descriptor = this.options.directory.find(publicKey.mid)?.descriptor
    const relay = descriptor
      ? describedRelay(descriptor, this.options.geo?.())
      : this.options.extraRelays?.().find((each) => each.publicKey.equals(publicKey))
    return relay && this.judge(relay, this.options.book.verdict(publicKey.mid), false)
  }

  views(): RelayView[] {
    const { directory, book, confirmations } = this.options
    return this.all().map((relay) => {
      const mid = midOf(relay)
      const verdict = book.verdict(relay.publicKey.mid)
      return {
        relay: this.judge(relay, verdict, true),
        descriptor: directory.find(relay.publicKey.mid)?.descriptor,
        verdict,
        measured: this.options.measured?.(relay),
        confirmedBy: confirmations.confirmedBy(mid),
        hiddenByEntry: confirmations.isHidden(mid),
        unconfirmed: relay.culvert && confirmations.isUnconfirmed(mid),
      }
    })
  }

  private usable(): readonly PathRelay[] {
    const verdicts = new Map(this.options.book.list().map(({ mid, verdict }) => [toHex(mid), verdict]))
    this.blocked = new Set(
      [...verdicts].filter(([, { standing }]) => standing === 'blocked').map(([mid]) => mid),
    )
    // Where nobody has checked anybody, being unchecked says nothing.
    const isJudged = [...verdicts.values()].some(({ checkedMs }) => checkedMs !== undefined)
    const relays = this.all()
      .map((relay) => this.judge(relay, verdicts.get(midOf(relay)), isJudged))
      .filter(({ standing }) => standing !== 'blocked')
    const isExit = (relay: PathRelay) => relay.exit !== 'none'
    // An invented exit beside an invented entry would see both ends: where there is another, it is none.
    const isChoice = relays.some((relay) => isExit(relay) && !relay.unconfirmed)
    const none = relays.filter((relay) => isChoice && isExit(relay) && relay.unconfirmed)
    this.noExits = new Set(none.map(midOf))
    return relays.map((relay) => (none.includes(relay) ? { ...relay, exit: 'none' } : relay))
  }

  private all(): PathRelay[] {
    const geo = this.options.geo?.()
    const all = new Map<string, PathRelay>()
    for (const peer of this.options.stock.list()) {
      const relay = toldRelay(peer, geo)
      if (relay) all.set(relayKey(relay), relay)
    }
    for (const relay of this.options.extraRelays?.() ?? []) all.set(relayKey(relay), relay)
    for (const { descriptor } of this.options.directory.list()) {
      const relay = describedRelay(descriptor, geo)
      if (relay) all.set(relayKey(relay), relay)
    }
    return [...all.values()]
  }

  /** With what is thought of it; the same object as long as nothing of that changes. */
  private judge(relay: PathRelay, verdict: Verdict | undefined, isJudged: boolean): PathRelay {
    const standing = verdict?.standing ?? 'unproven'
    const trust = verdict ? trustOf(verdict) : 1
    const judgement: Judgement = {
      standing: isJudged || standing === 'suspect' || standing === 'blocked' ? standing : undefined,
      trust,
      unconfirmed: relay.culvert && this.options.confirmations.isUnconfirmed(midOf(relay)),
    }
    if (judgement.standing === undefined && trust === 1 && !judgement.unconfirmed) return relay
    const known = this.judged.get(relay)
    if (known && sameJudgement(known, judgement)) return known.relay
    const judged: PathRelay = {
      ...relay,
      trust,
      ...(judgement.standing && { standing: judgement.standing }),
      ...(judgement.unconfirmed && { unconfirmed: true }),
    }
    this.judged.set(relay, { ...judgement, relay: judged })
    return judged
  }
}

function sameJudgement(a: Judgement, b: Judgement): boolean {
  return a.trust === b.trust && a.standing === b.standing && a.unconfirmed === b.unconfirmed
}

/** Nothing off for a relay of which nothing is known (0.5), and in proportion below; steps of 5 % are enough to choose by. */
function trustOf({ reputation, standing }: Verdict): number {
  const trust = Math.round(20 * Math.min(1, 2 * reputation)) / 20
  return (standing === 'suspect' ? 0.1 : 1) * trust
}
