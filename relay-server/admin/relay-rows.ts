import { toHex } from '../../shared/bytes/bytes.ts'
import type { Directory } from '../../shared/directory/directory.ts'
import type { TrustJudge } from '../../shared/trust/trust-judge.ts'
import { CHECK_NAMES, type CheckName, type Verdict } from '../../shared/trust/verdict.ts'

/** What an operator is shown of one relay. No address: the directory is public, who reads over his shoulder need not be. */
export interface RelayRow {
  /** SHA-1 of its key, 40 hexadecimal digits: what `block` and `trust` take. */
  readonly id: string
  readonly nickname: string
  readonly proven: boolean
  readonly score: number
  readonly class: Verdict['class']
  readonly standing: Verdict['standing']
  readonly reputation: number
  /** Absent: not done. */
  readonly checks: Partial<Record<CheckName, boolean>>
  readonly reasons: Verdict['reasons']
  readonly byHand: Verdict['byHand']
  /** When it was checked, milliseconds since 1970. */
  readonly checkedMs: number | undefined
  readonly country: string | undefined
  readonly as: number | undefined
}

/** Every relay of the directory, and every other that the trust book knows: spies, blocked ones. Best first. */
export function relayRows(directory: Directory, book: Pick<TrustJudge, 'verdict' | 'list'>): RelayRow[] {
  const entries = new Map(
    directory.list().map((entry) => [toHex(entry.descriptor.publicKey.mid), entry] as const),
  )
  const verdicts = new Map(book.list().map(({ mid, verdict }) => [toHex(mid), verdict] as const))
  for (const [id, { descriptor }] of entries) verdicts.set(id, book.verdict(descriptor.publicKey.mid))
  const rows = [...verdicts].map(([id, verdict]): RelayRow => {
    const { checks, score, reputation, standing, reasons, byHand, checkedMs } = verdict
    const entry = entries.get(id)
    const done = CHECK_NAMES.flatMap((name) => (checks[name] === undefined ? [] : [[name, checks[name]]]))
    return {
      id,
      nickname: entry?.descriptor.nickname ?? '',
      proven: entry?.proven ?? false,
      score,
      class: verdict.class,
      standing,
      reputation: Math.round(reputation * 100) / 100,
      checks: Object.fromEntries(done) as RelayRow['checks'],
      reasons,
      byHand,
      checkedMs,
      country: entry?.descriptor.country,
      as: entry?.descriptor.as,
    }
  })
  return rows.sort(
    (a, b) => b.score - a.score || b.reputation - a.reputation || a.nickname.localeCompare(b.nickname),
  )
}
