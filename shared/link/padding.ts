/**
 * Size classes of a link's messages (L-09). Who watches an encrypted link sees how long its messages are; padded up to one
 * of a few classes, they do not tell how many layers a cell still has, nor what it carries. Ascending. What each costs and
 * hides: docs/links.md "Padding".
 */
export type SizeClasses = readonly number[]

/**
 * With the 8 bytes that WebSocket puts before a message of a page, it fills one TLS record of 16,384 bytes (RFC 8446 §5.1).
 * A jumbo cell fits; a packet that does not goes in a message of its own size.
 */
const LARGEST_CLASS = 16_376

/**
 * Bytes: an acknowledgement, an extend or another small message; then a full cell of 1,472 bytes, two, four, and eleven, or one jumbo cell.
 * Made to measure for cells.
 */
export const SIZE_CLASSES: SizeClasses = [256, 1_536, 3_072, 6_144, LARGEST_CLASS]

/** A link that does not pad. */
export const NO_SIZE_CLASSES: SizeClasses = []

/** Bytes of padding that make a message of `bytes` as long as the least class that holds it; 0 where no class does. */
export function paddingFor(bytes: number, classes: SizeClasses): number {
  for (const size of classes) if (bytes <= size) return size - bytes
  return 0
}

/** A class is filled to this part at least, or else the next smaller one is taken, and what it does not hold comes after it. */
const LEAST_FILL = 0.85

/**
 * How many bytes the next message is to hold at most, of `waiting` bytes: all where they fill a class, else as many as the
 * class below holds. Five cells go as four and one, rather than in a message three times as long.
 */
export function messageRoom(waiting: number, classes: SizeClasses): number {
  let smaller: number | undefined
  for (const size of classes) {
    if (waiting <= size) return waiting >= size * LEAST_FILL ? waiting : (smaller ?? waiting)
    smaller = size
  }
  return smaller ?? waiting
}

/** What cover traffic may cost (L-09). Bytes are those of packets. */
export interface CoverBudget {
  /** Of one link, on average and at most. 0 for no cover traffic. */
  readonly bytesPerSecond: number
  /** Of all links together. */
  readonly totalBytesPerSecond: number
  /** Of what the links really carry, from the start on: 0.25 for a quarter. Where nothing is carried nothing is covered. */
  readonly share: number
}

/** Off until the operator says otherwise; the other two are what he gets if he sets the first alone. */
export const COVER_BUDGET: CoverBudget = { bytesPerSecond: 0, totalBytesPerSecond: 100_000, share: 0.25 }
