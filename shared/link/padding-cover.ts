import type { Clock } from '../world/clock.ts'
import type { Counters } from '../world/counters.ts'
import type { Random } from '../world/random.ts'

/** What cover traffic may cost (L-09). Of every link both bounds hold, and of all links together the third. */
export interface CoverBudget {
  /** Of one link, as sent there, packets and their frames. 0 for no cover traffic. */
  readonly bytesPerSecond: number
  /** Of what the link itself has sent, since it was opened: 0.1 for a tenth. */
  readonly share: number
  /** Of all links. */
  readonly totalBytesPerSecond: number
}

/** A wire that hides what it carries: one whose bytes are encrypted from end to end of it. */
export interface CoveredWire {
  readonly open: boolean
  /** Packet bytes sent since it was opened, cover traffic included. */
  readonly sentBytes: number
  /** Sends a packet of the class that goes last. */
  sendBulk(packet: Uint8Array): void
}

export interface CoverTrafficOptions {
  readonly clock: Clock
  readonly random: Random
  /** `cover-sent`, `cover-sent-bytes`, `cover-withheld`. */
  readonly counters: Counters
  readonly budget: CoverBudget
  /** The open wires that are to be covered. UDP is not among them: there a watcher can tell the padding. */
  wires(): readonly CoveredWire[]
  /** A packet of padding of so many bytes in all: control packet 5, which its receiver ignores. */
  paddingPacket(bytes: number): Uint8Array
}
