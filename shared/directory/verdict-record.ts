import { fixed, struct, u8, u16 } from '../bytes/codec.ts'

/** What one relay found of another, as it tells it in message 8. An opinion: nothing proves it. `Opinion` of shared/trust. */
export interface VerdictRecord {
  /** SHA-1 of the judged relay's public key, 20 bytes. */
  readonly mid: Uint8Array
  /** What passed: bit 0 address, 1 port, 2 key, 3 answer, 4 proof. Bit 5: it does what it should not. */
  readonly checks: number
  /** Sum of the checks in percent, 0 to 100. */
  readonly score: number
  /** In percent, 0 to 100. */
  readonly reputation: number
  /** Minutes since the checks were made, at most 65,535. */
  readonly age: number
}

/** 25 bytes. */
export const verdictRecord = struct({ mid: fixed(20), checks: u8, score: u8, reputation: u8, age: u16 })

/** Whether the numbers can be meant. */
export function isSane({ score, reputation }: VerdictRecord): boolean {
  return score <= 100 && reputation <= 100
}
