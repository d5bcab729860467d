import type { Counters } from '../world/counters.ts'
import { FRAME_HEADER_BYTES, MESSAGE_BYTES } from './constants.ts'
import type { FairQueue } from './fair-queue.ts'
import { messageRoom, NO_SIZE_CLASSES, paddingFor, type SizeClasses } from './padding.ts'

/*
 * A message of a link of messages is one frame or more, and padding:
 *
 *   message = frame+, padding?
 *   frame   = length u16 (1 to the link's MTU), packet of that many bytes
 *   padding = length u16 of 0, and what is behind it; or one byte of 0, where there is room for no more
 *
 * The offsets below are written out, not read by a codec: this is the one loop that every byte of a page passes.
 */

/**
 * The next packets of `queue`, as many as fit into one message of at most `maxBytes`; undefined if there is none. With size
 * classes the message is of one of their sizes, unless it holds a packet that is larger than all (L-09).
 * @param counters counts them as `link-sent` and `link-sent-bytes` (N-13), and `link-padding-bytes`
 */
export function packFrames(
  queue: FairQueue,
  maxBytes = MESSAGE_BYTES,
  counters?: Counters,
  classes: SizeClasses = NO_SIZE_CLASSES,
): Uint8Array | undefined {
  if (queue.packets === 0) return undefined
  const waiting = queue.bytes + queue.packets * FRAME_HEADER_BYTES
  const room = Math.min(maxBytes, messageRoom(waiting, classes))
  // Nothing may come of a room chosen for many small packets, where the next one is larger than it.
  return (
    packInto(queue, room, counters, classes) ??
    packInto(queue, Math.min(maxBytes, waiting), counters, classes)
  )
}

function packInto(
  queue: FairQueue,
  room: number,
  counters: Counters | undefined,
  classes: SizeClasses,
): Uint8Array | undefined {
  const message = new Uint8Array(room + paddingFor(room, classes))
  let at = 0
  let packets = 0
  while (queue.packets > 0) {
    const packet = queue.pop(room - at - FRAME_HEADER_BYTES)
    if (!packet) break
    const { length } = packet
    message[at] = length >>> 8
    message[at + 1] = length
    message.set(packet, at + FRAME_HEADER_BYTES)
    at += FRAME_HEADER_BYTES + length
    packets++
  }
  if (at === 0) return undefined
  const padding = paddingFor(at, classes)
  counters?.add('link-sent', packets)
  counters?.add('link-sent-bytes', at - packets * FRAME_HEADER_BYTES)
  if (padding > 0) counters?.add('link-padding-bytes', padding)
  const end = at + padding
  return end === message.length ? message : message.subarray(0, end)
}

/**
 * Hands on the packets of a message, as views of it: they do not overlap, and each belongs to its receiver. All or nothing:
 * a message without a packet, cut short, or with a packet of more than `mtu` bytes is counted (`frames-empty`,
 * `frames-truncated`, `frames-length`) and none of its packets is delivered.
 * @returns whether the message was well-formed
 */
export function unpackFrames(
  message: Uint8Array,
  mtu: number,
  onPacket: (packet: Uint8Array) => void,
  counters: Counters,
): boolean {
  const refusal = checkFrames(message, mtu)
  if (refusal) {
    counters.add(refusal)
    return false
  }
  for (let at = 0; !isEnd(message, at); ) {
    const start = at + FRAME_HEADER_BYTES
    at = start + lengthAt(message, at)
    onPacket(message.subarray(start, at))
  }
  return true
}

function checkFrames(message: Uint8Array, mtu: number): string | undefined {
  if (isEnd(message, 0)) return 'frames-empty'
  for (let at = 0; !isEnd(message, at); ) {
    if (message.length - at < FRAME_HEADER_BYTES) return 'frames-truncated'
    const length = lengthAt(message, at)
    if (length > mtu) return 'frames-length'
    at += FRAME_HEADER_BYTES + length
    if (at > message.length) return 'frames-truncated'
  }
  return undefined
}

/** Whether no frame begins at `at`: the message ends there, or its padding begins. A byte behind the message reads as 0. */
function isEnd(message: Uint8Array, at: number): boolean {
  return at >= message.length || (message[at] === 0 && (message[at + 1] ?? 0) === 0)
}

function lengthAt(message: Uint8Array, at: number): number {
  return ((message[at] as number) << 8) | (message[at + 1] as number)
}
