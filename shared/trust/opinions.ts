import type { Voice } from './trust-judge.ts'
import { CHECK_NAMES } from './verdict.ts'

/** Bit of `Opinion.checks` for a relay that is suspect or blocked for what it did. */
export const WARNING_BIT = 1 << CHECK_NAMES.length

/** What several relays say of one, come to one. */
export interface Consensus {
  /** Bits as in `Opinion`; each as most say. */
  readonly checks: number
  /** 0 to 1. */
  readonly reputation: number
  /** Networks that spoke. */
  readonly voices: number
  /** Wall time of the median check. */
  readonly checkedMs: number
  /** Wall time at which they were heard. */
  readonly heardMs: number
}

/**
 * The median of what is said: one vote for each network, so that who owns many relays of one network has one, and a median, so
 * that fewer than half of the votes move it no further than to what others say too. Undefined with fewer votes than `minVoices`.
 */
export function consensusOf(
  voices: readonly Voice[],
  nowMs: number,
  { minVoices, maxVoices }: { readonly minVoices: number; readonly maxVoices: number },
): Consensus | undefined {
  const byNetwork = new Map<string, Voice>()
  for (const voice of voices) if (!byNetwork.has(voice.network)) byNetwork.set(voice.network, voice)
  const opinions = [...byNetwork.values()].slice(0, maxVoices).map(({ opinion }) => opinion)
  if (opinions.length < minVoices) return undefined
  const majority = (bit: number) =>
    opinions.filter(({ checks }) => (checks & bit) !== 0).length * 2 > opinions.length ? bit : 0
  let checks = 0
  for (let bit = 1; bit <= WARNING_BIT; bit <<= 1) checks |= majority(bit)
  return {
    checks,
    reputation: median(opinions.map(({ reputation }) => Math.min(reputation, 100))) / 100,
    voices: opinions.length,
    checkedMs: nowMs - 60_000 * median(opinions.map(({ age }) => age)),
    heardMs: nowMs,
  }
}

/** The lower of the two middle ones where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? 0
}
