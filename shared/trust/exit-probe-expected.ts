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

/** Datagrams of one length that are compared with what arrived; probes draw their lengths, so that few share one. */
const MAX_COMPARED = 16
/** Two datagrams of one kind share so much form that only what differs in less than this share is the same one, altered. */
const ALTERED_SHARE = 1 / 4

/**
 * Datagrams that a probe waits for. Each holds enough chance that nobody can send one without having seen it; changed bytes
 * are recognized by the rest. Looks at no datagram of a length that is not waited for.
 */
export class ExpectedDatagrams<T> {
  private readonly byLength = new Map<number, Set<Expected<T>>>()
  private readonly limit: number
  private count = 0

  /** @param limit how many may be waited for at once */
  constructor(limit: number) {
    this.limit = limit
  }

  get size(): number {
    return this.count
  }

  /** @returns what ends the wait, idempotent; undefined if too many are waited for */
  add(bytes: Uint8Array, value: T): (() => void) | undefined {
    if (this.count >= this.limit) return undefined
    const entry = { bytes, value }
    let entries = this.byLength.get(bytes.length)
    if (entries === undefined) {
      entries = new Set()
      this.byLength.set(bytes.length, entries)
    }
    entries.add(entry)
    this.count++
    const ofLength = entries
    return () => {
      if (!ofLength.delete(entry)) return
      this.count--
      if (ofLength.size === 0 && this.byLength.get(bytes.length) === ofLength) {
        this.byLength.delete(bytes.length)
      }
    }
  }

  match(bytes: Uint8Array): Match<T> | undefined {
    let compared = 0
    let altered: Match<T> | undefined
    for (const entry of this.byLength.get(bytes.length) ?? []) {
      if (compared++ >= MAX_COMPARED) break
      const differing = difference(entry.bytes, bytes, bytes.length * ALTERED_SHARE)
      if (differing === 0) return { value: entry.value, altered: false }
      if (differing <= bytes.length * ALTERED_SHARE) altered ??= { value: entry.value, altered: true }
    }
    return altered
  }
}

/** In how many bytes two datagrams of one length differ; counts no further than just above `most`. */
function difference(a: Uint8Array, b: Uint8Array, most: number): number {
  let count = 0
  for (let i = 0; i < a.length && count <= most; i++) if (a[i] !== b[i]) count++
  return count
}
