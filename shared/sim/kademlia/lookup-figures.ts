import type { LookupSummary } from '../../kademlia/api.ts'

/** What lookups of one kind came to. */
export interface LookupFigures {
  readonly lookups: number
  readonly correct: number
  /** `correct` of `lookups`, 0..1. */
  readonly share: number
  readonly hops: { readonly median: number; readonly p95: number }
  /** Nodes asked, of each lookup. */
  readonly asked: { readonly median: number; readonly p95: number }
  /** Share of the nodes asked that answered. */
  readonly answered: number
  readonly milliseconds: { readonly median: number; readonly p95: number }
}

/** Counts lookups of one kind. */
export class LookupTally {
  private readonly summaries: LookupSummary[] = []
  private correct = 0

  add(correct: boolean, summary: LookupSummary): void {
    const { kind, ok, cached, asked, answered, hops, tookMs } = summary
    // Without what it found, which would be kept by it.
    this.summaries.push({ kind, ok, cached, asked, answered, hops, tookMs })
    if (correct) this.correct++
  }

  figures(): LookupFigures {
    const all = this.summaries
    const sum = (field: 'asked' | 'answered') => all.reduce((total, each) => total + each[field], 0)
    return {
      lookups: all.length,
      correct: this.correct,
      share: round(this.correct / all.length, 4),
      hops: spread(all.map(({ hops }) => hops)),
      asked: spread(all.map(({ asked }) => asked)),
      answered: round(sum('answered') / sum('asked'), 3),
      milliseconds: spread(all.map(({ tookMs }) => Math.round(tookMs))),
    }
  }
}

function spread(values: number[]): { median: number; p95: number } {
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { median: at(0.5), p95: at(0.95) }
}

export function round(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : 0
}
