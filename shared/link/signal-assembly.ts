import { concat, unpinned } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { SIGNAL_MESSAGE_BYTES, SIGNAL_PART_BYTES, SIGNAL_SESSION_BYTES } from './signalling-limits.ts'
import type { Signal, SignalKind } from './signalling-messages.ts'

/** A message of signalling, whole. */
export interface SignalMessage {
  readonly kind: SignalKind
  readonly body: Uint8Array
}

interface Unfinished {
  readonly kind: SignalKind
  readonly pieces: (Uint8Array | undefined)[]
  missing: number
}

/** Puts the messages of one side of a session together, each once, whatever was lost, repeated or came in another order. */
export class SignalAssembly {
  private readonly unfinished = new Map<number, Unfinished>()
  private readonly finished = new Set<number>()
  private bytes = 0

  /** Whether message number `message` has come already. */
  has(message: number): boolean {
    return this.finished.has(message)
  }

  /**
   * @returns the message that this was the last missing part of
   * @throws CodecError `signal-parts` for parts that do not fit each other, `signal-length` for too much
   */
  add({ kind, message, part, parts, piece }: Signal): SignalMessage | undefined {
    if (this.finished.has(message)) return undefined
    let entry = this.unfinished.get(message)
    if (!entry) {
      entry = { kind, pieces: new Array<Uint8Array | undefined>(parts).fill(undefined), missing: parts }
      this.unfinished.set(message, entry)
    }
    if (entry.kind !== kind || entry.pieces.length !== parts) {
      throw new CodecError('signal-parts', 'parts of two messages with one number')
    }
    if (entry.pieces[part]) return undefined
    this.bytes += piece.length
    if (this.bytes > SIGNAL_SESSION_BYTES)
      throw new CodecError('signal-length', 'a session of too many bytes')
    entry.pieces[part] = unpinned(piece)
    if (--entry.missing > 0) return undefined
    this.unfinished.delete(message)
    this.finished.add(message)
    const body = concat(...entry.pieces.map((each) => each ?? new Uint8Array(0)))
    if (body.length > SIGNAL_MESSAGE_BYTES)
      throw new CodecError('signal-length', 'a message of too many bytes')
    return { kind, body }
  }
}

/** A message's pieces, in order; at least one. */
export function piecesOf(body: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(body.length / SIGNAL_PART_BYTES))
  return Array.from({ length: count }, (_, i) =>
    body.subarray(i * SIGNAL_PART_BYTES, (i + 1) * SIGNAL_PART_BYTES),
  )
}
