import type { Counters } from '../world/counters.ts'
import { AckPolicy } from './ack-policy.ts'
import type { UtpSettings } from './constants.ts'
import type { UtpEvents } from './events.ts'
import { UTP_TYPE, type UtpHeader } from './header.ts'
import { ReceiveWindow } from './receive-window.ts'
import { sequenceDelta } from './sequence.ts'

/** The receiving half of a connection: puts packets in order, decides when to acknowledge them, gives them to the application. */
export class Receiver {
  readonly window: ReceiveWindow
  readonly acks: AckPolicy
  paused = false
  /** Whether the application was told that the far side has finished. */
  endedGiven = false
  private readonly counters: Counters
  private readonly events: UtpEvents
  private readonly takesParts: boolean
  /** Index of the far side's FIN; -1 until it came. */
  private finIndex = -1
  private giving = false
  private over = false

  /**
   * @param takesParts whether large packets may come in parts
   * @param shared bytes that there is room for in what is shared with other connections
   */
  constructor(
    settings: UtpSettings,
    counters: Counters,
    events: UtpEvents,
    takesParts: boolean,
    shared?: () => number,
  ) {
    this.window = new ReceiveWindow(settings.receiveBufferBytes, shared)
    this.acks = new AckPolicy(settings.maxPacketsPerAck)
    this.counters = counters
    this.events = events
    this.takesParts = takesParts
  }

  /** Whether everything that the far side will ever send has come. */
  get receivedAll(): boolean {
    return this.finIndex >= 0 && this.window.missing > this.finIndex
  }

  /**
   * Takes in a data packet or the FIN.
   * @param first sequence number of the far side's packet 0
   * @returns whether to acknowledge at once
   */
  receive(packet: Uint8Array, header: UtpHeader, first: number, nowMs: number): boolean {
    const { window } = this
    const index = window.missing + sequenceDelta(header.sequence, first + window.missing)
    const isFin = header.type === UTP_TYPE.fin
    if (this.finIndex >= 0 && index > this.finIndex) {
      this.counters.add('utp-data-after-fin')
      return false
    }
    const missing = window.missing
    const hadGap = window.hasGap
    const payload = packet.subarray(header.payloadStart)
    const isPart = header.partTotal > 0 && !isFin && this.takesParts
    const outcome = isPart
      ? window.putPart(index, header.partOffset, header.partTotal, payload, !this.paused)
      : window.put(index, payload, !this.paused)
    if (outcome === 'part') return false
    const due = this.acks.received(nowMs)
    if (outcome === 'refused') this.counters.add('utp-data-refused')
    if (outcome !== 'new') return true
    if (isFin) this.finIndex = index
    // At once: the first sign of a hole, a hole that is filled, the end.
    return due || isFin || (hadGap ? window.missing > missing : window.hasGap)
  }

  /** Gives the application what it has not paused. */
  give(): void {
    if (this.giving) return
    this.giving = true
    while (!this.paused && !this.over) {
      const chunk = this.window.take()
      if (chunk === undefined) break
      if (chunk.length > 0) this.events.data(chunk)
    }
    this.giving = false
    if (this.endedGiven || this.finIndex < 0 || this.over) return
    if (!this.window.gaveAllBefore(this.finIndex + 1)) return
    this.endedGiven = true
    this.events.ended()
  }

  /** Lets go of all that is held, and gives nothing any more. */
  clear(): void {
    this.over = true
    this.window.clear()
  }
}
