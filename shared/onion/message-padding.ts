import { MESSAGE } from './constants.ts'

/**
 * Sizes of an owner's small messages, their id included, in bytes: an acknowledgement of a stream (a uTP header of 20 in a stream
 * message to an IPv4 address), and the longest question to a hop that is not data, an extend to an IPv6 address.
 */
export const OWNER_MESSAGE_BYTES = [35, 132] as const

/** Messages behind which a node ignores what is left over. Not those that end in data of any length: it would be taken for data. */
const PADDED: ReadonlySet<number> = new Set([
  MESSAGE.ping,
  MESSAGE.extend,
  MESSAGE.mtu,
  MESSAGE.establishIntro,
  MESSAGE.establishRendezvous,
  MESSAGE.linkE2e,
  MESSAGE.peersRequest,
])

/**
 * What an owner asks his hops, in one of few sizes (L-09): so that on a link of datagrams, which cannot be padded, a cell's size
 * does not tell a ping from an acknowledgement, nor one question from another.
 */
export function paddedMessage(message: Uint8Array): Uint8Array {
  if (!PADDED.has(message[0] as number)) return message
  const size = OWNER_MESSAGE_BYTES.find((bytes) => bytes >= message.length)
  if (size === undefined || size === message.length) return message
  const padded = new Uint8Array(size)
  padded.set(message)
  return padded
}
