import { type Address, formatAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { REQUEST_REPEATS_MS } from './limits.ts'

interface Waiting {
  readonly port: number
  readonly timer: ReturnType<typeof setTimeout>
}

/**
 * The requests of one socket to UDP trackers, each repeated a few times, byte for byte, until something comes back. Trackers are
 * to be asked again (BEP 15, "Time outs"), which WebTorrent's client leaves out: it asks once, through hops that lose some of what
 * they carry. A tracker that heard it twice answers twice; the client takes the second answer for a wrong one to its next request, so
 * it is kept from it.
 */
export class TrackerRequests {
  private readonly send: (destination: Address, data: Uint8Array) => void
  private readonly waiting = new Map<string, Waiting>()
  private lastAnswered = ''

  constructor(send: (destination: Address, data: Uint8Array) => void) {
    this.send = send
  }

  asked(destination: Address, data: Uint8Array): void {
    const key = formatAddress(destination)
    this.forget(key)
    this.repeat(key, destination, data, 0)
  }

  /**
   * @param port that it came from: where the tracker was asked by name, nothing else is known to be its
   * @returns false if this is one more answer to what has been answered
   */
  answered(port: number, data: Uint8Array): boolean {
    // BEP 15: action 4, transaction 4.
    const transaction = toHex(data.subarray(4, 8))
    if (transaction === this.lastAnswered) return false
    this.lastAnswered = transaction
    for (const [key, entry] of [...this.waiting]) if (entry.port === port) this.forget(key)
    return true
  }

  close(): void {
    for (const key of [...this.waiting.keys()]) this.forget(key)
  }

  private repeat(key: string, destination: Address, data: Uint8Array, times: number): void {
    const delay = REQUEST_REPEATS_MS[times]
    if (delay === undefined) {
      this.waiting.delete(key)
      return
    }
    const timer = setTimeout(() => {
      this.send(destination, data)
      this.repeat(key, destination, data, times + 1)
    }, delay)
    this.waiting.set(key, { port: destination.port, timer })
  }

  private forget(key: string): void {
    clearTimeout(this.waiting.get(key)?.timer)
    this.waiting.delete(key)
  }
}
