import { MAX_COUNTER, REPLAY_WINDOW } from './constants.ts'

/** Twice the window, so that a word that is being reused is never one that still counts (RFC 6479 §3). */
const WORDS = (2 * REPLAY_WINDOW) / 32

/**
 * Which counters of one direction of one hop have been seen. Accepts each counter once, in any order within the last
 * 2,048, and any jump ahead. py-ipv8 keeps no record and takes every counter any number of times: there, whoever sees a
 * cell can send it again, doubling a datagram at the exit, or tell a circuit's hops apart by where the copy comes out.
 * Ask `isFresh` before opening, and `accept` only what was authentic.
 */
export class ReplayWindow {
  private highest = -1
  private readonly seen = new Uint32Array(WORDS)

  isFresh(counter: number): boolean {
    if (counter > this.highest) return counter < MAX_COUNTER
    if (this.highest - counter >= REPLAY_WINDOW) return false
    const word = this.seen[Math.floor(counter / 32) % WORDS] as number
    return (word & (1 << (counter % 32))) === 0
  }

  accept(counter: number): void {
    const block = Math.floor(counter / 32)
    if (counter > this.highest) {
      const steps = Math.min(block - Math.floor(this.highest / 32), WORDS)
      for (let i = 0; i < steps; i++) this.seen[(block - i) % WORDS] = 0
      this.highest = counter
    }
    const at = block % WORDS
    this.seen[at] = (this.seen[at] as number) | (1 << (counter % 32))
  }
}
