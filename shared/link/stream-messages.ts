import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { MAX_MESSAGE_BYTES } from './constants.ts'

/*
 * Messages over a stream of bytes (TCP, Tor), one after the other:
 *
 *   message    length u32 (1 to 65,536), then as many bytes
 *   the end    length u32 = 0, then the close code u16 (close-codes.ts); nothing after it counts
 *
 * Any other length ends the stream before a byte of it is kept.
 */

/** Of the length before each message. */
export const STREAM_HEADER_BYTES = 4
const END_BYTES = 6

/** The bytes that carry one message of 1 to 65,536 bytes. */
export function streamMessage(message: Uint8Array): Uint8Array {
  return new Writer(STREAM_HEADER_BYTES + message.length).u32(message.length).raw(message).finish()
}

/** What goes before a message of so many bytes, for one that is too large to be copied. */
export function streamHead(messageBytes: number): Uint8Array {
  return new Writer(STREAM_HEADER_BYTES).u32(messageBytes).finish()
}

/** The bytes that say why the stream ends. */
export function streamEnd(code: number): Uint8Array {
  return new Writer(END_BYTES).u32(0).u16(code).finish()
}

export interface StreamMessageEvents {
  /** A message; its memory belongs to the receiver. It may be a view of the chunk that it came in. */
  onMessage(message: Uint8Array): void
  /** The neighbour has ended the stream and said why. Nothing is read any more. */
  onEnd(code: number): void
  /** A length out of range: the stream cannot be read on. */
  onBroken(length: number): void
}

/** Reads messages out of a stream, however it was cut into chunks. Keeps at most one message that is not whole yet. */
export class StreamMessageReader {
  /** A longer message breaks the stream. May be changed at any time, in `onMessage` too; the next length is held to it. */
  maxBytes: number
  private readonly events: StreamMessageEvents
  /** Bytes of a length, of an end, or of a message, as far as they have come. */
  private readonly head = new Uint8Array(END_BYTES)
  private headBytes = 0
  private body: Uint8Array | undefined
  private bodyBytes = 0
  private over = false

  constructor(events: StreamMessageEvents, maxBytes: number = MAX_MESSAGE_BYTES) {
    this.events = events
    this.maxBytes = Math.min(maxBytes, MAX_MESSAGE_BYTES)
  }

  /** Bytes that are kept of what is not whole yet. */
  get kept(): number {
    return this.headBytes + this.bodyBytes
  }

  /** Takes the stream's next bytes, which belong to the reader. */
  receive(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.over) {
      at += this.body ? this.fill(chunk, at, this.body) : this.begin(chunk, at)
    }
  }

  /** Nothing is read any more. */
  stop(): void {
    this.over = true
    this.body = undefined
    this.headBytes = 0
    this.bodyBytes = 0
  }

  /** Reads of a length or an end, and the whole message behind it if it is there. @returns bytes read */
  private begin(chunk: Uint8Array, at: number): number {
    const wanted = this.headBytes < STREAM_HEADER_BYTES ? STREAM_HEADER_BYTES : END_BYTES
    const taken = Math.min(wanted - this.headBytes, chunk.length - at)
    this.head.set(chunk.subarray(at, at + taken), this.headBytes)
    this.headBytes += taken
    if (this.headBytes < wanted) return taken
    const head = new Reader(this.head)
    const length = head.u32()
    if (length === 0) {
      if (wanted === END_BYTES) this.end(head.u16())
      return taken
    }
    this.headBytes = 0
    if (length > this.maxBytes) {
      this.stop()
      this.events.onBroken(length)
      return taken
    }
    const start = at + taken
    if (chunk.length - start < length) {
      this.body = new Uint8Array(length)
      return taken
    }
    this.events.onMessage(chunk.subarray(start, start + length))
    return taken + length
  }

  private fill(chunk: Uint8Array, at: number, body: Uint8Array): number {
    const taken = Math.min(body.length - this.bodyBytes, chunk.length - at)
    body.set(chunk.subarray(at, at + taken), this.bodyBytes)
    this.bodyBytes += taken
    if (this.bodyBytes === body.length) {
      this.body = undefined
      this.bodyBytes = 0
      this.events.onMessage(body)
    }
    return taken
  }

  private end(code: number): void {
    this.stop()
    this.events.onEnd(code)
  }
}
