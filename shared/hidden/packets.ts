import { concat } from '../bytes/bytes.ts'
import { messageIdOf } from '../ipv8/packet.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage, encodeMessage, type MessageBody } from '../onion/messages.ts'

/**
 * The messages that travel as unsigned packets of their own (prefix 22, id 1, body) inside data cells and between an exit's
 * socket and an introduction point: create and created end-to-end, peers-request and -response.
 */
export type PacketId =
  | typeof MESSAGE.createE2e
  | typeof MESSAGE.createdE2e
  | typeof MESSAGE.peersRequest
  | typeof MESSAGE.peersResponse

const PACKETS: readonly number[] = [
  MESSAGE.createE2e,
  MESSAGE.createdE2e,
  MESSAGE.peersRequest,
  MESSAGE.peersResponse,
]

export function isHiddenPacket(id: number): id is PacketId {
  return PACKETS.includes(id)
}

export function encodePacket<I extends PacketId>(
  prefix: Uint8Array,
  id: I,
  body: MessageBody<I>,
): Uint8Array {
  return concat(prefix, encodeMessage(id, body))
}

/** Which of these messages a packet is; undefined if it is none, or of another community. */
export function packetId(prefix: Uint8Array, packet: Uint8Array): PacketId | undefined {
  const id = messageIdOf(packet, prefix)
  return id !== undefined && isHiddenPacket(id) ? id : undefined
}

/** The body of a packet whose id has been looked at. @throws CodecError */
export function decodePacket<I extends PacketId>(
  prefix: Uint8Array,
  id: I,
  packet: Uint8Array,
): MessageBody<I> {
  return decodeMessage(id, packet, prefix.length)
}
