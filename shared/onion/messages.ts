import { anyAddress, ipAddress } from '../bytes/address.ts'
import { type Codec, encode, fixed, list8, raw, struct, u8, u16, u32, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { AUTH_BYTES } from '../crypto/handshake.ts'
import { KEY_BYTES } from '../identity/keys.ts'
import { MESSAGE } from './constants.ts'

/**
 * Every message that a cell carries, without its id byte and without its circuit id (which is in the cell's header). Bytes
 * behind a message are ignored, as IPv8 does (IPV8-WIRE "Cells"); lengths that run past its end are refused, where
 * py-ipv8 shortens the field.
 */

const identifier = u16
/** A relay's or owner's public key in its IPv8 form. */
const nodeKey = varlen16(KEY_BYTES, KEY_BYTES)
/** An X25519 public key. */
const dhKey = varlen16(32, 32)
const infoHash = fixed(20)
const cookie = fixed(20)

/** Length as u16, then the item in exactly that many bytes. */
function sized<T>(item: Codec<T>, max: number): Codec<T> {
  const bytes = varlen16(max)
  return {
    write: (w, value) => bytes.write(w, encode(item, value)),
    read: (r) => {
      const reader = new Reader(bytes.read(r))
      const value = item.read(reader)
      reader.done()
      return value
    },
  }
}

/** 1 data, and our 80 stream: to the owner, `destination` is 0.0.0.0:0 in data, and the stream's in stream. */
export const data = struct({ destination: anyAddress, origin: anyAddress, data: raw })

/** 2 */
export const create = struct({ identifier, nodeKey, dhKey })

/** 3 created and 5 extended; `candidates` is sealed by the hop that answers. */
export const created = struct({ identifier, dhKey, auth: fixed(AUTH_BYTES), candidates: raw })

/** 4; an address of 0.0.0.0:0 means that the relay knows the way. */
export const extend = struct({ identifier, nodeKey, dhKey, address: ipAddress })

/** 6 ping, 7 pong, 10 introduction established, 16 linked end-to-end. */
const identified = struct({ identifier })

/** 9 */
export const establishIntro = struct({ identifier, infoHash, seederKey: nodeKey })

/** 11 establish rendezvous, 15 link end-to-end */
const cookied = struct({ identifier, cookie })

/** 12 */
export const rendezvousEstablished = struct({ identifier, address: ipAddress })

/** 13; travels as a packet of its own (prefix, id, this) inside a data cell. */
export const createE2e = struct({ identifier, infoHash, seederKey: nodeKey, dhKey })

/** 14; as 13. */
export const createdE2e = struct({ identifier, dhKey, auth: fixed(AUTH_BYTES), rendezvous: raw })

/** 17 */
export const peersRequest = struct({ identifier, infoHash })

const introducedPeer = struct({ address: ipAddress, nodeKey, seederKey: nodeKey, source: u8 })

/** 18; source: unknown 0, DHT 1, peer exchange 2. */
export const peersResponse = struct({ identifier, infoHash, peers: list8(sized(introducedPeer, 200)) })

/** 19; `responseBytes` of random data are asked for. */
export const testRequest = struct({ identifier, responseBytes: u16, data: raw })

/** 20 */
export const testResponse = struct({ identifier, data: raw })

/** 21, 22: as 19 and 20. */
export const wideTestRequest = struct({ identifier: u32, responseBytes: u16, data: raw })
export const wideTestResponse = struct({ identifier: u32, data: raw })

/** 28; the request's bytes as they go over TCP to the target. */
export const httpRequest = struct({ identifier: u32, target: anyAddress, request: varlen16(0xffff) })

/** 29; part 0 to parts - 1 of the response's bytes, head included. */
export const httpResponse = struct({
  identifier: u32,
  part: u16,
  parts: u16,
  response: varlen16(0xffff),
})

/** 81, ours: the stream's destination, its uTP connection id, a value of STREAM_RESET_REASONS. */
export const streamReset = struct({ destination: anyAddress, connectionId: u16, reason: u8 })

/** 82, ours: message id and body of a packet of the directory's community. */
export const directory = raw

/** 83, ours: the largest cell, in bytes, that the way between owner and hop carries. */
export const mtu = struct({ identifier, bytes: u16 })

/** What created end-to-end carries, sealed: length 2, then where the seeder waits. */
export const rendezvousInfo = sized(struct({ address: ipAddress, nodeKey, cookie }), 200)

const CODECS = {
  [MESSAGE.data]: data,
  [MESSAGE.create]: create,
  [MESSAGE.created]: created,
  [MESSAGE.extend]: extend,
  [MESSAGE.extended]: created,
  [MESSAGE.ping]: identified,
  [MESSAGE.pong]: identified,
  [MESSAGE.establishIntro]: establishIntro,
  [MESSAGE.introEstablished]: identified,
  [MESSAGE.establishRendezvous]: cookied,
  [MESSAGE.rendezvousEstablished]: rendezvousEstablished,
  [MESSAGE.createE2e]: createE2e,
  [MESSAGE.createdE2e]: createdE2e,
  [MESSAGE.linkE2e]: cookied,
  [MESSAGE.linkedE2e]: identified,
  [MESSAGE.peersRequest]: peersRequest,
  [MESSAGE.peersResponse]: peersResponse,
  [MESSAGE.testRequest]: testRequest,
  [MESSAGE.testResponse]: testResponse,
  [MESSAGE.wideTestRequest]: wideTestRequest,
  [MESSAGE.wideTestResponse]: wideTestResponse,
  [MESSAGE.httpRequest]: httpRequest,
  [MESSAGE.httpResponse]: httpResponse,
  [MESSAGE.stream]: data,
  [MESSAGE.streamReset]: streamReset,
  [MESSAGE.directory]: directory,
  [MESSAGE.mtu]: mtu,
}

type Codecs = typeof CODECS
export type MessageId = keyof Codecs
export type MessageBody<I extends MessageId> = Codecs[I] extends Codec<infer T> ? T : never

/** Message id and body. */
export function encodeMessage<I extends MessageId>(id: I, body: MessageBody<I>): Uint8Array {
  const writer = new Writer()
  writer.u8(id)
  const codec = CODECS[id] as unknown as Codec<MessageBody<I>>
  codec.write(writer, body)
  return writer.finish()
}

/** The body of the message `bytes[at, end)`, whose id has been looked at. What is left over is ignored. */
export function decodeMessage<I extends MessageId>(
  id: I,
  bytes: Uint8Array,
  at = 0,
  end = bytes.length,
): MessageBody<I> {
  const reader = new Reader(bytes, at, end)
  const found = reader.u8()
  if (found !== id) throw new CodecError('cell-message', `message ${found} where ${id} belongs`)
  const codec = CODECS[id] as unknown as Codec<MessageBody<I>>
  return codec.read(reader)
}
