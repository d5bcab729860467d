import { fixed, struct, u8, u16 } from '../bytes/codec.ts'

/** What one relay found of another, as it tells it in message 8. An opinion: nothing proves it (design 5). */
export interface VerdictRecord {
  /** SHA-1 of the judged relay's public key, 20 bytes. */
  readonly mid: Uint8Array
  /** The checks that passed: bit n for the n-th of trust/checks.ts. */
  readonly checks: number
  /** Sum of the checks in percent, 0 to 100. */
  readonly score: number
  /** In percent, 0 to 100; 255 if there is none yet. */
  readonly reputation: number
  /** Minutes since the checks were made, at most 65,535. */
  readonly ageMinutes: number
}

/** 25 bytes. */
export const verdictRecord = struct({
  mid: fixed(20),
  checks: u8,
  score: u8,
  reputation: u8,
  ageMinutes: u16,
})

export const VERDICT_RECORD_BYTES = 25
export const NO_REPUTATION = 255
