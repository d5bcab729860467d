import { unpinned } from '../bytes/bytes.ts'
import type { Clock, Timer } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import { PACKET_OVERHEAD_BYTES } from './constants.ts'

/** Wires that one other may wait for: more than can be there at one time. */
const MAX_AWAITED = 64

export interface HeldBackOptions {
  readonly clock: Clock
  /** `neighbour-order-given-up`. */
  readonly counters: Counters
  readonly holdMs: number
  readonly holdBytes: number
  deliver(packet: Uint8Array): void
}

/**
 * What a wire brought that is to be handed up after what an older wire still has under way: so packets of one flow stay in
 * order when the flow moves. Bounded in time and bytes; beyond, order is given up, never a packet.
 */
export class HeldBack {
  private readonly options: HeldBackOptions
  /** Nonces of the wires that are waited for. */
  private readonly awaited = new Set<number>()
  private packets: Uint8Array[] = []
  private bytes = 0
  private timer: Timer | undefined

  constructor(options: HeldBackOptions) {
    this.options = options
  }

  /** Whether what comes now is to be held. */
  get active(): boolean {
    return this.awaited.size > 0
  }

  /** From now on, until the wire with this nonce has retired. */
  await(nonce: number): void {
    if (this.awaited.size < MAX_AWAITED) this.awaited.add(nonce)
    this.timer ??= this.options.clock.after(this.options.holdMs, this.giveUp)
  }

  push(packet: Uint8Array): void {
    // It may be a small part of a message that is padding else.
    this.packets.push(unpinned(packet))
    this.bytes += packet.length + PACKET_OVERHEAD_BYTES
    if (this.bytes > this.options.holdBytes) this.giveUp()
  }

  /** The wire with this nonce has retired: all that it carried is here. */
  retired(nonce: number): void {
    if (this.awaited.delete(nonce) && this.awaited.size === 0) this.release()
  }

  /** Nothing more is waited for. */
  release(): void {
    this.awaited.clear()
    this.timer?.cancel()
    this.timer = undefined
    const packets = this.packets
    this.packets = []
    this.bytes = 0
    for (const packet of packets) this.options.deliver(packet)
  }

  private readonly giveUp = (): void => {
    this.options.counters.add('neighbour-order-given-up')
    this.release()
  }
}
