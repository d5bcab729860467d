import { randomFillSync } from 'node:crypto'
import type { Random } from '../shared/world/random.ts'

const POOL_BYTES = 16_384
/** Above this a request is filled directly: the pool would gain nothing. */
const POOLED_REQUEST_BYTES = 1_024

/**
 * Cryptographically strong randomness of the operating system, drawn 16 KiB at a time: one call of the source costs about
 * as much for 4 bytes as for a whole pool. Bytes handed out are wiped from the pool.
 */
export class NodeRandom implements Random {
  private readonly pool = new Uint8Array(POOL_BYTES)
  private used = POOL_BYTES

  bytes(length: number): Uint8Array {
    if (length > POOLED_REQUEST_BYTES) return randomFillSync(new Uint8Array(length))
    if (this.used + length > POOL_BYTES) {
      randomFillSync(this.pool)
      this.used = 0
    }
    const start = this.used
    this.used += length
    const taken = this.pool.slice(start, this.used)
    this.pool.fill(0, start, this.used)
    return taken
  }
}
