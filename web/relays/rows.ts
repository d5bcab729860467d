import { fromHex, toHex } from '../../shared/bytes/bytes.ts'
import type { RelayView } from '../../shared/client/known-relays.ts'
import { type PathRelay, relayKey } from '../../shared/path/relay.ts'
import type { Verdict } from '../../shared/trust/verdict.ts'
import type { CircuitPlace, RelayRow, VerdictView } from '../engine/relays-protocol.ts'

/** What a circuit of the pool is made of. */
export interface Way {
  readonly number: number
  readonly path: readonly PathRelay[]
  readonly primary: boolean
}

/** More than a page lists; where strangers make up ever more relays, all get new numbers once in a while. */
const MOST_NUMBERS = 10_000

/** Relays shown have small numbers of this page's own; which key a number means stays in here. None is given twice. */
export class RelayNumbers {
  private readonly numbers = new Map<string, number>()
  private readonly relays = new Map<number, PathRelay>()
  private readonly most: number
  private last = 0

  constructor(most = MOST_NUMBERS) {
    this.most = most
  }

  of(relay: PathRelay): number {
    const key = relayKey(relay)
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    if (this.numbers.size >= this.most) {
      this.numbers.clear()
      this.relays.clear()
    }
    const number = ++this.last
    this.numbers.set(key, number)
    this.relays.set(number, relay)
    return number
  }

  relay(number: number): PathRelay | undefined {
    return this.relays.get(number)
  }
}

/** What the page is shown of each relay. @param wallMs now */
export function relayRows(
  views: readonly RelayView[],
  ways: readonly Way[],
  numbers: RelayNumbers,
  wallMs: number,
): RelayRow[] {
  const places = new Map<string, CircuitPlace[]>()
  for (const { number, path, primary } of ways) {
    path.forEach((relay, position) => {
      const key = relayKey(relay)
      const place = { circuit: number, position, last: position === path.length - 1, primary }
      places.set(key, [...(places.get(key) ?? []), place])
    })
  }
  return views.map((view): RelayRow => {
    const { relay, descriptor, verdict } = view
    const { country, as, claimed } = relay
    return {
      id: numbers.of(relay),
      name: relay.name,
      fingerprint: toHex(relay.publicKey.mid.subarray(0, 4)),
      host: relay.address?.host,
      exit: relay.exit,
      country: country ?? claimed?.country,
      countryClaimed: country === undefined && claimed?.country !== undefined,
      as: as ?? claimed?.as,
      family: familyText(relay.family),
      contact: descriptor?.contact ?? '',
      promised: relay.bytesPerSecond === 0 ? undefined : relay.bytesPerSecond,
      measured: view.measured,
      verdict: verdictView(verdict, wallMs),
      confirmedBy: view.confirmedBy,
      hiddenByEntry: view.hiddenByEntry,
      unconfirmed: view.unconfirmed,
      mark: verdict.byHand,
      circuits: places.get(relayKey(relay)) ?? [],
    }
  })
}

function verdictView(verdict: Verdict, wallMs: number): VerdictView {
  const { checks, score, reputation, standing, reasons, checkedMs, voices } = verdict
  return {
    checks,
    score,
    reputation,
    class: verdict.class,
    standing,
    reasons,
    ageSeconds: checkedMs === undefined ? undefined : Math.max(0, (wallMs - checkedMs) / 1_000),
    voices: verdict.by === 'others' ? voices : 0,
  }
}

/** Families are bytes of the operators' choice: text as a rule, and shown as such where it is. */
function familyText(hex: string): string {
  const text = new TextDecoder().decode(fromHex(hex))
  return /^[\x20-\x7e]*$/.test(text) ? text : hex
}
