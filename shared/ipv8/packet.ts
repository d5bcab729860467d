import { concat } from '../bytes/bytes.ts'
import { type Codec, decode, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { KEY_BYTES, type KeyPair, PublicKey, SIGNATURE_BYTES } from '../identity/keys.ts'
import { COMMUNITY_ID_BYTES, PREFIX_BYTES } from './constants.ts'

/**
 * An IPv8 packet: prefix 22 (00 02, community id 20), message id 1, body. A signed one has the sender's public key (varlenH,
 * 74 bytes) before its body and an Ed25519 signature over everything before it (64 bytes) at the end.
 */
export const MESSAGE_ID_AT = PREFIX_BYTES

/** 00 02 and the community id, 22 bytes. */
export function prefixOf(communityId: Uint8Array): Uint8Array {
  if (communityId.length !== COMMUNITY_ID_BYTES) {
    throw new CodecError('packet-community', `a community id of ${communityId.length} bytes`)
  }
  return concat(new Uint8Array([0, 2]), communityId)
}

/** The message id of a packet of the community with this prefix; undefined if it is of another, or too short. */
export function messageIdOf(packet: Uint8Array, prefix: Uint8Array): number | undefined {
  if (packet.length <= MESSAGE_ID_AT) return undefined
  for (let i = 0; i < PREFIX_BYTES; i++) if (packet[i] !== prefix[i]) return undefined
  return packet[MESSAGE_ID_AT]
}

/** Whether a packet is of the community with this prefix, but of another version of IPv8 than 2 (requirement N-09). */
export function isOtherVersion(packet: Uint8Array, prefix: Uint8Array): boolean {
  if (packet.length <= MESSAGE_ID_AT || packet[0] !== 0 || packet[1] === 2) return false
  for (let i = 2; i < PREFIX_BYTES; i++) if (packet[i] !== prefix[i]) return false
  return true
}

/** What follows the message id, as a view. */
export function bodyOf(packet: Uint8Array): Uint8Array {
  const reader = new Reader(packet)
  reader.view(PREFIX_BYTES + 1)
  return reader.rest()
}

/** @param sizeHint bytes that it will about have */
export function unsignedPacket<T>(
  prefix: Uint8Array,
  messageId: number,
  codec: Codec<T>,
  value: T,
  sizeHint = 128,
): Uint8Array {
  const writer = new Writer(sizeHint).raw(prefix).u8(messageId)
  codec.write(writer, value)
  return writer.finish()
}

/** Decodes all of an unsigned packet's body; left-over bytes are refused. */
export function readUnsigned<T>(packet: Uint8Array, codec: Codec<T>): T {
  return decode(codec, bodyOf(packet))
}

const keyField = varlen16(KEY_BYTES, KEY_BYTES)

export function signedPacket<T>(
  prefix: Uint8Array,
  messageId: number,
  keyPair: KeyPair,
  codec: Codec<T>,
  value: T,
): Uint8Array {
  const writer = new Writer(512).raw(prefix).u8(messageId)
  keyField.write(writer, keyPair.publicKey.bytes)
  codec.write(writer, value)
  const message = writer.finish()
  return concat(message, keyPair.sign(message))
}

/** A signed packet that is well formed; whether its signature holds is asked last, because that costs the most. */
export interface SignedPacket<T> {
  readonly key: PublicKey
  readonly value: T
  /** Throws CodecError `packet-signature` unless the key signed this packet. */
  verify(): void
}

/**
 * Takes a signed packet apart without checking the signature. py-ipv8 takes keys of other lengths than 74 bytes too; ours
 * refuses them, as identity/ says. Left-over bytes before the signature are refused.
 */
export function parseSigned<T>(packet: Uint8Array, codec: Codec<T>): SignedPacket<T> {
  const reader = new Reader(packet, 0, packet.length - SIGNATURE_BYTES)
  reader.view(PREFIX_BYTES + 1)
  const key = PublicKey.parse(keyField.read(reader))
  const value = codec.read(reader)
  reader.done()
  const verify = () => {
    const tail = new Reader(packet)
    const message = tail.view(reader.end)
    if (!key.verify(tail.rest(), message)) {
      throw new CodecError('packet-signature', `message ${packet[MESSAGE_ID_AT]} is not signed by its sender`)
    }
  }
  return { key, value, verify }
}

/** As parseSigned, and checks the signature. */
export function openSigned<T>(packet: Uint8Array, codec: Codec<T>): { key: PublicKey; value: T } {
  const { key, value, verify } = parseSigned(packet, codec)
  verify()
  return { key, value }
}
