import type { Random } from '../../shared/world/random.ts'

const POOL_BYTES = 4_096
/** The most that crypto.getRandomValues gives at once (Web Cryptography API §10.1.1). */
const MAX_CALL_BYTES = 65_536

/** Cryptographically strong randomness of the browser, drawn 4 KiB at a time. Bytes handed out are wiped from the pool. */
export class BrowserRandom implements Random {
  private readonly pool = new Uint8Array(POOL_BYTES)
  private used = POOL_BYTES

  bytes(length: number): Uint8Array {
    if (length > POOL_BYTES) return this.large(length)
    if (this.used + length > POOL_BYTES) {
      crypto.getRandomValues(this.pool)
      this.used = 0
    }
    const start = this.used
    this.used += length
    const taken = this.pool.slice(start, this.used)
    this.pool.fill(0, start, this.used)
    return taken
  }

  private large(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += MAX_CALL_BYTES) {
      crypto.getRandomValues(bytes.subarray(at, at + MAX_CALL_BYTES))
    }
    return bytes
  }
}
