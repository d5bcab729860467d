import { toHex } from '../bytes/bytes.ts'
import { DROPS } from './constants.ts'

/** Why a relay is no longer listed, or no longer told to others. The values are part of the protocol (docs/protocol.md). */
export const DROP_REASONS = { expired: 0, silent: 1, blocked: 2 } as const
export type DropReason = keyof typeof DROP_REASONS

export interface Drop {
  /** 20 bytes. */
  readonly mid: Uint8Array
  readonly reason: DropReason
}

/**
 * The relays that were dropped lately, so that neighbours hear of it without sending their lists round (D-04). The latest drop
 * of each; bounded, the oldest is forgotten first.
 */
export class Drops {
  private readonly byMid = new Map<string, Drop & { readonly atMs: number }>()

  note(mid: Uint8Array, reason: DropReason, atMs: number): void {
    const key = toHex(mid)
    this.byMid.delete(key)
    this.byMid.set(key, { mid, reason, atMs })
    if (this.byMid.size <= DROPS.remembered) return
    const [oldest] = this.byMid.keys()
    if (oldest !== undefined) this.byMid.delete(oldest)
  }

  /** It is back. */
  forget(mid: string): void {
    this.byMid.delete(mid)
  }

  /** The newest first. @param limit so many at most */
  since(fromMs: number, limit: number): Drop[] {
    const recent = [...this.byMid.values()].reverse().filter(({ atMs }) => atMs >= fromMs)
    return recent.slice(0, limit)
  }
}
