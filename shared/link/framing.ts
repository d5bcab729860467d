import type { Counters } from '../world/counters.ts'
import { FRAME_HEADER_BYTES, MESSAGE_BYTES } from './constants.ts'
import type { FairQueue } from './fair-queue.ts'

/*
 * A message of a WebSocket link is one frame or more, nothing else:
 *
 *   frame = length u16 (1 to the link's MTU), packet of that many bytes
 *
 * The offsets below are written out, not read by a codec: this is the one loop that every byte of a page passes.
 */

/**
 * The next packets of `queue`, as many as fit into one message of at most `maxBytes`; undefined if there is none.
 * @param counters counts them as `link-sent` and `link-sent-bytes` (N-13)
 */
export function packFrames(
  queue: FairQueue,
  maxBytes = MESSAGE_BYTES,
  counters?: Counters,
): Uint8Array | undefined {
  if (queue.packets === 0) return undefined
  const room = Math.min(maxBytes, queue.bytes + queue.packets * FRAME_HEADER_BYTES)
  const message = new Uint8Array(room)
  let at = 0
  let packets = 0
  for (;;) {
    const packet = queue.pop(room - at - FRAME_HEADER_BYTES)
    if (!packet) break
    const { length } = packet
    message[at] = length >>> 8
    message[at + 1] = length
    message.set(packet, at + FRAME_HEADER_BYTES)
    at += FRAME_HEADER_BYTES + length
    packets++
  }
  counters?.add('link-sent', packets)
  counters?.add('link-sent-bytes', at - packets * FRAME_HEADER_BYTES)
  return at === 0 ? undefined : at === room ? message : message.subarray(0, at)
}

/**
 * Hands on the packets of a message, as views of it: they do not overlap, and each belongs to its receiver. All or nothing:
 * a message that is empty, cut short, or holds a packet of 0 or of more than `mtu` bytes is counted (`frames-empty`,
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
  for (let at = 0; at < message.length; ) {
    const start = at + FRAME_HEADER_BYTES
    at = start + lengthAt(message, at)
    onPacket(message.subarray(start, at))
  }
  return true
}

function checkFrames(message: Uint8Array, mtu: number): string | undefined {
  if (message.length === 0) return 'frames-empty'
  for (let at = 0; at < message.length; ) {
    if (message.length - at < FRAME_HEADER_BYTES) return 'frames-truncated'
    const length = lengthAt(message, at)
    if (length === 0 || length > mtu) return 'frames-length'
    at += FRAME_HEADER_BYTES + length
    if (at > message.length) return 'frames-truncated'
  }
  return undefined
}

function lengthAt(message: Uint8Array, at: number): number {
  return ((message[at] as number) << 8) | (message[at + 1] as number)
}
