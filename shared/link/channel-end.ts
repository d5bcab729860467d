import { decode, encode, struct, u16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'

/*
 * Data channels end without a code (RFC 8831 §6.7). The side that closes says why in a last message of 4 bytes: ff ff, then
 * the close code u16 (close-codes.ts), and the other side closes the connection when it has read it. No message of frames or
 * of authentication begins with ff ff: no frame is so long.
 */

const END = 0xffff
const END_BYTES = 4
const end = struct({ mark: u16, code: u16 })

/** The last message of a data channel. */
export function channelEnd(code: number): Uint8Array {
  return encode(end, { mark: END, code })
}

/** The close code, if the message is the last one of a data channel. */
export function channelEndCode(message: Uint8Array): number | undefined {
  if (message.length !== END_BYTES) return undefined
  try {
    const { mark, code } = decode(end, message)
    return mark === END ? code : undefined
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}
