import { toHex } from '../bytes/bytes.ts'

/** What is waited for, and what it is for. */
interface Expected<T> {
  readonly bytes: Uint8Array
  readonly value: T
}

export interface Match<T> {
  readonly value: T
  /** It is what was waited for but for some bytes that somebody changed. */
  readonly altered: boolean
}

/** Datagrams of one length that what is not known byte for byte is compared with. */
const MAX_COMPARED = 64
/** Two datagrams of one kind share much of their form: only what differs in less than this share is the same one, altered. */
const ALTERED_SHARE = 1 / 8

/**
 * Datagrams that a probe waits for. Each holds enough chance that nobody can send one without having seen it; changed bytes
 * are recognized by the rest. Looks at no datagram of a length that is not waited for.
 */
export class ExpectedDatagrams<T> {
  /** By length, then by content. */
  private readonly byLength = new Map<number, Map<string, Expected<T>>>()
  private readonly limit: number
  private count = 0

  /** @param limit how many may be waited for at once */
  constructor(limit: number) {
    this.limit = limit
  }

  get size(): number {
    return this.count
  }

  /** @returns what ends the wait, idempotent; undefined if too many are waited for, or this one is already */
  add(bytes: Uint8Array, value: T): (() => void) | undefined {
    const entries = this.byLength.get(bytes.length) ?? new Map<string, Expected<T>>()
    const key = toHex(bytes)
    if (this.count >= this.limit || entries.has(key)) return undefined
    this.byLength.set(bytes.length, entries.set(key, { bytes, value }))
    this.count++
    return () => {
      if (!entries.delete(key)) return
      this.count--
      if (entries.size === 0) this.byLength.delete(bytes.length)
    }
  }

  match(bytes: Uint8Array): Match<T> | undefined {
    const entries = this.byLength.get(bytes.length)
    if (entries === undefined) return undefined
    const same = entries.get(toHex(bytes))
    if (same !== undefined) return { value: same.value, altered: false }
    const most = bytes.length * ALTERED_SHARE
    let compared = 0
    for (const entry of entries.values()) {
      if (compared++ >= MAX_COMPARED) break
      if (difference(entry.bytes, bytes, most) <= most) return { value: entry.value, altered: true }
    }
    return undefined
  }
}

/** In how many bytes two datagrams of one length differ; counts no further than just above `most`. */
function difference(a: Uint8Array, b: Uint8Array, most: number): number {
  let count = 0
  for (let i = 0; i < a.length && count <= most; i++) if (a[i] !== b[i]) count++
  return count
}
