import type { Link } from '../link/link.ts'
import { isStreamLink } from '../link/stream-link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint16 } from '../world/random.ts'
import {
  CELL_HEADER_BYTES,
  CELL_SIZE_RETRY_MS,
  CELL_SIZE_TRIES,
  JUMBO_CELL_BYTES,
  LAYER_BYTES,
  MAX_CELL_BYTES,
  MAX_HOPS,
  MESSAGE,
} from './constants.ts'
import { encodeMessage, type MessageBody } from './messages.ts'

/** The largest cell that a link is given to carry now. */
export function cellBytesOf(link: Link): number {
  return isStreamLink(link) ? JUMBO_CELL_BYTES : MAX_CELL_BYTES
}

/** The largest message, its id included, in cells of that size, whatever the number of hops. */
export function messageBytesIn(cellBytes: number): number {
  return cellBytes - CELL_HEADER_BYTES - MAX_HOPS * LAYER_BYTES
}

/** What `bytes`, said by somebody, comes to on a way that carries cells of `most` so far: 1,472 at least, `most` at most. */
export function leastCellBytes(bytes: number, most: number): number {
  return Math.max(MAX_CELL_BYTES, Math.min(bytes, most))
}

export interface CellSizeOptions {
  /** The owner's link to the first hop. */
  readonly link: Link
  /** Whether each hop is known to run Culvert. */
  readonly path: readonly { readonly culvert: boolean }[]
  readonly clock: Clock
  readonly random: Random
  /** Sends a message to the last hop that has answered. */
  send(message: Uint8Array): void
}

/**
 * How large a circuit's cells may be, as its owner finds out: each hop is asked (83) as soon as it has answered create or
 * extend, while it is the last. It is told what the way to it carries so far, and answers with that or, if its link towards
 * the owner carries less, with less. What the last hop answers holds for the whole circuit and both directions. No answer
 * means 1,472 and delays nothing. Nobody is asked unless all hops run Culvert and the first link is a stream.
 */
export class CellSize {
  private readonly options: CellSizeOptions
  /** What the way to the hop asked last carries, by what all before it have answered; undefined if one has not. */
  private known: number | undefined
  private asked: { readonly identifier: number; readonly hop: number } | undefined
  private agreed = MAX_CELL_BYTES
  private timer: Timer | undefined

  constructor(options: CellSizeOptions) {
    this.options = options
    const ours = cellBytesOf(options.link)
    if (ours > MAX_CELL_BYTES && options.path.every((hop) => hop.culvert)) this.known = ours
  }

  /** The largest cell that may be sent now: less than agreed if our own link is no stream any more. */
  get cellBytes(): number {
    return this.agreed === MAX_CELL_BYTES
      ? MAX_CELL_BYTES
      : Math.min(this.agreed, cellBytesOf(this.options.link))
  }

  /** Hop `hop` is the last that answers now. Asks it, unless cells are known to be small, or the hop before is still silent. */
  ask(hop: number): void {
    const unanswered = this.asked !== undefined
    const { known } = this
    if (known === undefined || known === MAX_CELL_BYTES || unanswered) {
      this.stop()
      this.known = undefined
      return
    }
    const identifier = uint16(this.options.random)
    this.asked = { identifier, hop }
    this.question(identifier, known, hop === this.options.path.length - 1 ? CELL_SIZE_TRIES : 1)
  }

  /** Takes a hop's answer. @returns whether it was asked for */
  answered({ identifier, bytes }: MessageBody<typeof MESSAGE.mtu>): boolean {
    const { asked, known } = this
    if (asked === undefined || known === undefined || asked.identifier !== identifier) return false
    this.stop()
    this.known = leastCellBytes(bytes, known)
    if (asked.hop === this.options.path.length - 1) this.agreed = this.known
    return true
  }

  stop(): void {
    this.asked = undefined
    this.timer?.cancel()
  }

  /** Only the last hop can be asked again: the others pass on what comes after their extend. */
  private question(identifier: number, bytes: number, tries: number): void {
    const { send, clock } = this.options
    send(encodeMessage(MESSAGE.mtu, { identifier, bytes }))
    if (tries <= 1) return
    this.timer = clock.after(CELL_SIZE_RETRY_MS, () => this.question(identifier, bytes, tries - 1))
  }
}
