import { decode, encode, struct, u16, u32 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'

/*
 * What a volunteer says to the page that it helps, between the messages of the link that it passes on unread: 6 bytes, ff fe
 * and the rate that it passes on each way, u32 bytes per second. No message of frames or of authentication begins like that
 * (see channel-end.ts). The page keeps to it, and asks its relay to (control packet `pace`).
 */

const TERMS = 0xfffe
const TERMS_BYTES = 6
const terms = struct({ mark: u16, bytesPerSecond: u32 })

export function bridgeTerms(bytesPerSecond: number): Uint8Array {
  return encode(terms, { mark: TERMS, bytesPerSecond })
}

/** Bytes per second, if the message is one of terms. */
export function bridgeTermsOf(message: Uint8Array): number | undefined {
  if (message.length !== TERMS_BYTES) return undefined
  try {
    const { mark, bytesPerSecond } = decode(terms, message)
    return mark === TERMS ? bytesPerSecond : undefined
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}
