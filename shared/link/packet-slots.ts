/** The end of a chain. */
export const NO_SLOT = -1

/**
 * Where queued packets lie: one set of parallel arrays for all flows, chained by index, so that queueing a packet allocates
 * nothing. Grows by doubling up to what the queue's bounds allow, and keeps no packet that was taken.
 */
export class PacketSlots<Packet> {
  private packets: (Packet | undefined)[] = []
  private next = new Int32Array(0)
  private queuedAtMs = new Float64Array(0)
  private free = NO_SLOT

  put(packet: Packet, nowMs: number): number {
    if (this.free === NO_SLOT) this.grow()
    const slot = this.free
    this.free = this.next[slot] as number
    this.packets[slot] = packet
    this.next[slot] = NO_SLOT
    this.queuedAtMs[slot] = nowMs
    return slot
  }

  chain(before: number, after: number): void {
    this.next[before] = after
  }

  after(slot: number): number {
    return this.next[slot] as number
  }

  packet(slot: number): Packet {
    return this.packets[slot] as Packet
  }

  queuedAt(slot: number): number {
    return this.queuedAtMs[slot] as number
  }

  release(slot: number): void {
    this.packets[slot] = undefined
    this.next[slot] = this.free
    this.free = slot
  }

  private grow(): void {
    const used = this.packets.length
    const size = Math.max(16, used * 2)
    const next = new Int32Array(size)
    next.set(this.next)
    const queuedAtMs = new Float64Array(size)
    queuedAtMs.set(this.queuedAtMs)
    for (let slot = used; slot < size; slot++) {
      this.packets.push(undefined)
      next[slot] = slot + 1 < size ? slot + 1 : NO_SLOT
    }
    this.next = next
    this.queuedAtMs = queuedAtMs
    this.free = used
  }
}
