import type { Address } from '../bytes/address.ts'
import type { StreamResetReason } from '../onion/exit-port.ts'

/** Why a stream ended other than by both sides finishing. */
export type StreamEnd = StreamResetReason | 'circuit-lost' | 'no-circuit'

/** A reliable, ordered, two-way stream of bytes with flow control: TCP as it is seen from either end of a circuit. */
export interface ByteStream {
  /** Takes all of `chunk`; false asks the caller to wait for `drained` before writing more. Allowed before `opened`. */
  write(chunk: Uint8Array): boolean
  /** Half-close: nothing more will be written. What was written still arrives. */
  end(): void
  /** Ends both directions at once. `closed(undefined)` follows. Idempotent. */
  destroy(reason?: StreamResetReason): void
  /** While paused no `data` is given, and the far side is slowed down by flow control. */
  pause(): void
  resume(): void
}

/** Never called from within the call that made the stream. */
export interface ByteStreamEvents {
  opened(): void
  /** `chunk` is the receiver's to keep. */
  data(chunk: Uint8Array): void
  /** Room again after `write` returned false. */
  drained(): void
  /** So many bytes of what was written wait to be taken, where that is known: told at each change, and not after `closed`. */
  untaken?(bytes: number): void
  /** The far side will send nothing more; all its data was given. */
  ended(): void
  /** The last event, exactly once. Undefined after an orderly end of both directions or a local `destroy`. */
  closed(reason: StreamEnd | undefined): void
}

/** Opens TCP connections: sockets at an exit, circuit streams in a page, a table in a test. */
export type StreamOpener = (destination: Address, events: ByteStreamEvents) => ByteStream
