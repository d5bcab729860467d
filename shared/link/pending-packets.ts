import { unpinned } from '../bytes/bytes.ts'
import type { Counters } from '../world/counters.ts'

interface Pending {
  readonly packet: Uint8Array
  readonly flow: number
}

/** What waits for the first wire: bounded, in order; what does not fit is dropped and counted as `neighbour-queue-full`. */
export class PendingPackets {
  bytes = 0
  private readonly counters: Counters
  private readonly limits: { readonly pendingPackets: number; readonly pendingBytes: number }
  private waiting: Pending[] = []

  constructor(
    counters: Counters,
    limits: { readonly pendingPackets: number; readonly pendingBytes: number },
  ) {
    this.counters = counters
    this.limits = limits
  }

  get packets(): number {
    return this.waiting.length
  }

  push(packet: Uint8Array, flow: number): void {
    const { pendingPackets, pendingBytes } = this.limits
    if (this.packets >= pendingPackets || this.bytes + packet.length > pendingBytes) {
      this.counters.add('neighbour-queue-full')
      return
    }
    this.waiting.push({ packet: unpinned(packet), flow })
    this.bytes += packet.length
  }

  /** All of them, the oldest first; none are left. */
  take(): readonly Pending[] {
    const packets = this.waiting
    this.waiting = []
    this.bytes = 0
    return packets
  }
}
